"""Writing the journal: by the one process that runs the tasks."""

from __future__ import annotations

import contextlib
import os
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from pytest_moderator.journal import changes
from pytest_moderator.journal.database import BUSY_SECONDS, NAME
from pytest_moderator.journal.records import JournalError
from pytest_moderator.journal.requests import OPEN_REQUESTS, RequestRow
from pytest_moderator.journal.schema import TOUCH
from pytest_moderator.journal.store import open_to_write
from pytest_moderator.journal.texts import clean
from pytest_moderator.journal.trouble import TROUBLE, explain, explain_os

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_moderator.journal.begun import RunRecord, TaskRecord
    from pytest_moderator.journal.changes import Change
    from pytest_moderator.journal.records import RunStatus
    from pytest_moderator.journal.requests import Request
    from pytest_moderator.model.result import TaskResult
    from pytest_moderator.model.task import TaskStatus

_NOTHING: Mapping[str, object] = MappingProxyType({})
_MOST_WAITING = 100
_SHORT_PATIENCE = 0.1  # seconds
_KNOWN = "SELECT count(*) FROM runs WHERE id = ?"


class Journal:
    """The one writer of a run. Any thread of the process that has opened it may use it.

    What is recorded waits in memory for the next commit: that of a task's end, of whatever is ``durable``, or
    :meth:`flush`. So no other process ever waits for us, and what could not be written is not lost: it stays there,
    in order, for the next commit that succeeds.

    Attributes:
        path: the database.
        notices: what the user must be told about it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, notices: tuple[str, ...]) -> None:
        self.path = path
        self.notices = notices
        self._connection = connection
        self._lock = threading.RLock()
        self._waiting: list[tuple[Change, ...]] = []
        self._failing = False
        self._writing = False
        self._synced = True
        self._patience = BUSY_SECONDS
        self._run_id: str | None = None
        self._taken: set[int] = set()
        self._process = os.getpid()
        self._file = path.lstat()

    @classmethod
    def open(cls, state_dir: Path) -> Journal:
        """Open the journal of a state directory; make both where they are missing.

        Raises:
            JournalError: it cannot be written, belongs to somebody else, or was written by a newer version.
        """
        state_dir = state_dir.absolute()
        return cls(state_dir / NAME, *open_to_write(state_dir))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pending(self) -> int:
        """How many events could not be written; 0 as long as no write has failed."""
        return len(self._waiting) if self._failing else 0

    def begin_run(self, run: RunRecord, tasks: Sequence[TaskRecord], *, resumed: bool = False) -> None:
        """Begin a run, or go on with one. It is on the disk when this returns.

        Args:
            run: the run.
            tasks: its tasks.
            resumed: whether the run is in the journal already. What its tasks have come to is then kept where they
                are done, and all others are pending again; tasks that it had and that are not given stay as they are.

        Raises:
            JournalError: it cannot be written; or the run is there already, or is not there to go on with.
        """
        with self._lock:
            self._commit(durable=False)
            self._check_known(run.id, resumed=resumed)
            entry = tuple(changes.begin_run(run, tasks, resumed=resumed))
            self._waiting.append(entry)
            try:
                self._commit(durable=True)
            except BaseException:
                self._waiting = [other for other in self._waiting if other is not entry]
                self._failing = False
                raise
            self._run_id = run.id

    def record(
        self,
        kind: str,
        *,
        file: str | None = None,
        task_id: str | None = None,
        attempt: int | None = None,
        status: TaskStatus | None = None,
        result: TaskResult | None = None,
        reason: str | None = None,
        durable: bool = False,
        payload: Mapping[str, object] = _NOTHING,
        run_id: str | None = None,
    ) -> None:
        """Record that something has happened.

        Args:
            kind: what has happened.
            file: the tasks file, where it concerns a task.
            task_id: the task.
            attempt: number of the attempt, from 1.
            status: where the task stands now; that of the result where one is given.
            result: what came of the task.
            reason: why it failed, was skipped, or waits; that of the result where one is given.
            durable: put it on the disk, and all that was recorded before it, so that it survives a loss of power.
            payload: more about it, of JSON's types; ``worker`` and ``logs`` are kept with the task too.
            run_id: the run, if it is another one than that which has begun here.

        Raises:
            JournalError: it could not be written. It is kept, and the next call tries again.
        """
        if result is not None:
            status = result.status if status is None else status
            reason = result.error_message if reason is None else reason
        if reason is not None:
            payload = {**payload, "reason": clean(reason)}
        entry = changes.record(
            self._run(run_id), kind, (file, task_id, attempt), status, payload, result=result
        )
        self._add(entry, durable=durable, at_once=status is not None and status.ended)

    def set_run_status(
        self,
        status: RunStatus,
        *,
        kind: str,
        payload: Mapping[str, object] = _NOTHING,
        run_id: str | None = None,
    ) -> None:
        """Record where the run stands. It is on the disk when this returns.

        Args:
            status: where it stands.
            kind: what has happened, such as ``run_ended``.
            payload: more about it; ``exit_code`` is kept with the run too.
            run_id: the run, if it is another one than that which has begun here.

        Raises:
            JournalError: it could not be written. It is kept, and the next call tries again.
        """
        self._add(changes.run_status(self._run(run_id), status, kind, payload), durable=True, at_once=True)

    def flush(self, durable: bool = False) -> None:  # noqa: FBT001, FBT002 (reads well without the name)
        """Commit what waits.

        Args:
            durable: put it on the disk, so that it survives a loss of power.

        Raises:
            JournalError: it could not be written. It is kept, and the next call tries again.
        """
        with self._lock:
            self._commit(durable=durable)

    def take_requests(self, run_id: str) -> list[Request]:
        """Give what the run was asked to do since the last call, oldest first.

        A request that cannot be marked as taken is given all the same, and only once; the next :meth:`record` or
        :meth:`flush` tries again to mark it.

        Args:
            run_id: the run.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._lock:
            asked = [row for row in self._open_requests(run_id) if row.id not in self._taken]
            for row in asked:
                self._taken.add(row.id)
                self._waiting.append(tuple(changes.take(row)))
            if asked:
                with contextlib.suppress(JournalError):  # shown by `pending`, and raised by the next record
                    self._commit(durable=False)
            return [request for row in asked if (request := row.understood())]

    def close(self) -> None:
        """Commit what waits, and close the journal; once is enough.

        Raises:
            JournalError: something could not be written, and is lost now.
        """
        with self._lock:
            try:
                self._commit(durable=False)
            finally:
                self._waiting.clear()
                self._synced = True
                self._connection.close()

    def _run(self, run_id: str | None) -> str:
        run_id = run_id or self._run_id
        if run_id is None:
            raise ValueError("no run has begun: call begin_run first")
        return run_id

    def _check_known(self, run_id: str, *, resumed: bool) -> None:
        try:
            (known,) = self._connection.execute(_KNOWN, (clean(run_id),)).fetchone()
        except TROUBLE as error:
            raise explain(error, self.path, "read") from error
        if known and not resumed:
            raise JournalError(f"the journal {str(self.path)!r} has a run {run_id!r} already")
        if resumed and not known:
            raise JournalError(f"the journal {str(self.path)!r} has no run {run_id!r} to go on with")

    def _open_requests(self, run_id: str) -> list[RequestRow]:
        try:
            rows = self._connection.execute(OPEN_REQUESTS, (clean(run_id),)).fetchall()
        except TROUBLE as error:
            raise explain(error, self.path, "read") from error
        return [RequestRow(*row) for row in rows]

    def _add(self, entry: Iterable[Change], *, durable: bool, at_once: bool) -> None:
        with self._lock:
            self._waiting.append(tuple(entry))
            if durable or at_once or self._failing or len(self._waiting) >= _MOST_WAITING:
                self._commit(durable=durable)

    def _commit(self, *, durable: bool) -> None:
        """Write what waits, all or nothing."""
        if self._writing or not (self._waiting or (durable and not self._synced)):
            return  # called by a signal's handler while we are writing: what it has added is written next time
        self._writing = True
        try:
            self._check_place()
            self._transact(tuple(self._waiting), durable=durable)
        except JournalError:
            self._failing = True
            raise
        except TROUBLE as error:
            self._failing = True
            raise explain(error, self.path, "write to") from error
        finally:
            self._writing = False

    def _transact(self, entries: Sequence[tuple[Change, ...]], *, durable: bool) -> None:
        execute = self._connection.execute
        begun = False
        try:
            # Somebody who keeps it locked for ever must not hold us up each time.
            self._wait_for_others(_SHORT_PATIENCE if self._failing else BUSY_SECONDS)
            if durable:
                execute("PRAGMA synchronous = FULL")
            execute("BEGIN IMMEDIATE")
            begun = True
            for entry in entries:
                for statement, values in entry:
                    execute(statement, values)
            if not entries:
                execute(TOUCH)
            execute("COMMIT")
            self._written(entries, durable=durable)
        except BaseException as error:
            if self._connection.in_transaction:
                execute("ROLLBACK")
            elif begun and not isinstance(error, TROUBLE):
                self._written(entries, durable=durable)  # interrupted just behind the commit
            raise
        finally:
            if durable:
                execute("PRAGMA synchronous = NORMAL")

    def _written(self, entries: Sequence[tuple[Change, ...]], *, durable: bool) -> None:
        if entries and self._waiting and self._waiting[0] is entries[0]:
            del self._waiting[: len(entries)]
        self._failing = False
        self._synced = durable

    def _wait_for_others(self, seconds: float) -> None:
        """Say how long to wait for another process that writes."""
        if seconds != self._patience:
            self._connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
            self._patience = seconds

    def _check_place(self) -> None:
        """See that what we write is found again.

        Raises:
            JournalError: the database was removed or replaced.
            RuntimeError: this process is a fork of the one that has opened the journal.
        """
        if os.getpid() != self._process:
            raise RuntimeError("a journal cannot be used by a fork of the process that has opened it")
        try:
            there = os.path.samestat(self.path.lstat(), self._file)
        except OSError as error:
            raise explain_os(error, self.path, "write to") from error
        if not there:
            raise JournalError(
                f"cannot write to the journal {str(self.path)!r}: another file is in its place"
            )
