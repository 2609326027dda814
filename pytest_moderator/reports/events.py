"""What happens, as it happens: one JSON object a line; `docs/events.md` describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.clock import now

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.errors import TaskFailedError
    from pytest_moderator.model import ExecutionContext, Task, TaskResult
    from pytest_moderator.run import Run

VERSION = 1


class EventStream:
    """Writes events to a file or a pipe.

    Raises:
        pytest.UsageError: the file cannot be written.
    """

    def __init__(self, run: Run, path: Path) -> None:
        self._run = run
        self._seq = 0
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise pytest.UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error

    def pytest_sessionstart(self) -> None:
        """Tell that the run starts."""
        self._write("run_started", files=[file.nodeid for file in self._run.handout.files])

    def pytest_moderator_task_start(self, task: Task, context: ExecutionContext) -> None:
        """Tell that a task has started."""
        self._write("task_started", task_id=task.id, context=context.to_dict())

    def pytest_moderator_task_complete(self, result: TaskResult) -> None:
        """Tell that a task has completed or was skipped."""
        self._write("task_ended", task_id=result.task.id, result=result.to_dict())

    def pytest_moderator_task_error(self, task: Task, error: TaskFailedError) -> None:
        """Tell that a task has failed."""
        self._write("task_ended", task_id=task.id, result=error.result.to_dict())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell that the run has ended."""
        self._write("run_ended", exit_code=int(session.exitstatus))
        self._file.close()

    def _write(self, kind: str, **payload: Any) -> None:
        self._seq += 1
        event = {
            "version": VERSION,
            "seq": self._seq,
            "run_id": self._run.handout.run_id,
            "kind": kind,
            "at": now(),
            **payload,
        }
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
