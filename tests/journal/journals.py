"""Runs and tasks for tests of the journal."""

from __future__ import annotations

from pathlib import Path

from pytest_moderator.journal import Holder, RunRecord, TaskRecord
from pytest_moderator.model import Task, TaskResult, TaskStatus

FILE = "tasks.md"


def run_record(run_id: str = "run-1", files: tuple[str, ...] = (FILE,)) -> RunRecord:
    """A run of this process."""
    return RunRecord(run_id, files, Path("/project"), 2, ("--moderator", *files), Holder.here())


def task_record(
    number: int, status: TaskStatus = TaskStatus.PENDING, reason: str | None = None, file: str = FILE
) -> TaskRecord:
    """The n-th task of a file."""
    return TaskRecord(
        file, f"T{number:03}", f"Do {number}", number, "Setup", f"print-{number}", number, status, reason
    )


def result_of(number: int, status: TaskStatus = TaskStatus.COMPLETED, **more: object) -> TaskResult:
    """What came of the n-th task."""
    return TaskResult(Task(f"T{number:03}", f"Do {number}", number), status=status, **more)
