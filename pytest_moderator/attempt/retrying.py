"""Whether a task that has failed is tried again, and when."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.attempt.launcher import LocalLauncher
from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.attempt.run import CANCELLED
from pytest_moderator.backends.base import ProcessSpec
from pytest_moderator.model import Budget, ErrorCategory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Task, TaskResult, Usage

LONGEST_WAIT = 300.0
"""Seconds that a try waits at most for a limit to end."""

_RETRIES: Mapping[str | None, int] = {ErrorCategory.TRANSIENT: 3, ErrorCategory.RESOURCE: 1}
_FIRST_PAUSE = 2.0  # seconds
_FACTOR = 3.0
_LONGEST_PAUSE = 60.0  # seconds


def retries_of(category: str | None) -> int:
    """Say how many tries follow a failure of a kind where nobody has said how many shall."""
    return _RETRIES.get(category, 0)


def pause_before(result: TaskResult, tries: int, now: datetime | None = None) -> float | None:
    """Say how many seconds to wait before the next try.

    Kinds of failures that time may heal wait the longer the more tries there were, and never quite as long as others
    that have failed at the same time.

    Args:
        result: of the last try.
        tries: how many there were, from 1.
        now: the time, with a zone.

    Returns:
        0 or more; ``None`` when a limit lasts longer than :data:`LONGEST_WAIT`.
    """
    spread = random.uniform(0.5, 1.0)  # noqa: S311 (nobody is to be kept from guessing it)
    until = _time(result.resets_at)
    if until is not None:
        wait = (until - (now or datetime.now(UTC))).total_seconds()
        return None if wait > LONGEST_WAIT else max(wait, 0.0) + spread
    if retries_of(result.category):
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


def why_not_again(
    task: Task, result: TaskResult, context: AttemptContext, *, tries: int, left: int | None
) -> str | None:
    """Wait for the next try of a task that has failed.

    Args:
        task: the task.
        result: of the last try, with its category.
        context: that of the last try; its ``used`` is what all of them have used.
        tries: how many there were, from 1.
        left: how many more there may be; without it, the category decides.

    Returns:
        Why there is none, or an empty text where that needs no words; ``None`` when it is time for it.
    """
    left = retries_of(result.category) + 1 - tries if left is None else left
    cancelled = context.directory / CANCELLED
    if left <= 0 or cancelled.exists():
        return ""
    if spent := budget_spent(task, context.used):
        return f"not tried again, as {spent}"
    pause = pause_before(result, tries)
    if pause is None:
        return f"not tried again, as it would fail until {result.resets_at}"
    if context.progress is not None:
        error = result.error_message or f"exit code {result.exit_code}"
        told = {"attempt": context.attempt, "error": error, "category": result.category, "delay": pause}
        context.progress({"kind": "attempt_failed", **told})
    if pause and not wait(pause, task, context):
        return "the wait for another try was ended"
    return "" if cancelled.exists() else None


def budget_spent(task: Task, used: Usage | None) -> str:
    """Say that nothing is left of a task's budget; empty where something is, or there is none.

    Args:
        task: the task.
        used: what its tries have used together.
    """
    budget = Budget.parse(task.budget) if task.budget and used else None
    if budget is None or used is None or not budget.is_spent(used):
        return ""
    return f"its budget of {budget} is spent ({budget.shown(used)})"


def _time(text: str | None) -> datetime | None:
    """Read a time; a backend may have written anything."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
