"""What happens to a run goes into the journal, here and nowhere else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_moderator.journal import JournalError, TaskRecord
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_moderator.accounts import Accounts
    from pytest_moderator.backends.routing import Choice
    from pytest_moderator.handout import FileHandout, Handout
    from pytest_moderator.holder import Holder
    from pytest_moderator.journal import Journal, Request, RunLock, RunRecord, RunStatus
    from pytest_moderator.model import Task, TaskResult

    Found = tuple[FileHandout, Task]


class Recorder:
    """Writes down what happens to a run, when it happens.

    What cannot be written breaks nothing: the journal keeps it and tries again, and ``trouble`` says what is wrong,
    so that nothing new is started. May be used by several threads at once.

    Args:
        journal: the journal, open for writing; ``None`` where nothing is going to run.
        run: the run.
        locks: what keeps other runs from the files of this one.
        resumed: whether the run goes on with one that the journal knows.

    Attributes:
        trouble: why something could not be written; empty when all went well.
    """

    def __init__(
        self, journal: Journal | None, run: RunRecord, locks: Sequence[RunLock] = (), *, resumed: bool = False
    ) -> None:
        self._opened = journal
        self._run = run
        self._locks = locks
        self._resumed = resumed
        self._begun = False
        self._unsynced = False
        self._workers: list[dict[str, Any]] = []
        self.trouble = ""

    @property
    def journal(self) -> Journal:
        """The journal."""
        if self._opened is None:
            raise RuntimeError("nothing is going to run, so nothing is written down")
        return self._opened

    @property
    def unwritten(self) -> int:
        """How many events could not be written so far."""
        return self._opened.pending if self._opened else 0

    def begin(self, directory: Path, tasks: Sequence[TaskRecord]) -> None:
        """Write down that the run begins.

        Args:
            directory: the run's own; is made.
            tasks: all tasks of its files, and where each stands.

        Raises:
            JournalError: it cannot be written; nothing may be started.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"cannot write to {str(directory)!r}: {error.strerror}") from error
        self.journal.begin_run(self._run, tasks, resumed=self._resumed)
        self._begun = True
        self._write_workers()

    def started(
        self, found: Found, worker: str, logs: str, *, waited: bool, choice: Choice | None = None
    ) -> bool:
        """Write down that a task starts, before it does.

        Args:
            found: the task and its file.
            worker: the process that it is sent to.
            logs: folder of its logs.
            waited: whether it comes after others: their ends are on the disk before it starts.
            choice: its backend, and why it is this one; ``None`` where there is none for it.

        Returns:
            Whether it may start.
        """
        durable = waited and self._unsynced
        with self._trying():
            self.journal.record(
                "task_started",
                file=found[0].nodeid,
                task_id=found[1].id,
                status=TaskStatus.RUNNING,
                durable=durable,
                payload={
                    "worker": worker,
                    "logs": logs,
                    "backend": choice and choice.backend.name,
                    "backend_reason": choice and choice.reason,
                },
            )
        self._unsynced = self._unsynced and not durable
        return not self.trouble

    def secure(self) -> bool:
        """Put the ends of all tasks so far on the disk; say whether what follows may start."""
        if self._unsynced:
            with self._trying():
                self.journal.flush(durable=True)
            self._unsynced = bool(self.trouble)
        return not self.trouble

    def ended(self, found: Found, result: TaskResult) -> None:
        """Write down what came of a task."""
        self._unsynced = True
        with self._trying():
            self.journal.record(
                "task_ended",
                file=found[0].nodeid,
                task_id=found[1].id,
                attempt=result.attempts,
                status=result.status,
                result=result,
                reason=result.error_message,
            )

    def happened(self, kind: str, found: Found, payload: Mapping[str, Any]) -> None:
        """Write down something that happened to a task while it runs.

        Args:
            kind: such as ``attempt_running``.
            found: the task and its file.
            payload: what is known. A process in it must be found after a crash: it is written down at once.
        """
        with self._trying():
            self.journal.record(
                kind,
                file=found[0].nodeid,
                task_id=found[1].id,
                attempt=payload.get("attempt"),
                payload=payload,
            )
            if "pid" in payload:
                self.journal.flush()

    def noted(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Write down something that happened to the run as a whole."""
        with self._trying():
            self.journal.record(kind, payload=payload)

    def worker_started(self, worker: str, process: Holder) -> None:
        """Write down which process a worker is; if the run has not begun yet, when it does."""
        self._workers.append({"worker": worker, **process.facts})
        if self._begun:
            self._write_workers()

    def _write_workers(self) -> None:
        workers, self._workers = self._workers, []
        with self._trying():
            for payload in workers:
                self.journal.record("worker_started", payload=payload)
            self.journal.flush()

    def waits(self, found: Found, reason: str) -> None:
        """Write down that a task waits for something before it starts."""
        self._stands("task_waits", found, TaskStatus.PAUSED, reason)

    def interrupted(self, found: Found, reason: str) -> None:
        """Write down that a task was ended with the run, so that it runs again when the run goes on."""
        self._stands("task_interrupted", found, TaskStatus.PENDING, reason)

    def reopened(self, found: Found, reason: str) -> None:
        """Write down that a task which has ended is to run again in this run."""
        self._stands("task_reset", found, TaskStatus.PENDING, reason)

    def _stands(self, kind: str, found: Found, status: TaskStatus, reason: str) -> None:
        with self._trying():
            self.journal.record(kind, file=found[0].nodeid, task_id=found[1].id, status=status, reason=reason)

    def run_is(self, status: RunStatus, kind: str, payload: Mapping[str, object]) -> None:
        """Write down how the whole run stands."""
        with self._trying():
            self.journal.set_run_status(status, kind=kind, payload=payload)

    def requests(self) -> list[Request]:
        """Give what people have asked for since the last time; write down what waits to be."""
        taken: list[Request] = []
        with self._trying():
            taken = self.journal.take_requests(self._run.id)
        with self._trying():
            self.journal.flush()
        return taken

    def end(self, status: RunStatus, exit_code: int) -> None:
        """Write down how the run ended; nothing if it never began."""
        if self._begun:
            self.run_is(status, "run_ended", {"exit_code": exit_code})

    def close(self) -> None:
        """Let go of the journal, and of the files of the run."""
        if self._opened is not None:
            with self._trying():
                self._opened.close()
        for lock in self._locks:
            lock.release()

    @contextmanager
    def _trying(self) -> Iterator[None]:
        try:
            yield
        except JournalError as error:
            self.trouble = self.trouble or str(error)


def records_of(
    handout: Handout,
    fingerprint_of: Callable[[FileHandout, Task], str],
    accounts: Accounts,
    choice_of: Callable[[FileHandout, Task], Choice | None],
) -> Iterator[TaskRecord]:
    """Say where each task of a run stands before anything has run.

    Args:
        handout: the tasks files.
        fingerprint_of: gives the fingerprint of a task as its file states it.
        accounts: what is selected, and what the run has completed earlier.
        choice_of: gives the backend of a task, if it has one.
    """
    for file in handout.files:
        for number, task in enumerate(file.tasks, 1):
            nodeid = f"{file.nodeid}::{task.id}"
            status, reason = TaskStatus.PENDING, None
            choice = None if task.done else choice_of(file, task)
            if nodeid in accounts.completed:
                status = TaskStatus.COMPLETED
            elif task.done:
                status, reason = TaskStatus.SKIPPED, "already done"
            elif nodeid not in accounts.selected:
                status, reason = TaskStatus.SKIPPED, "not selected"
            yield TaskRecord(
                file=file.nodeid,
                task_id=task.id,
                title=task.title,
                line=task.line,
                phase=task.phase,
                fingerprint=fingerprint_of(file, task),
                step_number=number,
                status=status,
                reason=reason,
                elsewhere=choice is not None and choice.backend.elsewhere,
            )
