"""The pytest command that goes on with a run that is over."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_moderator.journal import RunSummary
    from pytest_moderator.journal.glance import Glance

# What was meant for that one start of pytest.
_ONCE = ("--moderator-resume", "--moderator-force", "--moderator-rerun")
_WITH_VALUE = "--moderator-rerun"
_STATE_DIR = "--moderator-state-dir"


def go_on(journal: Glance, run: RunSummary, added: str, *, execute: bool) -> int:
    """Print the command that goes on with a run, or become it.

    Args:
        journal: where the run stands.
        run: the run.
        added: the option that makes the command go on with the run.
        execute: whether to run it.

    Returns:
        The exit code, where this process is not replaced by pytest.

    Raises:
        ModeratorError: pytest would go on with another run, or it cannot be started.
    """
    _check_is_last(journal, run)
    arguments = _arguments(run, added, journal.state_dir)
    line = shlex.join(["pytest", *arguments])
    here = Path.cwd() == run.directory
    print(line if here else f"cd {shlex.quote(str(run.directory))} && {line}")
    if not execute:
        return 0
    sys.stdout.flush()
    journal.close()
    try:
        os.chdir(run.directory)
        os.execvp(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 (no shell is wanted)
    except OSError as error:
        raise ModeratorError(
            f"cannot go on with run {run.id} in {str(run.directory)!r}: {error.strerror}"
        ) from error


def is_last(journal: Glance, run: RunSummary) -> bool:
    """Whether no later run has the same files: pytest goes on with the last one only."""
    return _last_of(journal, run).id == run.id


def _check_is_last(journal: Glance, run: RunSummary) -> None:
    last = _last_of(journal, run)
    if last.id != run.id:
        raise ModeratorError(
            f"run {run.id} is not the last one of {', '.join(run.files)}, and pytest goes on with the last one only: "
            f"that is {last.id}"
        )


def _last_of(journal: Glance, run: RunSummary) -> RunSummary:
    later = journal.runs(file=run.files[0])
    return next((other for other in later if set(other.files) == set(run.files)), run)


def _arguments(run: RunSummary, added: str, state_dir: Path) -> Sequence[str]:
    arguments = list(_without_what_was_meant_once(run.command))
    named = any(argument.partition("=")[0] == _STATE_DIR for argument in arguments)
    options = [added]
    if not named and state_dir != run.root / ".moderator":
        options.append(f"{_STATE_DIR}={state_dir}")  # it may have come from an environment that is gone
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:end], *options, *arguments[end:]]


def _without_what_was_meant_once(command: Sequence[str]) -> Iterator[str]:
    rest = iter(command)
    for argument in rest:
        if argument.partition("=")[0] not in _ONCE:
            yield argument
        elif argument == _WITH_VALUE:
            next(rest, None)
