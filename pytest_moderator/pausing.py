"""Gates that every run has: for what comes back later. Those that count how backends are used: `limiting`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_moderator.clock import seconds_until
from pytest_moderator.gates import Gate, Shut, Wait
from pytest_moderator.left_waiting import PAUSED
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_moderator.handout import FileHandout
    from pytest_moderator.journal import Event
    from pytest_moderator.model import Task, TaskResult
    from pytest_moderator.run import Run


class PauseGate(Gate):
    """Has tasks that have failed wait until their next attempt is due.

    Args:
        run: where it is written down, for when the run goes on in another process.
        pauses: what was written down of those that waited when this run broke off.
    """

    def __init__(self, run: Run, pauses: Iterable[Event]) -> None:
        self._run = run
        self._waits: dict[str, Wait] = {}
        for event in pauses:
            nodeid = f"{event.file}::{event.task_id}"
            found = run.handout.find(nodeid)
            if found and event.payload.get("fingerprint") == run.fingerprint_of(*found):
                self._waits[nodeid] = _wait_for_attempt(event.payload)

    def ask(self, file: FileHandout, task: Task) -> Wait | None:
        """Say until when a task has to wait."""
        wait = self._waits.get(f"{file.nodeid}::{task.id}")
        return wait if wait and wait.until and wait.until > time.monotonic() else None

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Take note of an attempt that another one follows later."""
        nodeid = f"{file.nodeid}::{task.id}"
        self._waits.pop(nodeid, None)
        if result.status is TaskStatus.PAUSED:
            told = {
                "attempt": result.attempts,
                "next": result.attempts + 1,
                "again_at": result.again_at,
                "error": result.error_message,
                "fingerprint": self._run.fingerprint_of(file, task),
            }
            self._waits[nodeid] = _wait_for_attempt(told)
            self._run.recorder.happened(PAUSED, (file, task), told)

    def hurry(self, nodeid: str) -> None:
        """Let the next attempt of a task begin, as far as this gate is concerned."""
        self._waits.pop(nodeid, None)


def _wait_for_attempt(told: Mapping[str, Any]) -> Wait:
    until = time.monotonic() + (seconds_until(told["again_at"]) or 0.0)
    return Wait(f"waiting for attempt {told['next']} until {told['again_at']}: {told['error']}", until)


class FirstLimitGate(Gate):
    """Stands where nothing limits a backend, until one tells of a limit that it has met.

    Args:
        make: makes the gate for limits, which takes over then.
    """

    def __init__(self, make: Callable[[], Gate]) -> None:
        self._make = make
        self._gate: Gate | None = None
        self._running: dict[str, tuple[FileHandout, Task]] = {}

    def ask(self, file: FileHandout, task: Task) -> Wait | Shut | None:
        """Keep no task from starting before there is a limit."""
        return None if self._gate is None else self._gate.ask(file, task)

    def started(self, file: FileHandout, task: Task) -> None:
        """Remember what runs, for the gate that may have to know it."""
        if self._gate is None:
            self._running[f"{file.nodeid}::{task.id}"] = file, task
        else:
            self._gate.started(file, task)

    def lost(self, file: FileHandout, task: Task) -> None:
        """Forget that a task runs."""
        self._running.pop(f"{file.nodeid}::{task.id}", None)
        if self._gate is not None:
            self._gate.lost(file, task)

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Look whether a limit was met."""
        if self._gate is None and result.resets_at is not None:
            self._gate = self._make()
            for found in self._running.values():
                self._gate.started(*found)
        if self._gate is None:
            self._running.pop(f"{file.nodeid}::{task.id}", None)
        else:
            self._gate.ended(file, task, result)
