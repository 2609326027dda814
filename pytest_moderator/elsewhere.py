"""Tasks that are done elsewhere: they wait, without a worker, until somebody or something says what came of them."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt.categories import category_of_error
from pytest_moderator.backends.elsewhere import ANSWER, ElsewhereBackend
from pytest_moderator.gates import AnsweringGate, Shut, Wait
from pytest_moderator.model import Answer, ErrorCategory, IsolationLevel, TaskStatus
from pytest_moderator.people import Question
from pytest_moderator.runner import context_of, folder_of, name_of
from pytest_moderator.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.journal import Event
    from pytest_moderator.model import Task, TaskResult
    from pytest_moderator.people import People
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.run import Run
    from pytest_moderator.tasksfile.checkbox import CheckBoxes

LOGGER = logging.getLogger("pytest_moderator")
_PERIOD = 0.5  # seconds between two looks at files and backends
_PATIENCE = 1.0  # seconds that a look may still take at the end


class Elsewhere(AnsweringGate):
    """The gate before tasks whose backend has them done elsewhere. Registered in the controlling process.

    A task is handed over when all other gates have let it pass, and waits here for its answer. Then it starts.

    Args:
        run: the run.
        people: asked, where the backend asks people.
        plans: by node id of a file, its plan without what settings fill in.
        boxes: by node id of a file, its boxes: a tick is an answer too.
        events: what was said to be done earlier in this run, and has not been used.
    """

    def __init__(
        self,
        run: Run,
        people: People,
        plans: Mapping[str, ExecutionPlan],
        boxes: Mapping[str, CheckBoxes],
        events: Iterable[Event],
    ) -> None:
        self._run = run
        self._people = people
        self._plans = plans
        self._boxes = boxes
        self._answers: dict[str, Answer] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._old_ticks: set[str] = set()
        self._looking = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        for event in events:
            found = run.handout.find(f"{event.file}::{event.task_id}")
            if found and event.payload.get("fingerprint") == run.fingerprint_of(*found):
                by, why = (str(event.payload.get(name, "")) for name in ("by", "why"))
                self._answers[f"{event.file}::{event.task_id}"] = Answer(yes=True, by=by, why=why)

    def ask(self, file: FileHandout, task: Task) -> Wait | Shut | None:
        """Hand a task over, and say what it waits for as long as it is not answered."""
        backend = self._backend_of(file, task)
        nodeid, name = f"{file.nodeid}::{task.id}", name_of(self._run.handout, file, task)
        if backend is None or nodeid in self._answers:
            return None
        if backend.asks_people and not self._people.there(file) and not self._is_ticked(file, task):
            otherwise = f"moderator done {name}, then --moderator-resume"
            return Shut(f"waiting for {backend.waits_for}: {otherwise}", open=True)
        waiting = self._waiting.get(nodeid)
        if waiting is None or nodeid not in self._run.waiting:
            waiting = self._waiting[nodeid] = self._hand_over(backend, file, task)
        if waiting.is_over:
            self.answer(nodeid, waiting.too_late)
            return None
        if backend.asks_people:
            self._people.ask(self._question(nodeid, name, task))
        return Wait(f"waiting for {backend.waits_for}: {_how_to_answer(name)}", until=waiting.until)

    def answer(self, nodeid: str, answer: Answer) -> None:
        """Take an answer, and write it down; the first one counts, unless the task has completed."""
        found = self._run.handout.find(nodeid)
        if found is None or found[1].done or nodeid in self._answers or self._backend_of(*found) is None:
            return
        if self._run.coordinator.outcomes.get(nodeid):
            return
        self._answers[nodeid] = answer
        payload = {"by": answer.by, "why": answer.why, "fingerprint": self._run.fingerprint_of(*found)}
        self._run.recorder.happened("said_done" if answer.yes else "said_failed", found, payload)
        self._run.ask_again()

    def started(self, file: FileHandout, task: Task) -> None:
        """Leave the answer where the process that runs the task finds it."""
        self._waiting.pop(f"{file.nodeid}::{task.id}", None)
        answer = self._answers.get(f"{file.nodeid}::{task.id}")
        if answer is not None:
            folder = folder_of(self._run.handout, file, task)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                (folder / ANSWER).write_text(answer.to_json(), encoding="utf-8")
            except OSError:  # then the task finds none, and fails
                LOGGER.exception("cannot write down how %s was answered", task.id)

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Forget the answer: when the task is tried again, it is asked about anew."""
        nodeid = f"{file.nodeid}::{task.id}"
        if (
            self._answers.pop(nodeid, None)
            and result.status is TaskStatus.FAILED
            and self._is_ticked(file, task)
        ):
            self._old_ticks.add(nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread is not None and self._thread.is_alive():  # Ctrl-C may have come before it started
            self._thread.join(_PATIENCE)

    def _hand_over(self, backend: ElsewhereBackend, file: FileHandout, task: Task) -> _Waiting:
        context = context_of(self._run.handout, file, _without_place(task))
        waiting = _Waiting(backend, file, task, context, self._plans[file.nodeid].by_id[task.id].timeout)
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="moderator-elsewhere", daemon=True)
            self._thread.start()
        return waiting

    def _watch(self) -> None:
        """Look for answers. In a thread of its own, since files and services may be slow."""
        while not self._over.wait(_PERIOD):
            for nodeid, waiting in list(self._waiting.items()):
                if nodeid in self._answers or nodeid not in self._run.waiting or waiting.answered:
                    continue
                answer = self._tick_of(nodeid, waiting) or waiting.look()
                if answer is not None:
                    waiting.answered = True
                    self._people.soon(partial(self.answer, nodeid, answer))

    def _tick_of(self, nodeid: str, waiting: _Waiting) -> Answer | None:
        if not self._is_ticked(waiting.file, waiting.task):
            self._old_ticks.discard(nodeid)
        elif nodeid not in self._old_ticks:
            return Answer(yes=True, by=f"its box in {waiting.file.nodeid}")
        return None

    def _is_ticked(self, file: FileHandout, task: Task) -> bool:
        with self._looking:
            return self._boxes[file.nodeid].is_ticked(task)

    def _question(self, nodeid: str, name: str, task: Task) -> Question:
        return Question(
            text=f"{name} waits for a person: {task.title}:",
            otherwise=_how_to_answer(name),
            replies={
                "done": partial(self.reply, nodeid, yes=True),
                "fail": partial(self.reply, nodeid, yes=False),
            },
            stands=lambda: nodeid in self._run.waiting and nodeid not in self._answers,
        )

    def _backend_of(self, file: FileHandout, task: Task) -> ElsewhereBackend | None:
        choice = self._run.choice_of(file, task)
        backend = None if choice is None else choice.backend
        return backend if isinstance(backend, ElsewhereBackend) else None


