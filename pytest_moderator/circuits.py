"""What is known of the backends while a run goes on: their limits, their circuits, and how they say they are."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from pytest_moderator.backends.health import HealthChecks
from pytest_moderator.backends.limits import LONGEST_WAIT, BackendLimits, Circuit
from pytest_moderator.clock import shown_after
from pytest_moderator.left_waiting import CIRCUIT
from pytest_moderator.tell import tell
from pytest_moderator.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_moderator.backends.base import Backend, Health
    from pytest_moderator.backends.limits import Limits
    from pytest_moderator.run import Run

    Soon = Callable[[Callable[[], None]], None]

FRESH = 10.0
"""Seconds for which what a backend has said of itself is not asked again."""


class Circuits:
    """Keeps the limits and circuits of the backends of a run; asks those that fail how they are. For the main thread.

    Args:
        run: told what changes.
        limits: by name of backend, what is allowed of it.
        patience: seconds that a backend has to say how it is.
        soon: has the main thread do something soon; from any thread.
    """

    def __init__(self, run: Run, limits: Mapping[str, Limits], patience: float, soon: Soon) -> None:
        self._run = run
        self._limits = BackendLimits(limits)
        self._patience = patience
        self._soon = soon
        self._known: dict[str, Backend] = {}
        self._asking: dict[str, object] = {}
        self._asked_at: dict[str, float] = {}
        self._told: dict[str, Circuit] = {}

    def why_passed_over(self, name: str) -> str:
        """Say why a backend is not tried now, so that a fallback takes its place; empty where it is."""
        now = time.monotonic()
        if self._limits.is_to_be_asked(name, now):
            self._ask(self._known[name], again=True)
        if (held := self._limits.held(name, now)) > LONGEST_WAIT:
            return f"it has a limit for {format_duration(held)}"
        return self._limits.open_circuit(name, now)

    def why_not_now(self, name: str) -> str:
        """Say why no task of a backend may start now; empty where one may."""
        now = time.monotonic()
        if name in self._asking and not self._limits.open_circuit(name, now):
            return "it has failed, and is asked how it is"
        return self._limits.why(name, now)

    def may_start_at(self, name: str) -> float:
        """Say when the next task of a backend may start, on the monotonic clock; infinite where nobody knows."""
        now = time.monotonic()
        seconds = self._limits.may_start(name, now)
        return now + seconds if seconds or name not in self._asking else float("inf")

    def hold(self, name: str, seconds: float, *, failed: bool = False) -> None:
        """Leave a backend alone for some seconds: it has a limit, or tasks of it have failed before this began."""
        self._limits.hold(name, seconds, time.monotonic(), failed=failed)

    def held(self, name: str) -> float:
        """Say for how many more seconds a backend has a limit, as it has told."""
        return self._limits.held(name, time.monotonic())

    def started(self, backend: Backend, nodeid: str) -> None:
        """Count a start."""
        self._known[backend.name] = backend
        self._limits.started(backend.name, nodeid, time.monotonic())
        self._tell_of(backend.name, "one task tries whether it works again")

    def lost(self, nodeid: str) -> None:
        """Count the end of a task that was lost: it says nothing about its backend."""
        self._limits.ended(nodeid, ok=None, now=time.monotonic())

    def ended(
        self, backend: Backend, nodeid: str, *, ok: bool | None, retry_after: float | None, suspect: bool
    ) -> None:
        """Count an end.

        Args:
            backend: what did the task.
            nodeid: the task.
            ok: as for :meth:`~pytest_moderator.backends.limits.BackendLimits.ended`.
            retry_after: likewise.
            suspect: whether the failure was of a kind that a backend may know more about.
        """
        name = backend.name
        before = self._limits.circuit(name, time.monotonic())
        self._limits.ended(nodeid, ok=ok, now=time.monotonic(), retry_after=retry_after)
        if ok and before is not Circuit.CLOSED:
            self._asking.pop(name, None)  # it was asked before it has shown that it works
        opened = self._limits.circuit(name, time.monotonic()) is Circuit.OPEN is not before
        self._tell_of(name, "it works again")
        if opened or suspect:
            self._ask(backend)

    def _ask(self, backend: Backend, *, again: bool = False) -> None:
        """Ask a backend how it is, in a thread; not if it has just said so, unless it is time to ask it again."""
        name = backend.name
        fresh = name in self._asked_at and time.monotonic() < self._asked_at[name] + FRESH
        if name in self._asking or (fresh and not again):
            return
        question = self._asking[name] = object()
        arguments = (backend, question)
        threading.Thread(target=self._wait_for, args=arguments, name=f"asking {name}", daemon=True).start()

    def _wait_for(self, backend: Backend, question: object) -> None:
        health = HealthChecks(self._patience).of([backend])[backend.name]
        self._soon(partial(self._answered, backend.name, question, health, time.monotonic()))

    def _answered(self, name: str, question: object, health: Health, now: float) -> None:
        """Take an answer, unless nobody waits for it any more."""
        if self._asking.get(name) is not question:
            return
        del self._asking[name]
        self._asked_at[name] = now
        if health.ok:
            self._limits.well(name, now)
        else:
            self._limits.unwell(
                name, f"{health.detail} ({health.hint})" if health.hint else health.detail, now
            )
        self._tell_of(name, "it says that it can be used again")
        self._run.ask_again()

    def _tell_of(self, name: str, why: str) -> None:
        """Tell that the circuit of a backend is another than it was."""
        now = time.monotonic()
        circuit = self._limits.circuit(name, now)
        if circuit is self._told.get(name, Circuit.CLOSED):
            return
        self._told[name] = circuit
        facts = {"backend": name, "circuit": str(circuit), "why": self._limits.open_circuit(name, now) or why}
        opened = self._limits.opened(name, now)
        self._run.recorder.noted(CIRCUIT, {**facts, "until": shown_after(opened)} if opened else facts)
        tell(self._run.config, "pytest_moderator_backend_circuit", **facts)
