"""What views ask that have to be quick: of a large run they read only the part that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.journal.reader import JournalReader
from pytest_moderator.journal.records import RunStatus, RunSummary, TaskRow
from pytest_moderator.journal.texts import clean

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model.task import TaskStatus

_NOT_ENDED = ", ".join(f"'{status.value}'" for status in RunStatus if not status.ended)
_OPEN_RUNS = f"SELECT id FROM runs WHERE status IN ({_NOT_ENDED}) ORDER BY rowid DESC"  # noqa: S608 (our own words)
_TASKS = """
SELECT file, task_id, title, line, phase, step_number, status, started_at, completed_at, worker, error_message,
    retry_count, fingerprint, NULL, logs
FROM task_executions WHERE run_id = ?
"""
_WITH_STATUS = _TASKS + "AND status = ? ORDER BY step_number, file, id LIMIT ?"
_WITH_ID = _TASKS + "AND task_id = ? ORDER BY file"
# Three times as fast as making it here. What nobody runs any more is no longer running.
_AS_JSON = """
SELECT json_object('file', file, 'id', task_id, 'title', title, 'line', line, 'phase', phase,
    'step_number', step_number,
    'status', CASE WHEN :open AND status IN ('running', 'paused') THEN 'pending' ELSE status END,
    'reason', CASE WHEN :open AND status IN ('running', 'paused') THEN :why ELSE error_message END,
    'started_at', started_at, 'completed_at', completed_at, 'worker', worker, 'retry_count', retry_count,
    'logs', logs)
FROM task_executions WHERE run_id = :run_id ORDER BY step_number, file, id
"""
_NAMES = "SELECT file, task_id FROM task_executions WHERE run_id = ? ORDER BY step_number, file, id"
_REASONS = """
SELECT coalesce(error_message, ''), count(*) FROM task_executions WHERE run_id = ? AND status = ?
GROUP BY 1 ORDER BY 2 DESC, min(step_number)
"""
_LAST_EVENT = "SELECT at FROM events WHERE run_id = ? ORDER BY seq DESC LIMIT 1"
_ELSEWHERE = """
SELECT count(*) FROM events, json_each(payload, '$.elsewhere') AS listed, json_each(listed.value) AS named
WHERE seq = (SELECT max(seq) FROM events WHERE run_id = ? AND kind IN ('run_started', 'run_resumed'))
    AND listed.key = ? AND named.value = ?
"""
_NO_LIMIT = -1


class Glance(JournalReader):
    """Reads parts of a journal. What came of a task is left out, since it may be long."""

    @property
    def state_dir(self) -> Path:
        """The state directory that the journal is in, absolute."""
        return self.path.parent

    def alive(self) -> list[RunSummary]:
        """Give the runs that some process is at work on, the one that began last first.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._reading():
            ids = [row[0] for row in self._connection.execute(_OPEN_RUNS).fetchall()]
        return [run for run in map(self.run, ids) if run.alive]

    def with_status(self, run_id: str, status: TaskStatus, limit: int = _NO_LIMIT) -> list[TaskRow]:
        """Give the tasks of a run that have a status, in the order of their steps.

        Args:
            run_id: the run's whole id.
            status: the status.
            limit: give at most so many; all when it is negative.

        Raises:
            JournalError: the journal cannot be read.
        """
        return self._rows(_WITH_STATUS, run_id, status.value, limit)

    def with_id(self, run_id: str, task_id: str) -> list[TaskRow]:
        """Give the tasks of a run that have an id: one of each of its files at most.

        Raises:
            JournalError: the journal cannot be read.
        """
        return self._rows(_WITH_ID, run_id, clean(task_id))

    def tasks_as_json(self, run_id: str, gone: str = "") -> list[str]:
        """Give all tasks of a run, in the order of their steps, each as a JSON object (``docs/status-schema.md``).

        Args:
            run_id: the run's whole id.
            gone: why what was running runs no more, and is pending; empty where it does run.

        Raises:
            JournalError: the journal cannot be read.
        """
        values = {"run_id": clean(run_id), "open": bool(gone), "why": gone}
        with self._reading():
            return [row[0] for row in self._connection.execute(_AS_JSON, values).fetchall()]

    def names(self, run_id: str) -> list[tuple[str, str]]:
        """Give file and id of all tasks of a run, in the order of their steps.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._reading():
            return self._connection.execute(_NAMES, (clean(run_id),)).fetchall()

    def reasons(self, run_id: str, status: TaskStatus) -> list[tuple[str, int]]:
        """Say why tasks of a run have a status, and how many have it for that reason, the most frequent one first.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._reading():
            return self._connection.execute(_REASONS, (clean(run_id), status.value)).fetchall()

    def is_done_elsewhere(self, row: TaskRow, run_id: str) -> bool:
        """Whether the backend of a task has it done elsewhere, so that somebody may say that it is done.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._reading():
            values = (clean(run_id), row.file, row.task_id)
            return bool(self._connection.execute(_ELSEWHERE, values).fetchone()[0])

    def last_event_at(self, run_id: str) -> str:
        """Say when something was written about a run for the last time; ISO 8601 in UTC, empty for never.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._reading():
            row = self._connection.execute(_LAST_EVENT, (clean(run_id),)).fetchone()
            return str(row[0]) if row else ""
