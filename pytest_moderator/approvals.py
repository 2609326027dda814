"""Tasks that start only when somebody agrees: who is asked, what was answered, and by whom."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.rules import path_pattern
from pytest_moderator.gates import AnsweringGate, Shut, Wait
from pytest_moderator.model import Answer, Budget
from pytest_moderator.people import Question
from pytest_moderator.runner import name_of, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pytest

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.journal import Event
    from pytest_moderator.model import Task
    from pytest_moderator.people import People
    from pytest_moderator.run import Run
    from pytest_moderator.settings import Settings

ALL = "all"


class Approvals(AnsweringGate):
    """The gate before tasks with ``approve: yes``, and those that a rule of the settings is about.

    An answer is good for the task as it stands: when its text changes, it is asked about anew.

    Args:
        config: pytest's.
        run: the run.
        people: who can be asked.
        settings: by node id of a file, its settings.
        events: what was answered earlier in this run.
    """

    def __init__(
        self,
        config: pytest.Config,
        run: Run,
        people: People,
        settings: Mapping[str, Settings],
        events: Iterable[Event],
    ) -> None:
        self._config = config
        self._run = run
        self._people = people
        self._settings = settings
        self._answers: dict[str, Answer] = {}
        self._all_by = ""
        for event in events:
            found = run.handout.find(f"{event.file}::{event.task_id}")
            if found and event.payload.get("fingerprint") == self._fingerprint(*found):
                self._answers[f"{event.file}::{event.task_id}"] = Answer(
                    yes=True, by=str(event.payload.get("by", ""))
                )

    def ask(self, file: FileHandout, task: Task) -> Wait | Shut | None:
        """Say whether a task has to wait for an answer, or got one that keeps it from starting."""
        reason = self._why_asked(file, task)
        if not reason:
            return None
        nodeid = f"{file.nodeid}::{task.id}"
        if nodeid not in self._answers:
            self._look_for_an_answer(nodeid, file, task)
        answer = self._answers.get(nodeid)
        if answer is not None and answer.yes:
            return None
        if answer is not None:
            why = f": {answer.why}" if answer.why else ""
            return Shut(f"rejected by {answer.by}{why}")
        if not self._people.there(file):
            otherwise = f"moderator approve {self._name(file, task)}, then --moderator-resume"
            return Shut(f"waiting for approval ({reason}): {otherwise}", open=True)
        self._people.ask(self._question(nodeid, file, task, reason))
        return Wait(f"waiting for approval ({reason}): {_how_to_answer(self._name(file, task))}")

    def answer(self, nodeid: str, answer: Answer) -> None:
        """Take an answer, and write it down; the first one counts."""
        found = self._run.handout.find(nodeid)
        if found is None or nodeid in self._answers:
            return
        self._answers[nodeid] = answer
        kind = "approved" if answer.yes else "rejected"
        payload = {"by": answer.by, "why": answer.why, "fingerprint": self._fingerprint(*found)}
        self._run.recorder.happened(kind, found, payload)
        self._run.ask_again()

    def _look_for_an_answer(self, nodeid: str, file: FileHandout, task: Task) -> None:
        named = self._settings[file.nodeid].approve
        if ALL in named or task.id in named or nodeid in named:
            self.answer(nodeid, Answer(yes=True, by="--moderator-approve"))
            return
        if self._all_by:
            self.answer(nodeid, Answer(yes=True, by=self._all_by))
            return
        verdict = self._config.hook.pytest_moderator_approve(
            task=task, context=place_of(self._run.handout, file, task)
        )
        if verdict is not None:
            self.answer(nodeid, Answer(yes=bool(verdict), by="pytest_moderator_approve"))

    def _question(self, nodeid: str, file: FileHandout, task: Task, reason: str) -> Question:
        def reply_to_all(by: str, why: str) -> None:
            self._all_by = by
            self.reply(nodeid, by, why, yes=True)

        choice = self._run.choice_of(file, task)
        about = ([f"backend {choice.backend.name}"] if choice else []) + [reason]
        return Question(
            text=f"{self._name(file, task)} wants to run: {_what(task)} ({', '.join(about)}): approve?",
            otherwise=_how_to_answer(self._name(file, task)),
            replies={
                "yes": partial(self.reply, nodeid, yes=True),
                "no": partial(self.reply, nodeid, yes=False),
                "all": reply_to_all,
            },
            stands=lambda: not self._all_by and nodeid in self._run.waiting and nodeid not in self._answers,
        )

    def _name(self, file: FileHandout, task: Task) -> str:
        return name_of(self._run.handout, file, task)

    def _why_asked(self, file: FileHandout, task: Task) -> str:
        """Say why a task needs an approval; empty when it does not."""
        if task.approve is not None:
            return "approve: yes" if task.approve else ""
        rules: Mapping[str, Any] = self._settings[file.nodeid].approvals
        if not rules:
            return ""
        choice = self._run.choice_of(file, task)
        return next(_reasons(rules, task, choice.backend if choice else None), "")

    def _fingerprint(self, file: FileHandout, task: Task) -> str:
        return self._run.fingerprint_of(file, task)


def _reasons(rules: Mapping[str, Any], task: Task, backend: Backend | None) -> Iterator[str]:
    """Give the rules that a task needs an approval by."""
    if backend is not None and backend.name in rules.get("backends", ()):
        yield f"backend {backend.name}"
    for pattern in rules.get("paths", ()):
        if any(_names(pattern, path) for path in task.files):
            yield f"path {pattern}"
    lines = [line.strip() for command in task.commands for line in command.text.splitlines()]
    for pattern in rules.get("commands", ()):
        if any(fnmatchcase(line, pattern) for line in lines):
            yield f"command {pattern}"
    for limit in rules.get("cost", ()):
        if backend is not None and backend.has_costs and _may_exceed(limit, task):
            yield f"it may cost more than {limit}"


def _names(pattern: str, path: str) -> bool:
    """Whether a pattern is for a path, as in the rules of routing, or with a ``*`` that stands for anything."""
    return fnmatchcase(path, pattern) or path_pattern(pattern).fullmatch(path.removeprefix("./")) is not None


def _may_exceed(limit: str, task: Task) -> bool:
    """Whether a task has no budget that keeps it below an amount of money."""
    own = Budget.parse(task.budget).usd if task.budget else None
    most = Budget.parse(limit).usd
    return own is None or most is None or own > most


def _what(task: Task) -> str:
    """Say in a line what a task is about to do."""
    lines = [line.strip() for command in task.commands for line in command.text.splitlines() if line.strip()]
    carried = [task.call] if task.call else lines
    if not carried:
        return task.title
    more = f" and {len(carried) - 1} lines more" if len(carried) > 1 else ""
    return f"{task.title}: `{carried[0]}`{more}"


def _how_to_answer(name: str) -> str:
    return f"moderator approve {name}, or moderator reject {name} --why TEXT"
