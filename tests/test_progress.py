"""What callbacks are, and what the one that logs writes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pytest_moderator import (
    ExecutionContext,
    LoggingProgressCallback,
    ProgressCallback,
    Task,
    TaskResult,
    TaskStatus,
)
from pytest_moderator.errors import TaskFailedError

TASK = Task(id="T001", title="Build it", line=1)
PLACE = ExecutionContext("p", Path("/home/me"), None, Path("/state"))
FAILED = TaskResult(TASK, exit_code=2, status=TaskStatus.FAILED)


def tell_everything(callback: ProgressCallback) -> None:
    callback.on_task_start(TASK, PLACE)
    callback.on_task_complete(TaskResult(TASK, duration_seconds=0.5))
    callback.on_task_complete(TaskResult(TASK, status=TaskStatus.SKIPPED, error_message="already done"))
    callback.on_task_error(TASK, TaskFailedError(FAILED))


def test_a_callback_does_nothing_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        tell_everything(ProgressCallback())
    assert not caplog.records


@pytest.mark.parametrize("logger", [None, logging.getLogger("mine")])
def test_everything_is_logged(logger: logging.Logger | None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tell_everything(LoggingProgressCallback() if logger is None else LoggingProgressCallback(logger))
    name = "mine" if logger else "pytest_moderator"
    assert caplog.record_tuples == [
        (name, logging.INFO, "T001 started in /home/me: Build it"),
        (name, logging.INFO, "T001 completed in 0.50s"),
        (name, logging.INFO, "T001 skipped: already done"),
        (name, logging.ERROR, "T001 failed: exit code 2"),
    ]
