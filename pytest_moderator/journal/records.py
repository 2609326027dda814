"""What is read from the journal."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_moderator.holder import Holder
    from pytest_moderator.model.result import TaskResult
    from pytest_moderator.model.task import Task, TaskStatus


class JournalError(ModeratorError):
    """The journal cannot be opened, read or written: the message says which one, why, and what to do."""


class DamagedJournalError(JournalError):
    """What is in the journal is not what was written."""


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens in the run."""
        return self not in (RunStatus.RUNNING, RunStatus.PAUSED)


class RunSummary(NamedTuple):
    """A run, as it stands in the journal.

    Attributes:
        id: names the run.
        files: its tasks files as pytest names them, relative to ``root``, with ``/``.
        root: pytest's root directory.
        workers: how many tasks can run at once.
        command: the arguments that pytest was started with.
        directory: where pytest was started, last: what the arguments are relative to.
        holder: the process that runs it, or ran it last.
        status: as it was written last.
        alive: whether a process is at work on it.
        started_at: when it began for the first time; ISO 8601 in UTC.
        ended_at: when it ended; ``None`` when it has not.
        exit_code: pytest's; ``None`` when it has not ended.
        counts: how many of its tasks have which status; a status that none has is missing.
    """

    id: str
    files: tuple[str, ...]
    root: Path
    workers: int
    command: tuple[str, ...]
    directory: Path
    holder: Holder
    status: RunStatus
    alive: bool
    started_at: str
    ended_at: str | None
    exit_code: int | None
    counts: Mapping[TaskStatus, int]

    @property
    def shown_status(self) -> RunStatus:
        """The status, and ``INTERRUPTED`` for a run that has not ended and that nobody is at work on."""
        return self.status if self.status.ended or self.alive else RunStatus.INTERRUPTED


class TaskRow(NamedTuple):
    """A task of a run, as it stands in the journal.

    Attributes:
        file: the tasks file as pytest names it.
        task_id: the task's id.
        title: its title.
        line: 1-based line in the file.
        phase: text of the heading it stands under.
        step_number: its place in the order of the run.
        status: where it stands.
        started_at: ISO 8601 in UTC; ``None`` when it has not started.
        completed_at: when it ended, likewise.
        worker: the process that runs it, or ran it last.
        reason: why it failed, was skipped, or waits.
        retry_count: how often it was tried again.
        fingerprint: that of the task when the run began, or was continued.
        result: what came of it, see :func:`result_of`; ``None`` when it has not ended.
        logs: folder of its logs, relative to the state directory.
    """

    file: str
    task_id: str
    title: str
    line: int
    phase: str | None
    step_number: int
    status: TaskStatus
    started_at: str | None
    completed_at: str | None
    worker: str | None
    reason: str | None
    retry_count: int
    fingerprint: str
    result: Mapping[str, Any] | None
    logs: str | None

    def result_of(self, task: Task) -> TaskResult | None:
        """Give the result that was written down, as that of a task; ``None`` when there is none."""
        if self.result is None:
            return None
        from pytest_moderator.model.result import TaskResult  # noqa: PLC0415 (views that must be quick need none)

        return replace(TaskResult.from_dict({**self.result, "task": task.to_dict()}), task=task)


class Event(NamedTuple):
    """Something that has happened.

    Attributes:
        seq: grows from event to event, over all runs of a journal.
        run_id: the run.
        file: the tasks file, where it concerns a task.
        task_id: the task.
        attempt: number of the attempt, from 1.
        kind: what has happened; new kinds may come, pass over what you do not know.
        at: when; ISO 8601 in UTC.
        payload: more about it.
    """

    seq: int
    run_id: str
    file: str | None
    task_id: str | None
    attempt: int | None
    kind: str
    at: str
    payload: Mapping[str, Any]
