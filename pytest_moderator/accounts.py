"""What has come of each task so far, and what there is to say of those that did not run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.journal import RunStatus
from pytest_moderator.model import ErrorCategory, TaskResult, TaskStatus
from pytest_moderator.runner import folder_of

if TYPE_CHECKING:
    from pytest_moderator.clock import Stopwatch
    from pytest_moderator.coordinator import Coordinator
    from pytest_moderator.handout import FileHandout, Handout
    from pytest_moderator.model import ExecutionReport, Task
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.run import Run
    from pytest_moderator.step import Blocked

_STOPPED = "the run was stopped"


class Accounts:
    """The results of a run.

    Args:
        handout: the tasks.
        completed: node ids of the tasks that the run has completed earlier.

    Attributes:
        selected: node ids of the items of this session.
        completed: see above.
        open: node ids of the tasks that were skipped and can start when the run goes on: it is not complete.
        paused: by node id, what came so far of tasks that wait for another attempt.
        struck: node ids of the items that were to run again after they had ended, or were lost.
    """

    def __init__(self, handout: Handout, completed: frozenset[str]) -> None:
        self.selected: frozenset[str] = frozenset()
        self.completed = completed
        self.open: set[str] = set()
        self.struck: set[str] = set()
        self.paused: dict[str, TaskResult] = {}
        self._handout = handout
        self._coordinator: Coordinator | None = None
        self._results: dict[str, TaskResult] = {}
        self._roots: dict[str, str] = {}
        self._lost: dict[str, int] = {}

    @property
    def begun(self) -> bool:
        """Whether it is known which items there are."""
        return self._coordinator is not None

    @property
    def coordinator(self) -> Coordinator:
        """Who may start."""
        if self._coordinator is None:
            raise RuntimeError("asked before it is known which items there are")
        return self._coordinator

    @coordinator.setter
    def coordinator(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    @property
    def ended(self) -> int:
        """How many tasks have come to their end, in whatever way."""
        return len(self._results)

    def enter(self, nodeid: str, result: TaskResult) -> None:
        """Note what came of a task."""
        self.paused.pop(nodeid, None)
        self._results[nodeid] = result

    def strike(self, nodeid: str) -> None:
        """Forget what came of an item that is to run again."""
        self.struck.add(nodeid)
        self._results.pop(nodeid, None)
        self._roots.pop(nodeid, None)
        self.open.discard(nodeid)

    def lose(self, nodeid: str) -> None:
        """Count a try whose process has died."""
        self._lost[nodeid] = self._lost.get(nodeid, 0) + 1

    def tries_of(self, nodeid: str) -> int:
        """Count the tries of a task that is lost now: this one, those lost before, those that its logs tell of."""
        from pytest_moderator.attempt import tries_before  # noqa: PLC0415 (few are lost)

        found = self._handout.find(nodeid)
        logged = tries_before(folder_of(self._handout, *found)) if found else 0
        return max(1 + self._lost.get(nodeid, 0), logged)

    def given_up(self, nodeid: str, reason: str, cancelled: str | None) -> TaskResult | None:
        """Give the failure of a task whose next attempt will not be; ``None`` where it does not wait for one.

        Args:
            nodeid: the task.
            reason: why it will not be.
            cancelled: by whom it was cancelled, if somebody has done that.
        """
        paused = self.paused.get(nodeid)
        if paused is None:
            return None
        from pytest_moderator.attempt.categories import hint_of  # noqa: PLC0415 (only where something fails)

        category = str(ErrorCategory.CANCELLED) if cancelled else paused.category
        why = f"{paused.error_message}; not tried again: {reason.removeprefix('not started: ')}"
        return replace(
            paused,
            status=TaskStatus.FAILED,
            error_message=cancelled or why,
            category=category,
            hint=hint_of(category or ""),
            again_at=None,
            attempts_log=paused.attempts_log[:-1],
        )

    def name(self, key: str) -> str:
        """Name a task by its id, anything else by its node id."""
        found = self._handout.find(key)
        return found[1].id if found else key

    def why_done(self, nodeid: str) -> str:
        """Say why a task does not run that is done."""
        return "completed earlier in this run" if nodeid in self.completed else "already done"

    def why_blocked(self, entry: Blocked) -> str:
        """Say why an item does not run: who blocks it, and because of whom."""
        if self.open.issuperset(entry.by):
            self.open.add(entry.key)
        causes = dict.fromkeys(self._roots.get(key) or self._describe(key) for key in entry.by)
        root = self._roots[entry.key] = ", ".join(causes)
        direct = ", ".join(self.name(key) for key in entry.by)
        behind = any(key in self._roots for key in entry.by)
        return f"blocked by {direct}, because of {root}" if behind else f"blocked by {root}"

    def _describe(self, key: str) -> str:
        """Name what blocks others, and why it does unless it has just failed."""
        if key not in self.coordinator.outcomes and key not in self.coordinator.running:
            return f"{self.name(key)} (not selected; --moderator-with-deps selects it)"
        result = self._results.get(key)
        if result is None or result.status is TaskStatus.FAILED:
            return self.name(key)
        return f"{self.name(key)} ({result.error_message})"

    @property
    def status(self) -> RunStatus:
        """How the run stands, if nothing but its tasks decides."""
        if not self.begun or not self.coordinator.finished or self.coordinator.pending:
            return RunStatus.INTERRUPTED
        bad = any(
            (result.status is TaskStatus.FAILED and not result.task.optional)
            or (result.blocked_by and nodeid not in self.open)
            for nodeid, result in self._results.items()
        )
        if bad:
            return RunStatus.FAILED
        return RunStatus.INTERRUPTED if self.open else RunStatus.COMPLETED

    def report(self, file: FileHandout, plan: ExecutionPlan, watch: Stopwatch, run: Run) -> ExecutionReport:
        """Sum up one file, as far as it has come."""
        from pytest_moderator.model import ExecutionReport  # noqa: PLC0415 (nobody asks for it before the end)

        return ExecutionReport(
            run_id=self._handout.run_id,
            file=file.nodeid,
            order=plan.order,
            workers=run.workers,
            started_at=watch.started_at,
            finished_at=watch.finished_at,
            duration_seconds=watch.seconds,
            results=tuple(
                self.result_of(file, task, run.worker_of.get(f"{file.nodeid}::{task.id}"), run.stop_reason)
                for task in file.tasks
            ),
            kept_apart=plan.kept_apart if run.workers > 1 else {},
        )

    def result_of(self, file: FileHandout, task: Task, worker: str | None, stop_reason: str) -> TaskResult:
        """Give the result of a task, or say where it stands.

        Args:
            file: the file that it stands in.
            task: the task.
            worker: the process that it was given to last, if it was.
            stop_reason: why nothing new starts; empty while it does.
        """
        nodeid = f"{file.nodeid}::{task.id}"
        if nodeid in self._results:
            return self._results[nodeid]
        pending = TaskResult(task, status=TaskStatus.PENDING, attempts=0)
        if not self.begun:
            return pending
        if task.done:
            return replace(pending, status=TaskStatus.SKIPPED, error_message=self.why_done(nodeid))
        if nodeid in self.coordinator.running:
            return replace(pending, status=TaskStatus.RUNNING, worker=worker, error_message=_STOPPED)
        if nodeid in self.selected:
            pending = replace(self.paused.get(nodeid, pending), status=TaskStatus.PENDING)
            return replace(pending, error_message=stop_reason or _STOPPED)
        return replace(pending, status=TaskStatus.SKIPPED, error_message="not selected")
