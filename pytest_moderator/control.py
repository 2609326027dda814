"""What people ask of a run while it goes on: pause, resume, cancel, retry.

The requests stand in the journal. A thread looks for them. It does at once what concerns processes, since the main
thread may be waiting for one; the rest is for the main thread, which does it in :meth:`Control.heed`.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt.processes import (
    end_marked_processes,
    hold_marked_processes,
    release_marked_processes,
)
from pytest_moderator.attempt.signs import CANCELLED, HELD, forbid_tries
from pytest_moderator.journal import RequestKind, RunStatus
from pytest_moderator.runner import folder_of, name_of
from pytest_moderator.tell import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from pytest_moderator.gates import AnsweringGate
    from pytest_moderator.journal import Request
    from pytest_moderator.run import Run
    from pytest_moderator.settings import Settings

PERIOD = 0.05
"""Seconds between two looks into the journal."""

_YES = (RequestKind.APPROVE, RequestKind.DONE)
_ANSWERS = (*_YES, RequestKind.REJECT, RequestKind.FAIL)
_HOLD_AGAIN = 0.5  # seconds; a task may have started something just when it was held


class Control:
    """Has a run do what people ask of it. Registered in the controlling process.

    Args:
        run: the run.
        settings: what becomes of a pause that nobody ends.
        answered: gives, by the kind of request, who is told what somebody has said about a task.

    Attributes:
        wake: has the main thread call :meth:`heed` soon.
    """

    def __init__(
        self,
        run: Run,
        settings: Settings,
        answered: Callable[[RequestKind], AnsweringGate],
    ) -> None:
        self._answered = answered
        self._run = run
        self._settings = settings
        self._paused_at: float | None = None
        self._held_at: float | None = None
        self._ending: set[str] = set()
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="moderator-control", daemon=True)
        self.wake: Callable[[], None] = self._news.set

    def start(self) -> None:
        """Begin to look for requests; those that are there already are heeded before anything starts."""
        self._take()
        self._thread.start()

    def soon(self, action: Callable[[], None]) -> None:
        """Have the main thread do something in :meth:`heed`; from any thread."""
        self._inbox.put(action)
        self.wake()

    def heed(self) -> None:
        """Do what was asked for since the last time. For the main thread."""
        while not self._inbox.empty():
            self._inbox.get()()
        if self._run.waiting:
            self._run.ask_again(time.monotonic())

    def wait(self) -> None:
        """Wait until something is asked for. For a main thread that has nothing else to wait for."""
        self._news.wait()
        self._news.clear()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None]:
        """Look no more, before anything else ends."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._say_whether_held(held=False)
        self._take_answers_along()
        return (yield)

    def _take_answers_along(self) -> None:
        """Note what people have said in the last moments: it counts when the run goes on."""
        while not self._inbox.empty():
            action = self._inbox.get()
            if isinstance(action, partial) and action.func == self._obey:
                request: Request = action.args[0]
                if request.kind in _ANSWERS:
                    self._obey(request)

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            if self._take() or self._paused_too_long() or self._is_due():
                self.wake()
            if self._held_at is not None and time.monotonic() > self._held_at + _HOLD_AGAIN:
                self._hold()

    def _take(self) -> bool:
        """Take what was asked for, and say whether there was anything."""
        requests = self._run.recorder.requests()
        for request in requests:
            self._act(request)
            self._inbox.put(partial(self._obey, request))
        return bool(requests)

    def _act(self, request: Request) -> None:
        """Do what cannot wait for the main thread."""
        if request.kind is RequestKind.PAUSE:
            self._paused_at = time.monotonic()
            self._stand(RunStatus.PAUSED, request.by)
            if request.payload.get("now"):
                self._hold()
        elif request.kind is RequestKind.RESUME:
            self._go_on(request.by)
        elif request.kind is RequestKind.CANCEL:
            taken = self._run.coordinator.taken
            self._end(set(taken).intersection(self._meant(request)) if request.task_id else taken, request)

    def _obey(self, request: Request) -> None:
        """Do the rest."""
        run, by = self._run, request.by
        if request.kind is RequestKind.RETRY:
            for nodeid in self._meant(request):
                if found := run.handout.find(nodeid):
                    (folder_of(run.handout, *found) / CANCELLED).unlink(missing_ok=True)
                for opened in run.coordinator.reopen(nodeid):
                    run.reopen(opened, f"tried again for {by}")
                run.gates.hurry(nodeid)
            run.ask_again()
        elif request.kind in _ANSWERS:
            from pytest_moderator.model import Answer  # noqa: PLC0415 (in few runs somebody says something)

            answer = Answer(request.kind in _YES, by, str(request.payload.get("why", "")))
            for nodeid in self._meant(request):
                self._answered(request.kind).answer(nodeid, answer)
        elif request.kind is RequestKind.CANCEL and request.task_id:
            for nodeid in self._meant(request):
                self._end([nodeid], request)
                run.cancel_task(nodeid, _why(request))
        elif request.kind is RequestKind.CANCEL:
            self._end(run.coordinator.taken, request)
            run.give_up(_why(request), RunStatus.CANCELLED)

    def _meant(self, request: Request) -> list[str]:
        """Give the node ids that a request is about."""
        files = (f for f in self._run.handout.files if request.file in (None, f.nodeid))
        return [f"{file.nodeid}::{request.task_id}" for file in files if request.task_id in file.by_id]

    def _is_due(self) -> bool:
        """Whether a task has waited long enough to ask again whether it may start."""
        now = time.monotonic()
        return any(w.until is not None and w.until <= now for w in list(self._run.waiting.values()))

    def _paused_too_long(self) -> bool:
        limit = self._settings.pause_timeout
        if self._paused_at is None or limit is None or time.monotonic() < self._paused_at + limit:
            return False
        from pytest_moderator.units import format_duration  # noqa: PLC0415 (few runs are paused)

        reason = f"paused for {format_duration(limit)} (pause_timeout)"
        if self._settings.on_pause_timeout == "stop":
            self._inbox.put(partial(self._run.give_up, reason, RunStatus.INTERRUPTED))
            self._let_go()
        else:
            self._go_on(reason)
        return True

    def _stand(self, status: RunStatus, by: str) -> None:
        """Pause, or go on: at once, because the main thread may be waiting for a task. It tells of it later."""
        run, paused = self._run, status is RunStatus.PAUSED
        if run.coordinator.paused is paused or (paused and run.stop_reason):
            return
        run.coordinator.paused = paused
        run.recorder.run_is(status, "run_paused" if paused else "run_continued", {"by": by})
        facts = {"status": str(status), "by": by}
        self._inbox.put(partial(tell, run.config, "pytest_moderator_run_status", **facts))

    def _say_whether_held(self, *, held: bool) -> None:
        """Tell workers whether time passes for tasks: they look for a file."""
        file = self._run.handout.directory / HELD
        with contextlib.suppress(OSError):  # there is no room, or no directory any more: then it passes
            if held:
                file.touch()
            else:
                file.unlink(missing_ok=True)

    def _hold(self) -> None:
        """Stop all processes of tasks where they stand."""
        self._say_whether_held(held=True)
        hold_marked_processes(self._run.handout.run_id)
        self._held_at = time.monotonic()

    def _go_on(self, by: str) -> None:
        self._let_go()
        self._stand(RunStatus.RUNNING, by)

    def _let_go(self) -> None:
        self._paused_at = None
        if self._held_at is not None:
            self._held_at = None
            self._say_whether_held(held=False)
            release_marked_processes(self._run.handout.run_id)

    def _end(self, nodeids: Iterable[str], request: Request) -> None:
        """End the processes of tasks that run, each in a thread of its own: that takes their grace period."""
        for nodeid in nodeids:
            found = self._run.handout.find(nodeid)
            if found is None or nodeid in self._ending or nodeid not in self._run.coordinator.taken:
                continue
            self._ending.add(nodeid)
            self._run.cancelled[nodeid] = _why(request)
            folder = folder_of(self._run.handout, *found)
            name = name_of(self._run.handout, *found)
            arguments = (nodeid, name, folder, found[0].grace)
            threading.Thread(target=self._end_one, args=arguments, daemon=True).start()

    def _end_one(self, nodeid: str, name: str, folder: Path, grace: float) -> None:
        coordinator = self._run.coordinator
        while nodeid in coordinator.taken and not self._over.is_set():
            # One that never starts keeps its tries, for when the run goes on.
            if nodeid in coordinator.running:
                with contextlib.suppress(OSError):  # there is no room: it is ended as often as it is tried
                    forbid_tries(folder)
            end_marked_processes(self._run.handout.run_id, name, grace)
            self._over.wait(PERIOD)
        self._ending.discard(nodeid)


def _why(request: Request) -> str:
    return f"cancelled by {request.by}"
