"""Runs for the tests of the command: recorded in a journal, and obeying like a run where somebody asks."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.journal import Holder, Journal, Request, RunRecord, TaskRecord
from pytest_moderator.model import Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

DEAD = Holder.here()._replace(pid=2**22 + 1)
STATE = ".moderator"
OPENED: list[Journal] = []
"""The journals to close when a test is over."""


class Recorded:
    """A run of the current directory.

    Args:
        run_id: its id.
        tasks: ids of its tasks; those with ``::`` name their file.
        alive: whether this process is the one that runs it.
        more: other attributes of its record.
    """

    def __init__(
        self, run_id: str = "20260102-1", tasks: str = "T001 T002 T003", *, alive: bool = True, **more: object
    ):
        self.journal = Journal.open(Path(STATE))
        OPENED.append(self.journal)
        self.id = run_id
        found = [name.rpartition("::") for name in tasks.split()]
        files = tuple(dict.fromkeys(file or "tasks.md" for file, _, _ in found))
        record = RunRecord(
            run_id, files, Path.cwd(), 2, ("--moderator", *files), Holder.here() if alive else DEAD
        )
        self.journal.begin_run(
            record._replace(**more),  # type: ignore[arg-type]
            [
                TaskRecord(
                    file or "tasks.md", name, f"Do {name}", n, "Setup", "f" * 16, n, TaskStatus.PENDING
                )
                for n, (file, _, name) in enumerate(found, 1)
            ],
        )

    def start(self, task_id: str, file: str = "tasks.md", worker: str = "gw0") -> Path:
        """Start a task; give the folder of its logs."""
        logs = f"runs/{self.id}/tasks/{task_id}"
        self.journal.record(
            "task_started",
            file=file,
            task_id=task_id,
            status=TaskStatus.RUNNING,
            payload={"worker": worker, "logs": logs},
            run_id=self.id,
        )
        self.journal.flush()
        folder = Path(STATE, logs)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def wait(self, task_id: str, reason: str) -> None:
        """Have a task wait before it starts."""
        self.journal.record(
            "task_waits",
            file="tasks.md",
            task_id=task_id,
            status=TaskStatus.PAUSED,
            reason=reason,
            run_id=self.id,
        )
        self.journal.flush()

    def end(
        self,
        task_id: str,
        status: TaskStatus,
        reason: str | None = None,
        file: str = "tasks.md",
        attempts: int = 1,
    ) -> None:
        """End a task."""
        task = Task(task_id, f"Do {task_id}", 1)
        result = TaskResult(task, status=status, error_message=reason, attempts=attempts)
        self.journal.record("task_ended", file=file, task_id=task_id, result=result, run_id=self.id)

    @contextmanager
    def obeying(self) -> Iterator[list[Request]]:
        """Take the requests to the run, as a run does; give those that were taken."""
        taken: list[Request] = []
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.01):
                taken.extend(self.journal.take_requests(self.id))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield taken
        finally:
            over.set()
            thread.join()


def lines_of(text: str) -> list[str]:
    """Give the lines of an output without what differs from time to time."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", text)
    text = re.sub(r"process \d+ on \S+", "process P", text)
    return re.sub(r"\((?:[\d.]+s|\d+[mh] \d+[sm])\)|  [\d.]+s", "(D)", text).splitlines()
