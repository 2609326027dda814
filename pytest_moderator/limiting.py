"""Gates that count what tasks use: how often and how many at once of each backend, who stands in, and the budget."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

from pytest_moderator.attempt.budgets import write_purse
from pytest_moderator.clock import seconds_until
from pytest_moderator.gates import Gate, Shut, Wait
from pytest_moderator.model import ErrorCategory, TaskStatus, Usage

if TYPE_CHECKING:
    from pytest_moderator.backends.routing import Choice
    from pytest_moderator.circuits import Circuits
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
_TELLING_OF_HEALTH = frozenset({ErrorCategory.CONFIGURATION, ErrorCategory.PERMISSION})


class StandInGate(Gate):
    """Lets a fallback take the place of a backend that is not to be tried just now. It keeps no task from starting.

    It has to be the first of the gates: all others ask for the backend that a task starts with.

    Args:
        run: knows the backend of each task.
        circuits: what is known of the backends.
    """

    def __init__(self, run: Run, circuits: Circuits) -> None:
        self._run = run
        self._circuits = circuits

    def ask(self, file: FileHandout, task: Task) -> None:
        """Settle which backend is to do a task, if it starts now."""
        choices = self._run.choices
        planned = choices.planned(file, task)
        if planned is not None:
            why = self._circuits.why_passed_over(planned.backend.name)
            choices.put(file, task, self._instead(file, task, planned.backend.name, why) if why else None)

    def _instead(self, file: FileHandout, task: Task, name: str, why: str) -> Choice | None:
        """Find a fallback that may start now."""
        passed_over = {name: why}
        while choice := self._run.choices.without(file, task, passed_over):
            name = choice.backend.name
            why = self._circuits.why_passed_over(name) or self._circuits.why_not_now(name)
            if not why:
                return choice
            passed_over[name] = why
        return None


class LimitsGate(Gate):
    """Has tasks wait for the limits of their backends; those of other backends pass them by.

    Args:
        run: knows the backend of each task.
        circuits: what is known of the backends; told what comes of the tasks.
    """

    def __init__(self, run: Run, circuits: Circuits) -> None:
        self._run = run
        self._circuits = circuits

    def ask(self, file: FileHandout, task: Task) -> Wait | None:
        """Say how long the backend of a task cannot be used."""
        choice = self._run.choice_of(file, task)
        why = self._circuits.why_not_now(choice.backend.name) if choice else ""
        if not choice or not why:
            return None
        # A fallback may be free before the backend itself is.
        fallbacks = self._run.choices.fallbacks(file, task)
        names = (choice.backend.name, *fallbacks)
        until = min(self._circuits.may_start_at(name) for name in names)
        reason = f"waiting for backend {choice.backend.name}: {why}"
        return Wait(reason, until=None if math.isinf(until) else until)

    def started(self, file: FileHandout, task: Task) -> None:
        """Count a start."""
        if choice := self._run.choice_of(file, task):
            self._circuits.started(choice.backend, f"{file.nodeid}::{task.id}")

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Count an end, and remember until when the backend wants to be left alone."""
        choice = self._run.choice_of(file, task)
        if choice is None:
            return
        left = seconds_until(result.resets_at)
        self._circuits.ended(
            choice.backend,
            f"{file.nodeid}::{task.id}",
            ok=_is_sound(result),
            retry_after=None if left is None else max(0.0, left),
            suspect=result.status is TaskStatus.FAILED and result.category in _TELLING_OF_HEALTH,
        )


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

    def started(self, file: FileHandout, task: Task) -> None:
        """Tell the process that runs it what is left: its attempts are to end when that is spent."""
        choice = self._run.choice_of(file, task)
        if choice is not None and choice.backend.has_costs:
            self._tell()

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Count what a task has used."""
        del file, task
        if result.usage is not None:
            self._spent = self._spent.plus(result.usage)
            self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(OSError):  # a disk that is full is told of by the journal
            write_purse(self._run.handout.directory, self._budget, self._spent)


def _is_sound(result: TaskResult) -> bool | None:
    """Whether the backend did its part; a task that fails by its own fault says nothing against its backend."""
    if result.status is not TaskStatus.FAILED:
        return True
    if result.category == ErrorCategory.CANCELLED:
        return None
    return result.category not in _FAULTS_OF_BACKENDS
