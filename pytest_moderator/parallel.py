"""Running on pytest-xdist's workers: our scheduler in the controlling process. `worker` is its other end.

How a task gets to a worker:

1. A worker that has collected is free. The scheduler asks the coordinator for the most urgent task that may start,
   and sends the worker its index. A worker does not start an item before it knows of another one behind it: ours
   puts the *relay* there (see :mod:`pytest_moderator.relay`).
2. The worker runs the task and waits where the relay stands. The scheduler hears that the task has ended, settles it
   and sends the next one.
3. While all workers are busy, each is sent one task *ahead*, which would be the next to start whichever ends first.
   So a worker need not wait until it is heard and answered. It is taken back where another worker is free first, or
   nothing is to start any more; and a worker gives it back by itself when its own task has failed.
4. When the worker knows the true next item, it tears down what that one does not share with the one before.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import end_marked_processes
from pytest_moderator.bundle import unbundle
from pytest_moderator.relay import told_by
from pytest_moderator.runner import name_of
from pytest_moderator.verdict import location_of
from pytest_moderator.worker import ARGS, HANDOUT, PYTHON

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from xdist.workermanage import WorkerController

    from pytest_moderator.control import Control
    from pytest_moderator.run import Run


_NO_ITEM = -1


@dataclass(slots=True)
class _Worker:
    """What is known of a worker.

    Attributes:
        index: by node id, the place of an item in what it has collected; ``None`` until it has.
        running: the item that it runs.
        ahead: the item that it is to start by itself.
        recalled: whether it was asked to give that one back, and has not answered.
    """

    index: dict[str, int] | None = None
    running: str | None = None
    ahead: str | None = None
    recalled: bool = False


class ParallelScheduling:
    """Sends a task when its prerequisites have ended and a worker is free (xdist's ``Scheduling`` protocol)."""

    def __init__(self, config: pytest.Config, run: Run, control: Control) -> None:
        self.config = config
        self.run = run
        self.control = control
        self._workers: dict[WorkerController, _Worker] = {}
        self._marks: dict[str, list[str]] = {}

    @property
    def nodes(self) -> list[WorkerController]:
        """The workers that are up."""
        return list(self._workers)

    @property
    def collection_is_completed(self) -> bool:
        """Whether at least one worker knows the items; the others join when they do."""
        return any(worker.index is not None for worker in self._workers.values())

    @property
    def tests_finished(self) -> bool:
        """Whether nothing runs and nothing will start."""
        return self.run.finished

    @property
    def has_pending(self) -> bool:
        """Whether something has been scheduled."""
        return self.run.begun

    def add_node(self, node: WorkerController) -> None:
        """Note a worker that is up, and has yet to collect."""
        self._workers[node] = _Worker()

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Note what a worker has collected, nothing perhaps; its relay stands behind all else."""
        worker = self._workers[node] = self._workers.pop(node)  # behind those that were free before it
        worker.index = {nodeid: index for index, nodeid in enumerate(collection)}
        # xdist has just counted what this one has collected, and takes none for a session without tests
        self._session.testscollected = max(len(worker.index or ()) for worker in self._workers.values())

    def schedule(self) -> None:
        """Give every free worker the most urgent task that may start."""
        if reason := self._reason_to_stop():
            self._interrupt(reason)
            return
        if not self.run.begun:
            collected = next(w.index for w in self._workers.values() if w.index is not None)
            self.run.begin(list(collected), self._marks)
            self.control.wake = self._wake
            self.control.start()
        self.control.heed()
        all_busy = self._serve_the_free()
        wanted = all_busy and self.run.sends_ahead and not self.run.coordinator.halted
        for node, worker in self._workers.items():
            if worker.ahead is not None and (not wanted or worker.ahead in self.run.cancelled):
                self._recall(node, worker, worker.ahead)
        if wanted:
            self._send_ahead()

    def _serve_the_free(self) -> bool:
        """Give each worker that is free an item; say whether none is left without."""
        for node, worker in self._workers.items():
            while worker.index is not None and worker.running is None and not node.shutting_down:
                nodeid = self.run.start_next(node.gateway.id)
                if nodeid is None:
                    return False
                if nodeid in worker.index:
                    self._send(node, worker, worker.index, nodeid)
                else:
                    why = f"worker {node.gateway.id} has not collected it: did a file change during the run?"
                    self._report_crash(node, nodeid, why)
                    return False  # it is settled: what comes next is asked for anew
        return True

    def _send(self, node: WorkerController, worker: _Worker, index: dict[str, int], nodeid: str) -> None:
        # Who does it in place of whom goes before it, as it is the worker that looks for the backend.
        instead = self.run.choices.instead(nodeid)
        try:
            if instead is not None:
                node.send_runtest_some([instead])
            node.channel.send(index[nodeid])
        except OSError:  # the worker has just died: xdist will say so
            worker.index = None
            self.run.take_back(nodeid)
            return
        worker.running = nodeid
        self._tell_of_start(nodeid)

    def _send_ahead(self) -> None:
        for node, worker in self._workers.items():
            if worker.index is None or worker.running is None or worker.ahead or node.shutting_down:
                continue
            nodeid = self.run.next_ahead()
            if nodeid is None:
                return
            if nodeid not in worker.index:
                self.run.take_back(nodeid)  # told of when it is its turn
                return
            worker.ahead = nodeid
            # It may just have died: what it was sent is taken back when xdist says so.
            with contextlib.suppress(OSError):
                node.channel.send(worker.index[nodeid])

    def _recall(self, node: WorkerController, worker: _Worker, nodeid: str) -> None:
        if not worker.recalled and worker.index is not None:
            worker.recalled = True
            with contextlib.suppress(OSError):  # as above
                node.send_steal([worker.index[nodeid]])

    def _tell_of_start(self, nodeid: str) -> None:
        if found := self.run.handout.find(nodeid):  # a worker does not say it of tasks
            self.config.hook.pytest_runtest_logstart(nodeid=nodeid, location=location_of(nodeid, found))

    def _wake(self) -> None:
        """Have xdist's loop, which only knows the events of workers, come by here; from any thread."""
        event = {"node": None, "item_index": _NO_ITEM, "duration": 0}
        self._dsession.queue.put(("runtest_protocol_complete", event))

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Settle the task that a worker has ended, and give it another."""
        del duration
        if item_index == _NO_ITEM:
            self.schedule()
            return
        worker = self._workers[node]
        nodeid, worker.running = worker.running, None
        if nodeid is not None:
            self.run.end(nodeid)
        if worker.ahead is not None:
            worker.running, worker.ahead, worker.recalled = worker.ahead, None, False
            self.run.begin_ahead(worker.running, node.gateway.id)
            self._tell_of_start(worker.running)
        self.schedule()

    def mark_test_pending(self, item: str) -> None:
        """Have an item run again that was lost in a crash; a plugin may want that, too."""
        self.run.retry(item)
        self._wake()  # xdist has not yet done with the crash, and may be about to end the run

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        """Take back what a worker gives back, unasked or not; nothing where it has started it."""
        worker = self._workers.get(node)
        if worker is None or worker.index is None:
            return
        recalled, worker.recalled = worker.recalled, False
        if worker.ahead is not None and worker.index[worker.ahead] in indices:
            nodeid, worker.ahead = worker.ahead, None
            self.run.take_back(nodeid)
        if recalled:
            self.schedule()

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget a worker.

        Returns:
            The item that it was running, unless that is run again.

        Raises:
            KeyError: the worker is not known.
        """
        worker = self._workers.pop(node)
        if worker.ahead is not None:
            self.run.take_back(worker.ahead)
        nodeid = worker.running
        found = nodeid and self.run.handout.find(nodeid)
        if not nodeid or not found:
            return nodeid
        task = found[1]
        end_marked_processes(self.run.handout.run_id, name_of(self.run.handout, *found))
        if nodeid in self.run.cancelled or self.run.accounts.tries_of(nodeid) > (task.retries or 0):
            return nodeid
        self.mark_test_pending(nodeid)
        return None

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: WorkerController, ids: list[str]) -> None:
        """Read what the relay's id tells, and keep the relay out of all counts."""
        if ids:
            self._marks, process = told_by(ids.pop())
            self.run.recorder.worker_started(node.gateway.id, process)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> Generator[None, None, None]:
        """Settle a task whose worker died, unless a plugin has put it back: xdist reports it, and does not end it."""
        if hasattr(report, "node"):
            report.node = _Reporter(report.node)
        yield
        if str(report.when) == "???" and report.nodeid in self.run.coordinator.running:
            self.run.end(report.nodeid)
            self._wake()  # whoever tells of it is in the middle of something

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Have xdist's report of a crash name the task and its line."""
        report.location = location_of(crashitem, self.run.handout.find(crashitem))

    def _report_crash(self, node: WorkerController, nodeid: str, message: str) -> None:
        location = location_of(nodeid, self.run.handout.find(nodeid))
        report = pytest.TestReport(nodeid, location, {}, "failed", message, "???")  # type: ignore[arg-type]
        report.node = node  # type: ignore[attr-defined]
        self.config.hook.pytest_runtest_logreport(report=report)

    def _reason_to_stop(self) -> str:
        """Heed what pytest's own loop heeds, and xdist's does not: it counts no task whose worker died, say."""
        session = self._session
        broken = 0 if self.run.begun else session.testsfailed
        if broken and not self.config.option.continue_on_collection_errors:
            return f"{broken} error{'s' * (broken > 1)} during collection"
        return str(session.shouldfail or session.shouldstop or "")

    def _interrupt(self, reason: str) -> None:
        """Have xdist send its workers home, and end as interrupted."""
        self._dsession.shouldstop = self._dsession.shouldstop or reason

    @property
    def _session(self) -> Any:
        return self.config.pluginmanager.get_plugin("session")

    @property
    def _dsession(self) -> Any:
        return self.config.pluginmanager.get_plugin("dsession")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        """Tell the workers to stop, before the tasks that they run are ended."""
        for node in self._workers:
            node.shutdown()
        return (yield)


class _Reporter:
    """A worker as reports name it. All are equal: junit makes a case of each item and worker otherwise."""

    def __init__(self, node: WorkerController) -> None:
        self._node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reporter)

    def __hash__(self) -> int:
        return hash(_Reporter)


class Controller:
    """Hands out the tasks, and puts the scheduling in xdist's hands."""

    def __init__(self, run: Run, control: Control) -> None:
        self.run = run
        self.control = control
        self._text = run.handout.to_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Hand out the tasks."""
        node.workerinput[HANDOUT] = self._text
        node.workerinput[PYTHON] = sys.version
        unbundle(node, node.config.pluginmanager.get_plugin("dsession"))
        node.workerinput[ARGS] = [str(arg) for arg in node.config.args]

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> ParallelScheduling:
        """Schedule by the plan."""
        scheduling = ParallelScheduling(config, self.run, self.control)
        config.pluginmanager.register(scheduling, "moderator_scheduling")
        return scheduling
