"""The run as the controlling process knows it: who may start, what came of whom, and telling everybody.

``begin`` is called once, when it is known which items there are. From then on a loop (``sequential``, ``parallel``)
asks ``start_next`` and says ``end``; reports arrive through pytest's own hooks in between.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator import interrupts
from pytest_moderator.accounts import Accounts
from pytest_moderator.availability import refusals_of_run
from pytest_moderator.choices import Choices
from pytest_moderator.clock import Stopwatch
from pytest_moderator.coordinator import Coordinator
from pytest_moderator.errors import TaskFailedError
from pytest_moderator.gates import Gates, Shut, Wait
from pytest_moderator.journal import JournalError, RunStatus
from pytest_moderator.model import TaskResult, TaskStatus
from pytest_moderator.plugin import keeping_all
from pytest_moderator.recorder import records_of
from pytest_moderator.runner import folder_name, place_of
from pytest_moderator.step import DependencyCycleError
from pytest_moderator.steps import make_steps, resolve_marks, with_marks
from pytest_moderator.tell import report_failure, report_skip, tell
from pytest_moderator.verdict import LATER, PROGRESS, Verdict, describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_moderator.backends.routing import Choice
    from pytest_moderator.handout import FileHandout, Handout
    from pytest_moderator.model import ExecutionReport, Task
    from pytest_moderator.prepare import Prepared
    from pytest_moderator.recorder import Recorder
    from pytest_moderator.step import Blocked

LOGGER = logging.getLogger("pytest_moderator")


class Run:
    """One run. Registered in the controlling process.

    Attributes:
        handout: what all processes were told.
        workers: how many tasks can run at once.
        recorder: writes down what happens.
        cancelled: by node id of a task that is to be ended while it runs, why.
        choices: the backends of the tasks.
        plans: by node id of a file, its plan.
        gates: asked before a task starts.
        waiting: by node id of a task that a gate has turned away for now, what it waits for.
        worker_of: by node id, the process that was given the item last.
        forced_end: how the run ends, where somebody has ended it.
        stop_reason: why nothing new starts; empty while it does.
        sends_ahead: whether a process may be given what it does next while it is busy: no task may have to wait then
            for something that another one can use up meanwhile.
    """

    def __init__(
        self,
        config: pytest.Config,
        handout: Handout,
        prepared: Mapping[str, Prepared],
        recorder: Recorder,
        *,
        workers: int = 1,
        completed: frozenset[str] = frozenset(),
    ) -> None:
        self.config = config
        self.handout = handout
        self.workers = workers
        self.recorder = recorder
        self.accounts = Accounts(handout, completed)
        self.forced_end: RunStatus | None = None
        self.cancelled: dict[str, str] = {}
        self.choices = Choices(prepared)
        self.gates = Gates()
        self.waiting: dict[str, Wait] = {}
        self.worker_of: dict[str, str] = {}
        self.stop_reason = ""
        self.sends_ahead = True
        self._prepared = prepared
        self.plans = {file: entry.plan for file, entry in prepared.items()}
        self._verdicts: defaultdict[str, Verdict] = defaultdict(Verdict)
        self._started: dict[str, float] = {}
        self._watch = Stopwatch()

    @property
    def begun(self) -> bool:
        """Whether it is known which items there are."""
        return self.accounts.begun

    @property
    def coordinator(self) -> Coordinator:
        """Who may start."""
        return self.accounts.coordinator

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing will start."""
        return self.begun and self.coordinator.finished

    @keeping_all()
    def begin(self, nodeids: Sequence[str], depends_on: Mapping[str, Sequence[str]]) -> None:
        """Take stock of the items of this session, and settle those that never start.

        Args:
            nodeids: all items, in pytest's order.
            depends_on: by node id, what its ``depends_on`` marks name.

        Raises:
            pytest.UsageError: a mark names something that is not there, things wait for each other, or a task has
                no backend that can be used.
        """
        if problems := refusals_of_run(self.handout, self._prepared, nodeids):
            raise pytest.UsageError("nothing was run:\n" + "\n".join(map(str, problems)))
        self.accounts.selected = frozenset(nodeids)
        needs = resolve_marks(self.handout, nodeids, depends_on)
        for file in self.handout.files:
            plan = with_marks(self.plans[file.nodeid], file, needs)
            self.plans[file.nodeid] = self.config.hook.pytest_moderator_modify_plan(plan=plan) or plan
        steps, satisfied = make_steps(self.handout, self.plans, nodeids, needs)
        try:
            self.accounts.coordinator = Coordinator(steps, satisfied)
        except DependencyCycleError as error:
            raise pytest.UsageError(f"depends_on: {error}; remove one of these dependencies") from error
        if self.accounts.selected:
            self._record_begin()
        self._watch.start()
        for nodeid in nodeids:
            found = self.handout.find(nodeid)
            if found is not None and found[1].done:
                self._skip(nodeid, self.accounts.why_done(nodeid))
        self._skip_blocked(self.coordinator.blocked_at_start)

    def _record_begin(self) -> None:
        try:
            tasks = records_of(self.handout, self.fingerprint_of, self.accounts, self.choice_of)
            self.recorder.begin(self.handout.directory, list(tasks))
        except JournalError as error:
            raise pytest.UsageError(f"nothing was run: {error}") from error

    def start_next(self, worker: str) -> str | None:
        """Take the most urgent item that may start now, for a process that is free; ``None`` when none may."""
        while (nodeid := self.coordinator.start_next()) is not None:
            if self._may_start(nodeid):
                if self._note_start(nodeid, worker):
                    return nodeid
                self.coordinator.again(nodeid)
                self._stop_in_trouble()
        return None

    def next_ahead(self) -> str | None:
        """Take an item that a process is to start by itself; :meth:`begin_ahead` follows, or :meth:`take_back`."""
        while self.sends_ahead and (nodeid := self.coordinator.reserve_next()) is not None:
            if self._may_start(nodeid):
                if not self.coordinator.waits(nodeid) or self.recorder.secure():
                    return nodeid
                self.coordinator.again(nodeid)
                self._stop_in_trouble()
        return None

    def begin_ahead(self, nodeid: str, worker: str) -> None:
        """Take note that a process has started an item by itself."""
        self.coordinator.begin(nodeid)
        if not self._note_start(nodeid, worker):
            self._stop_in_trouble()

    def take_back(self, nodeid: str) -> None:
        """Let an item start later, and elsewhere perhaps, that was sent to a process and has not started there."""
        if nodeid in self.coordinator.running and (found := self.handout.find(nodeid)):
            self.recorder.interrupted(found, "its worker was gone before it could start")
            self._lose(found)
        self.coordinator.again(nodeid)
        if self.stop_reason:
            self.cancelled.pop(nodeid, None)  # it is skipped with the rest
        elif nodeid in self.cancelled:
            self.cancel_task(nodeid, self.cancelled[nodeid])
        self._skip_rest()

    def _may_start(self, nodeid: str) -> bool:
        found = self.handout.find(nodeid)
        answer = found and self.gates.ask(*found)
        if found and answer:
            self._turn_away(nodeid, found, answer)
        return not answer

    def _turn_away(self, nodeid: str, found: tuple[FileHandout, Task], answer: Wait | Shut) -> None:
        self.coordinator.hold(nodeid)  # it does not run, whatever becomes of it
        if isinstance(answer, Shut):
            self.accounts.open.update([nodeid] if answer.open else ())
            self._skip(nodeid, answer.reason)
            self._skip_blocked(self.coordinator.end(nodeid, success=False))
            return
        if nodeid not in self.waiting or self.waiting[nodeid].reason != answer.reason:
            self.recorder.waits(found, answer.reason)
        self.waiting[nodeid] = answer

    def ask_again(self, now: float | None = None) -> None:
        """Ask the gates again about tasks that wait.

        Args:
            now: only about those whose time has come, on the monotonic clock; all without it.
        """
        for nodeid, answer in self.waiting.items():
            if now is None or (answer.until is not None and answer.until <= now):
                self.coordinator.let_go(nodeid)

    def _note_start(self, nodeid: str, worker: str) -> bool:
        self.worker_of[nodeid] = worker
        self.waiting.pop(nodeid, None)
        found = self.handout.find(nodeid)
        if found is None:
            return True
        logs = f"{self.handout.logs}/{folder_name(self.handout, *found)}"
        waited = self.coordinator.waits(nodeid)
        if not self.recorder.started(found, worker, logs, waited=waited, choice=self.choice_of(*found)):
            return False
        self.gates.started(*found)
        return True

    def _stop_in_trouble(self) -> None:
        """Start nothing new when what happens cannot be written down; what runs goes on to its end."""
        if self.recorder.trouble:
            self.stop(self.recorder.trouble)

    def fingerprint_of(self, file: FileHandout, task: Task) -> str:
        """Give that of a task as its file states it, without what settings fill in."""
        return self._prepared[file.nodeid].plan.fingerprints[task.id]

    def choice_of(self, file: FileHandout, task: Task) -> Choice | None:
        """Give the backend of a task and why it is this one; ``None`` where there is none for it."""
        return self.choices.of(file, task)

    def retry(self, nodeid: str) -> None:
        """Forget what a lost attempt has reported, and let the item start again."""
        self.accounts.lose(nodeid)
        self._forget(nodeid)
        if found := self.handout.find(nodeid):
            self._lose(found)
        self.coordinator.again(nodeid)

    def _lose(self, found: tuple[FileHandout, Task]) -> None:
        self.gates.lost(*found)
        self.ask_again()

    def stop(self, reason: str) -> None:
        """Let nothing new start; what runs goes on."""
        self.stop_reason = self.stop_reason or reason
        self.coordinator.stop()

    def give_up(self, reason: str, status: RunStatus) -> None:
        """Start nothing new, skip the rest with this reason, and end as cancelled or interrupted."""
        self.forced_end = status
        self.stop(reason)
        if status is RunStatus.CANCELLED:
            self.cancelled.update(dict.fromkeys((*self.coordinator.taken, *self.accounts.paused), reason))
        self._skip_rest()

    def cancel_task(self, nodeid: str, reason: str) -> None:
        """Cancel one item: one that runs is ended by others, one that has not started never will."""
        if nodeid in self.coordinator.taken:
            self.cancelled.setdefault(nodeid, reason)
        elif nodeid in self.coordinator.pending:
            self.cancelled[nodeid] = reason
            self._skip(nodeid, reason)
            self._skip_blocked(self.coordinator.end(nodeid, success=False))

    def reopen(self, nodeid: str, reason: str) -> None:
        """Forget what came of an item that is to run once more."""
        self._forget(nodeid)
        self.cancelled.pop(nodeid, None)
        if found := self.handout.find(nodeid):
            self.recorder.reopened(found, reason)

    def _forget(self, nodeid: str) -> None:
        session: Any = self.config.pluginmanager.get_plugin("session")
        self.accounts.strike(nodeid)
        session.testsfailed -= self._verdicts.pop(nodeid, Verdict()).failures

    @interrupts.whole
    def end(self, nodeid: str) -> None:
        """Settle an item that has gone through pytest's whole protocol, and those that it keeps from starting."""
        verdict = self._verdicts[nodeid]
        success = verdict.success
        found = self.handout.find(nodeid)
        if found is not None:
            duration = time.monotonic() - self._started.get(nodeid, time.monotonic())
            result = verdict.result_of(found[1], self.worker_of.get(nodeid), duration)
            if result.status is TaskStatus.PAUSED:
                self._pause(nodeid, found, result)
                return
            if verdict.lost:
                result = replace(result, attempts=self.accounts.tries_of(nodeid))
            if nodeid in self.cancelled and not result.success:
                result = replace(result, error_message=self.cancelled[nodeid], category="cancelled")
            self._conclude(nodeid, result)
            self.gates.ended(*found, result)
            success = success or found[1].optional
            if not success and found[1].critical and verdict.failed:
                self.stop(f"critical task {found[1].id} failed")
        self.ask_again()
        self._watch.lap()
        self._skip_blocked(self.coordinator.end(nodeid, success=success))
        self._skip_rest()

    def _pause(self, nodeid: str, found: tuple[FileHandout, Task], result: TaskResult) -> None:
        """Keep a task that waits for its next attempt; it holds no worker meanwhile."""
        self.accounts.paused[nodeid] = result
        tell(self.config, "pytest_moderator_task_paused", result=result)
        self.gates.ended(*found, result)
        self.ask_again()
        self._turn_away(nodeid, found, self.gates.ask(*found) or Wait("its next attempt", time.monotonic()))
        if nodeid in self.cancelled:
            self.cancel_task(nodeid, self.cancelled[nodeid])
        self._skip_rest()

    def _skip_rest(self) -> None:
        """Report what will not start any more as skipped, once nothing runs that was stopped."""
        for nodeid in self.coordinator.pending if self.stop_reason and self.finished else ():
            self._skip(nodeid, f"not started: {self.stop_reason}")
            self.coordinator.end(nodeid, success=False)

    def _skip_blocked(self, blocked: Iterable[Blocked]) -> None:
        for entry in blocked:
            by = tuple(self.accounts.name(key) for key in entry.by)
            self._skip(entry.key, self.accounts.why_blocked(entry), by)

    def _skip(self, nodeid: str, reason: str, by: tuple[str, ...] = ()) -> None:
        self.waiting.pop(nodeid, None)
        found = self.handout.find(nodeid)
        if found and (failed := self.accounts.given_up(nodeid, reason, self.cancelled.get(nodeid))):
            report_failure(self.config, nodeid, found, failed, self._verdicts[nodeid].node)
            self._conclude(nodeid, failed)
            return
        if found is not None:
            result = TaskResult(
                found[1], status=TaskStatus.SKIPPED, attempts=0, error_message=reason, blocked_by=by
            )
            self._conclude(nodeid, result)
        report_skip(self.config, nodeid, found, reason)

    def _conclude(self, nodeid: str, result: TaskResult) -> None:
        self.accounts.enter(nodeid, result)
        found = self.handout.find(nodeid)
        if found and not result.task.done:
            self.recorder.ended(found, result)
            self._stop_in_trouble()
        if result.status is TaskStatus.FAILED:
            error = TaskFailedError(result)
            tell(self.config, "pytest_moderator_task_error", task=result.task, error=error)
        else:
            tell(self.config, "pytest_moderator_task_complete", result=result)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell those who watch that a task has started (those that are skipped only seem to)."""
        found = self.handout.find(nodeid)
        if found is None or nodeid not in self.coordinator.running:
            return
        self._started[nodeid] = time.monotonic()
        if choice := self.choice_of(*found):
            LOGGER.info("%s: backend %s: %s", found[1].id, choice.backend.name, choice.reason)
        context = place_of(self.handout, *found)
        tell(self.config, "pytest_moderator_task_start", task=found[1], context=context)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what an item's report says until the item ends, and add what the other reporters can show."""
        found = self.handout.find(report.nodeid)
        if report.when == PROGRESS and found and report.nodeid in self.coordinator.running:
            payload = json.loads(report.moderator_progress)
            self.recorder.happened(str(payload.pop("kind", "note")), found, payload)
        if report.when not in ("setup", "call", "teardown", "???", LATER):
            return
        verdict = self._verdicts[report.nodeid]
        verdict.add(report)
        if report.failed and report.nodeid in self.cancelled:
            report.longrepr = self.cancelled[report.nodeid]
        if found is not None:
            describe(report, found[1], verdict.carried(found[1]))

    @property
    def status(self) -> RunStatus:
        """How the run stands."""
        status = self.forced_end or self.accounts.status
        # What did not start, for trouble with the journal, was skipped for no fault of its own.
        return RunStatus.FAILED if self.recorder.trouble and status is RunStatus.COMPLETED else status

    def report(self, file: FileHandout) -> ExecutionReport:
        """Sum up one file, as far as it has come."""
        return self.accounts.report(file, self.plans[file.nodeid], self._watch, self)
