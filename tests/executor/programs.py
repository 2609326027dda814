"""What programs do that have tasks executed: make them, listen to them, look for what they have started."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from pytest_moderator import (
    ExecutionContext,
    ParallelExecutor,
    ProgressCallback,
    SequentialExecutor,
    Task,
    TaskResult,
)
from pytest_moderator.model import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


BOTH = pytest.mark.parametrize(
    "executor", [SequentialExecutor(), ParallelExecutor(max_workers=2)], ids=lambda e: e.get_execution_mode()
)
FOREVER = "echo $$ > pid.tmp; mv pid.tmp pid; while true; do sleep 0.05; done"
STUBBORN = f"trap 'touch asked' TERM; {FOREVER}"


def make(name: str, command: str = "true", **what: Any) -> Task:
    return Task(id=name, title=f"Do {name}", line=1, commands=(Command("sh", f"{command}\n", 1),), **what)


def statuses(results: list[TaskResult]) -> dict[str, str]:
    return {result.task.id: result.status.value for result in results}


def processes(path: Path) -> list[psutil.Process]:
    """Find what was started from a test and still lives."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get("EXECUTOR_TEST") == str(path)
            if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@dataclass
class Diary(ProgressCallback):
    """Writes down what it is told, and in which thread."""

    entries: list[tuple[str, str]] = field(default_factory=list)
    places: dict[str, ExecutionContext] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    threads: set[threading.Thread] = field(default_factory=set)

    def on_task_start(self, task: Task, context: ExecutionContext) -> None:
        self.places[task.id] = context
        self._add("start", task.id)

    def on_task_complete(self, result: TaskResult) -> None:
        self._add("complete", result.task.id)

    def on_task_error(self, task: Task, error: Exception) -> None:
        self.errors.append(error)
        self._add("error", task.id)

    def _add(self, what: str, name: str) -> None:
        self.entries.append((what, name))
        self.threads.add(threading.current_thread())

    def of(self, name: str) -> list[str]:
        return [what for what, other in self.entries if other == name]


class OnStart(ProgressCallback):
    """Does something when a task has started."""

    def __init__(self, do: Callable[[Task], None]) -> None:
        self._do = do

    def on_task_start(self, task: Task, context: ExecutionContext) -> None:
        self._do(task)
