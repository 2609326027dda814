"""What happens, as it happens: one JSON object a line; `docs/events.md` describes them."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from typing import TYPE_CHECKING, Any, TextIO

import pytest

from pytest_moderator.clock import now

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.errors import TaskFailedError
    from pytest_moderator.model import ExecutionContext, Task, TaskResult
    from pytest_moderator.run import Run

VERSION = 1
LOGGER = logging.getLogger("pytest_moderator")


class EventStream:
    """Writes events to a file or a pipe. Whatever becomes of that once the run has begun, the run goes on.

    Raises:
        pytest.UsageError: the file cannot be written.
    """

    def __init__(self, run: Run, path: Path) -> None:
        self._run = run
        self._path = path
        self._seq = 0
        self._missed = 0
        self._trouble = ""
        # Tasks of two files may be equal, so that only the very object tells which of them it is.
        self._file_of = {id(task): file for file in run.handout.files for task in file.tasks}
        try:
            self._file = _open(path)
        except OSError as error:
            raise pytest.UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error

    def pytest_sessionstart(self) -> None:
        """Tell that the run starts."""
        handout = self._run.handout
        self._write(
            "run_started",
            files=[file.nodeid for file in handout.files],
            tasks=sum(len(file.tasks) for file in handout.files),
            workers=self._run.workers,
            directory=str(handout.directory),
        )

    def pytest_moderator_task_start(self, task: Task, context: ExecutionContext) -> None:
        """Tell that a task has started."""
        file = self._file_of[id(task)]
        choice = self._run.choice_of(file, task)
        self._write(
            "task_started",
            file=file.nodeid,
            task_id=task.id,
            worker=self._run.worker_of.get(f"{file.nodeid}::{task.id}"),
            backend=choice and choice.backend.name,
            backend_reason=choice and choice.reason,
            context=context.to_dict(),
        )

    def pytest_moderator_task_complete(self, result: TaskResult) -> None:
        """Tell that a task has completed or was skipped."""
        self._write_end(result)

    def pytest_moderator_task_error(self, error: TaskFailedError) -> None:
        """Tell that a task has failed."""
        self._write_end(error.result)

    def pytest_moderator_task_paused(self, result: TaskResult) -> None:
        """Tell that a task waits for its next attempt."""
        self._write(
            "task_paused",
            file=self._file_of[id(result.task)].nodeid,
            task_id=result.task.id,
            attempt=result.attempts,
            error=result.error_message,
            category=result.category,
            again_at=result.again_at,
        )

    def pytest_moderator_run_status(self, status: str, by: str) -> None:
        """Tell that the run pauses or goes on."""
        self._write("run_status", status=status, by=by)

    def pytest_moderator_backend_circuit(self, backend: str, circuit: str, why: str) -> None:
        """Tell that a backend is left alone, tried, or used again."""
        self._write("backend_circuit", backend=backend, circuit=circuit, why=why)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell that the run has ended."""
        self._write("run_ended", exit_code=int(session.exitstatus))
        if self._file is not None:
            self._file.close()
        elif not self._trouble:
            self._trouble = "nobody was reading it"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what is missing in the file, and why."""
        if self._missed:
            missing = f"{self._missed} of {self._seq} events not written"
            why = self._trouble or "nobody was reading it yet"
            terminalreporter.write_line(f"{self._path}: {missing}: {why}", yellow=True)

    def _write_end(self, result: TaskResult) -> None:
        file = self._file_of[id(result.task)].nodeid
        self._write("task_ended", file=file, task_id=result.task.id, result=result.to_dict())

    def _write(self, kind: str, **payload: Any) -> None:
        self._seq += 1
        run_id = self._run.handout.run_id
        event = {"version": VERSION, "seq": self._seq, "run_id": run_id, "kind": kind, "at": now(), **payload}
        if self._trouble or not self._put(json.dumps(event) + "\n"):
            self._missed += 1

    def _put(self, line: str) -> bool:
        try:
            self._file = self._file or _open(self._path)
            if self._file is None:
                return False
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def _give_up(self, error: OSError) -> None:
        self._trouble = error.strerror or str(error)
        LOGGER.warning("cannot write events to %s any more: %s", self._path, self._trouble)
        if self._file is not None:
            with contextlib.suppress(OSError):  # it tries again to write what was just not written
                self._file.close()
            self._file = None


def _open(path: Path) -> TextIO | None:
    """Open a file, empty; ``None`` for a pipe that nobody reads yet, where opening would wait for a reader."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
    os.set_blocking(descriptor, True)  # a reader who is slow misses nothing
    return os.fdopen(descriptor, "w", encoding="utf-8")
