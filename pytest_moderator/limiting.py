"""Gates that count what tasks use: how often and how many at once of each backend, who stands in, and the budget."""

from __future__ import annotations

import contextlib
import math
import time
from functools import reduce
from typing import TYPE_CHECKING

from pytest_moderator.attempt.budgets import write_purse
from pytest_moderator.backends.elsewhere import ElsewhereBackend
from pytest_moderator.backends.limits import LONGEST_WAIT
from pytest_moderator.clock import seconds_until, shown_after
from pytest_moderator.gates import Gate, Shut, Wait
from pytest_moderator.left_waiting import CIRCUIT, LIMITED
from pytest_moderator.model import ErrorCategory, TaskStatus, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.routing import Choice
    from pytest_moderator.circuits import Circuits
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.left_waiting import LeftWaiting
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
_FAILED = (TaskStatus.FAILED, TaskStatus.PAUSED)  # one that waits for another attempt has failed, too
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
        planned, chosen = choices.planned(file, task), choices.of(file, task)
        if chosen is not None and isinstance(chosen.backend, ElsewhereBackend) and chosen is not planned:
            return  # somebody may be at it
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
        left: what was written down of limits and circuits when this run broke off, and still lasts.
        asks: whether backends whose tasks fail are asked how they are.
    """

    def __init__(self, run: Run, circuits: Circuits, left: LeftWaiting, *, asks: bool = True) -> None:
        self._run = run
        self._circuits = circuits
        self._asks = asks
        for event in (*left.limits, *left.circuits):
            seconds = seconds_until(event.payload["until"]) or 0.0
            circuits.hold(event.payload["backend"], seconds, failed=event.kind == CIRCUIT)

    def ask(self, file: FileHandout, task: Task) -> Wait | Shut | None:
        """Say how long the backend of a task cannot be used; nobody waits for a limit of days."""
        choice = self._run.choice_of(file, task)
        why = self._circuits.why_not_now(choice.backend.name) if choice else ""
        if not choice or not why:
            return None
        # A fallback may be free before the backend itself is.
        fallbacks = self._run.choices.fallbacks(file, task)
        names = (choice.backend.name, *fallbacks)
        moments = [self._circuits.may_start_at(name) for name in names]
        until = min(moments)
        held = self._circuits.held(choice.backend.name)
        if held > LONGEST_WAIT and all(LONGEST_WAIT < at - time.monotonic() < math.inf for at in moments):
            end = shown_after(held)
            why = f"backend {choice.backend.name} has a limit until {end}: --moderator-resume goes on after that"
            return Shut(why, open=True)
        reason = f"waiting for backend {choice.backend.name}: {why}"
        return Wait(reason, until=None if math.isinf(until) else until)

    def started(self, file: FileHandout, task: Task) -> None:
        """Count a start."""
        if choice := self._run.choice_of(file, task):
            self._circuits.started(choice.backend, f"{file.nodeid}::{task.id}")

    def lost(self, file: FileHandout, task: Task) -> None:
        """Count an end."""
        self._circuits.lost(f"{file.nodeid}::{task.id}")

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Count an end, and remember until when the backend wants to be left alone."""
        choice = self._run.choice_of(file, task)
        if choice is None:
            return
        left = seconds_until(result.resets_at)
        if left is not None and left > 0:
            self._run.sends_ahead = False  # what is sent ahead might be held when it could start
            self._run.recorder.noted(LIMITED, {"backend": choice.backend.name, "until": result.resets_at})
        self._circuits.ended(
            choice.backend,
            f"{file.nodeid}::{task.id}",
            ok=_is_sound(result),
            retry_after=None if left is None else max(0.0, left),
            suspect=self._asks and result.status in _FAILED and result.category in _TELLING_OF_HEALTH,
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
        self._paused: dict[str, Usage] = {}
        self._continued: dict[str, Usage] = {}

    def ask(self, file: FileHandout, task: Task) -> Shut | None:
        """Refuse a task of an agent when nothing is left."""
        choice = self._run.choice_of(file, task)
        if choice is None or not choice.backend.has_costs:
            return None
        spent = _sum(self._spent, self._paused, self._continued)
        if not self._budget.is_spent(spent):
            return None
        return Shut(f"the budget of {self._budget} is spent ({self._budget.shown(spent)})", open=True)

    def started(self, file: FileHandout, task: Task) -> None:
        """Tell the process that runs it what is left: its attempts are to end when that is spent."""
        nodeid = f"{file.nodeid}::{task.id}"
        if nodeid in self._paused:
            self._continued[nodeid] = self._paused.pop(nodeid)  # that process knows it by itself
        choice = self._run.choice_of(file, task)
        if choice is not None and choice.backend.has_costs:
            self._tell()

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Count what a task has used; one that is tried again later tells in the end what it has used in all."""
        nodeid = f"{file.nodeid}::{task.id}"
        self._paused.pop(nodeid, None)
        self._continued.pop(nodeid, None)
        if result.usage is None:
            return
        if result.status is TaskStatus.PAUSED:
            self._paused[nodeid] = result.usage
        else:
            self._spent = self._spent.plus(result.usage)
        self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(OSError):  # a disk that is full is told of by the journal
            write_purse(self._run.handout.directory, self._budget, _sum(self._spent, self._paused))


def _sum(spent: Usage, *more: Mapping[str, Usage]) -> Usage:
    return reduce(Usage.plus, (usage for each in more for usage in each.values()), spent)


def _is_sound(result: TaskResult) -> bool | None:
    """Whether the backend did its part; a task that fails by its own fault says nothing against its backend."""
    if result.status not in _FAILED:
        return True
    if result.category == ErrorCategory.CANCELLED:
        return None
    return result.category not in _FAULTS_OF_BACKENDS
