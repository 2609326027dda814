"""Whether a task that has failed is tried again, and when."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.attempt.budgets import why_spent
from pytest_moderator.attempt.environment import task_environment
from pytest_moderator.attempt.launcher import LocalLauncher, note
from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.attempt.run import Following
from pytest_moderator.attempt.signs import CANCELLED
from pytest_moderator.backends.base import ProcessSpec
from pytest_moderator.backends.limits import LONGEST_WAIT
from pytest_moderator.backends.process import describe_failure
from pytest_moderator.clock import seconds_until
from pytest_moderator.model import ErrorCategory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Attempt, Task, TaskResult

REFRESH_LOG = "refresh.log"
_RETRIES: Mapping[str | None, int] = {
    ErrorCategory.TRANSIENT: 3,
    ErrorCategory.RESOURCE: 1,
    ErrorCategory.PERMISSION: 1,
}
_HEALED_BY_TIME = (ErrorCategory.TRANSIENT, ErrorCategory.RESOURCE)
_LONGEST_REFRESH = 300.0  # seconds
_FIRST_PAUSE = 2.0  # seconds
_FACTOR = 3.0
_LONGEST_PAUSE = 60.0  # seconds


def retries_of(category: str | None, context: AttemptContext) -> int:
    """Say how many tries follow failures of a kind where nobody has said how many shall."""
    if category == ErrorCategory.PERMISSION and not context.refresh:
        return 0
    return _RETRIES.get(category, 0)


def pause_before(result: TaskResult, tries: int, now: datetime | None = None) -> float | None:
    """Say how many seconds to wait before the next try.

    Kinds of failures that time may heal wait the longer the more tries there were, and never quite as long as others
    that have failed at the same time.

    Args:
        result: of the last try.
        tries: how many of this kind have failed, from 1.
        now: the time, with a zone.

    Returns:
        0 or more; ``None`` when a limit lasts longer than anybody waits for it.
    """
    spread = random.uniform(0.5, 1.0)  # noqa: S311 (nobody is to be kept from guessing it)
    until = seconds_until(result.resets_at, now)
    if until is not None:
        return None if until > LONGEST_WAIT else max(until, 0.0) + spread
    if result.category in _HEALED_BY_TIME:
        return spread * min(_LONGEST_PAUSE, _FIRST_PAUSE * _FACTOR ** min(tries - 1, 10))
    return 0.0


def wait(seconds: float, task: Task, context: AttemptContext) -> bool:
    """Wait, and say whether that came to its end.

    It is a process with the mark of the task that waits. So whatever ends the processes of a task or a run (Ctrl-C,
    ``cancel``, the end of the process that we work for) ends the wait, too, and it is held when they are.
    """
    mark = make_mark(context.run_id, context.name or task.id, context.attempt, os.environ.get(MARK, ""))
    nowhere = Path(os.devnull)
    spec = ProcessSpec(
        argv=("sleep", f"{seconds:.3f}"),
        cwd=Path("/"),
        env={MARK: mark, "PATH": os.environ.get("PATH", os.defpath)},
        stdout=nowhere,
        stderr=nowhere,
        grace=context.grace,
    )
    return (context.launcher or LocalLauncher()).run(spec).exit_code == 0


def what_follows(
    task: Task,
    result: TaskResult,
    context: AttemptContext,
    *,
    before: Sequence[Attempt] = (),
    left: int | None,
    fixtures: Mapping[str, str] | None = None,
) -> Following:
    """Make ready for the next try of a task that has failed, and wait for it, unless that takes too long.

    Args:
        task: the task.
        result: of the last try, with its category.
        context: that of the last try; its ``used`` is what all of them have used.
        before: the tries before the last one.
        left: how many more there may be; without it, the category decides.
        fixtures: what the task's fixtures add to its environment.

    Returns:
        Whether there is one, and whether it is time for it.
    """
    alike = 1 + sum(attempt.category == result.category for attempt in before)
    left = retries_of(result.category, context) + 1 - alike if left is None else left
    if left <= 0 or _is_cancelled(context):
        return Following("")
    pause = pause_before(result, alike)
    if pause is None:
        return Following(f"not tried again, as it would fail until {result.resets_at}")
    if obstacle := _obstacle(task, result, context, fixtures):
        return Following(f"not tried again, as {obstacle}")
    _tell(result, context, pause)
    if context.patience is not None and (pause > context.patience or _is_limited(result)):
        return Following(later=pause)
    if pause and not wait(pause, task, context):
        return Following("the wait for another try was ended")
    return Following("" if _is_cancelled(context) else None)


def _is_limited(result: TaskResult) -> bool:
    """Whether a limit of the backend lasts: whoever decides what starts has to know, to hold its other tasks."""
    return (seconds_until(result.resets_at) or 0.0) > 0


def _is_cancelled(context: AttemptContext) -> bool:
    return (context.directory / CANCELLED).exists()


def _obstacle(
    task: Task, result: TaskResult, context: AttemptContext, fixtures: Mapping[str, str] | None
) -> str:
    """Get out of the way what would make another try fail, too; say what could not be."""
    if spent := why_spent(task, context):
        return spent
    if result.category == ErrorCategory.PERMISSION and (why := _refresh(task, context, fixtures)):
        return f"its refresh command failed: {why}"
    return ""


def _tell(result: TaskResult, context: AttemptContext, pause: float) -> None:
    if context.progress is not None:
        error = result.error_message or f"exit code {result.exit_code}"
        told = {"attempt": context.attempt, "error": error, "category": result.category, "delay": pause}
        context.progress({"kind": "attempt_failed", **told})


def _refresh(task: Task, context: AttemptContext, fixtures: Mapping[str, str] | None) -> str:
    """Run what may give a task the right that it lacked, if there is such a command; say why it failed, if it has."""
    if not context.refresh:
        return ""
    log = context.directory / REFRESH_LOG
    spec = ProcessSpec(
        argv=("sh", "-e", "-c", context.refresh, "sh"),
        cwd=context.working_directory,
        env=task_environment(task, context, fixtures),
        stdout=log,
        stderr=log,
        timeout=_LONGEST_REFRESH if context.timeout is None else min(context.timeout, _LONGEST_REFRESH),
        grace=context.grace,
        filter=context.filter,
    )
    try:
        note(log, f"$ {context.refresh}\n", context.masker)
        outcome = (context.launcher or LocalLauncher()).run(spec)
    except OSError as error:
        return str(error)
    if context.progress is not None:
        told = {"attempt": context.attempt, "exit_code": outcome.exit_code, "log": REFRESH_LOG}
        context.progress({"kind": "attempt_refreshed", **told})
    if not outcome.exit_code and not outcome.error:
        return ""
    return f"{describe_failure(outcome, spec.timeout)}; see {REFRESH_LOG}"