class _Waiting:
    """A task that was handed over.

    Attributes:
        task: the task, with its ``file``.
        until: when it has waited too long, on the monotonic clock; ``None`` without a limit of its own.
        answered: whether an answer was found.
    """

    def __init__(
        self,
        backend: ElsewhereBackend,
        file: FileHandout,
        task: Task,
        context: AttemptContext,
        limit: float | None,
    ) -> None:
        self.file = file
        self.task = task
        self._limit = limit or 0.0
        self.until = None if limit is None else time.monotonic() + limit
        self.answered = False
        self._backend = backend
        self._context = context
        self._handed_over = False

    @property
    def is_over(self) -> bool:
        """Whether it has waited too long."""
        return self.until is not None and self.until <= time.monotonic()

    @property
    def too_late(self) -> Answer:
        """What it is answered then."""
        why = f"timed out after {format_duration(self._limit)}: nobody has said that it is done"
        return Answer(yes=False, by="moderator", why=why, category=ErrorCategory.TIMEOUT)

    def look(self) -> Answer | None:
        """Hand the task over, if that has not been done; then ask how it was answered."""
        try:
            if not self._handed_over:
                self._backend.hand_over(self.task, self._context)
                self._handed_over = True
            return self._backend.look(self.task, self._context)
        except Exception as error:  # noqa: BLE001 (a stranger's code; the traceback is in the task's log)
            brief = traceback.format_exception_only(error)[-1].strip()
            why = f"backend {self._backend.name!r} raised {brief}"
            return Answer(
                yes=False,
                by=self._backend.name,
                why=why,
                output=traceback.format_exc(),
                category=category_of_error(error),
            )


def _how_to_answer(name: str) -> str:
    return f"moderator done {name}, moderator fail {name} --why TEXT, or tick its box"


def _without_place(task: Task) -> Task:
    return replace(task, isolation=IsolationLevel.NONE)
