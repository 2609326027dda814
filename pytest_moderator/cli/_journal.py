"""Which journal, which run and which task a sub-command is about."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.journal.glance import Glance

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from pytest_moderator.journal import RunSummary, TaskRow

_PLACE = Path(".moderator")
_VARIABLE = "MODERATOR_STATE_DIR"
_SHOWN = 5  # names in a row


@contextlib.contextmanager
def open_journal(arguments: argparse.Namespace) -> Iterator[Glance]:
    """Open the journal that the command line means.

    Raises:
        ModeratorError: there is none, or it cannot be read.
    """
    if sys.platform == "win32":
        raise ModeratorError("there are no runs on Windows yet; there are in WSL")
    with Glance(_find(arguments.state_dir)) as journal:
        yield journal


def run_to_look_at(journal: Glance, name: str | None) -> RunSummary:
    """Give the run that is meant: that of a name, else the last one that is alive, else the last one.

    Raises:
        ModeratorError: there is none.
    """
    if name is not None:
        return journal.run(name)
    alive = journal.alive()
    return alive[0] if alive else _last(journal)


def run_to_steer(journal: Glance, name: str | None) -> RunSummary:
    """Give the run that is meant: that of a name, else the only one that is alive, else the last one.

    Raises:
        ModeratorError: there is none, or several are alive.
    """
    if name is not None:
        return journal.run(name)
    alive = journal.alive()
    if len(alive) > 1:
        listed = "".join(f"\n  {run.id}  {', '.join(run.files)} ({run.status})" for run in alive)
        raise ModeratorError(f"{len(alive)} runs are alive; say with --run which one is meant:{listed}")
    return alive[0] if alive else _last(journal)


def find_task(journal: Glance, run: RunSummary, name: str) -> TaskRow:
    """Give the task that is meant by an id, or by ``file.md::ID``.

    Raises:
        ModeratorError: the run has no such task, or several of its files have.
    """
    rows = journal.with_id(run.id, name)
    if not rows and "::" in name:
        file, _, task_id = name.rpartition("::")
        here = Path(os.path.relpath(file, run.root)).as_posix()
        rows = [row for row in journal.with_id(run.id, task_id) if row.file in (file, here)]
    if len(rows) == 1:
        return rows[0]
    if rows:
        named = ", ".join(f"{row.file}::{row.task_id}" for row in rows)
        raise ModeratorError(f"several tasks of run {run.id} have the id {name!r}: name one of {named}")
    raise ModeratorError(f"run {run.id} has no task {name!r}{_near(journal, run, name)}")


def names_of(run: RunSummary, rows: Iterable[TaskRow]) -> str:
    """Name tasks in a few words."""
    names = [row.task_id if len(run.files) == 1 else f"{row.file}::{row.task_id}" for row in rows]
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _find(given: str | None) -> Path:
    if named := given if given is not None else os.environ.get(_VARIABLE):
        return Path(named)
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise ModeratorError("the current directory is gone: go to another one") from error
    for directory in (here, *here.parents):
        place = directory / _PLACE
        if os.path.lexists(place / "state.db"):
            return place
    raise ModeratorError(
        f"there is no journal of runs in {str(here)!r}, nor in a directory above it: go to a directory where pytest "
        "--moderator has run, or name the place of its records with --state-dir"
    )


def _last(journal: Glance) -> RunSummary:
    runs = journal.runs(limit=1)
    if not runs:
        raise ModeratorError(f"no run has begun yet in {str(journal.path)!r}: pytest --moderator begins one")
    return runs[0]


def _near(journal: Glance, run: RunSummary, name: str) -> str:
    from pytest_moderator.nearest import NearestIds  # noqa: PLC0415 (for a mistake only)

    names = journal.names(run.id)
    known = [f"{file}::{task_id}" for file, task_id in names] if "::" in name else [pair[1] for pair in names]
    nearest = NearestIds(known).of(name)
    return f"; did you mean {nearest!r}?" if nearest else "; moderator status --json lists all that it has"
