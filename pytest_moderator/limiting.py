"""Gates that count what tasks use: how often and how many at once of each backend, and what they cost together."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_moderator.backends.limits import BackendLimits
from pytest_moderator.gates import Gate, Shut, Wait
from pytest_moderator.model import ErrorCategory, TaskStatus, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.limits import Limits
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import Budget, Task, TaskResult
    from pytest_moderator.run import Run

_FAULTS_OF_BACKENDS = frozenset(
    {
        ErrorCategory.TRANSIENT,
        ErrorCategory.CONFIGURATION,
        ErrorCategory.PERMISSION,
        ErrorCategory.RESOURCE,
        ErrorCategory.TIMEOUT,
    }
)


class LimitsGate(Gate):
    """Has tasks wait for the limits of their backends; those of other backends pass them by.

    Args:
        run: knows the backend of each task.
        limits: by name of backend, what is allowed of it.
    """

    def __init__(self, run: Run, limits: Mapping[str, Limits]) -> None:
        self._run = run
        self._limits = BackendLimits(limits)

    def ask(self, file: FileHandout, task: Task) -> Wait | None:
        """Say how long the backend of a task cannot be used."""
        backend = self._backend_of(file, task)
        now = time.monotonic()
        seconds = self._limits.may_start(backend, now) if backend else 0.0
        if not seconds:
            return None
        reason = f"waiting for backend {backend}: {self._limits.why(backend, now)}"
        return Wait(reason, until=None if math.isinf(seconds) else now + seconds)

    def started(self, file: FileHandout, task: Task) -> None:
        """Count a start."""
        if backend := self._backend_of(file, task):
            self._limits.started(backend, f"{file.nodeid}::{task.id}", time.monotonic())

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Count an end, and remember until when the backend wants to be left alone."""
        self._limits.ended(
            f"{file.nodeid}::{task.id}",
            ok=_is_sound(result),
            now=time.monotonic(),
            retry_after=_seconds_until(result.resets_at) if result.resets_at else None,
        )

    def _backend_of(self, file: FileHandout, task: Task) -> str:
        choice = self._run.choice_of(file, task)
        return choice.backend.name if choice is not None else ""


class BudgetGate(Gate):
    """Starts nothing new that costs something once the budget of the run is spent.

    Only tasks of backends that tell their costs are kept from starting: a command costs nothing.

    Args:
        run: knows the backend of each task.
        budget: what the run may use.
        spent: what it has used already, before it was resumed.
    """

    def __init__(self, run: Run, budget: Budget, spent: Usage) -> None:
        self._run = run
        self._budget = budget
        self._spent = spent

    def ask(self, file: FileHandout, task: Task) -> Shut | None:
        """Refuse a task of an agent when nothing is left."""
        choice = self._run.choice_of(file, task)
        if choice is None or not choice.backend.has_costs or not self._budget.is_spent(self._spent):
            return None
        return Shut(f"the budget of {self._budget} is spent ({self._budget.shown(self._spent)})", open=True)

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Count what a task has used."""
        del file, task
        if result.usage is not None:
            self._spent = self._spent.plus(result.usage)


def _is_sound(result: TaskResult) -> bool | None:
    """Whether the backend did its part; a task that fails by its own fault says nothing against its backend."""
    if result.status is not TaskStatus.FAILED:
        return True
    if result.category == ErrorCategory.CANCELLED:
        return None
    return result.category not in _FAULTS_OF_BACKENDS


def _seconds_until(moment: str) -> float:
    return max(0.0, (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds())
