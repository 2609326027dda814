"""What a run records, and what views read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from journals import FILE, result_of, run_record, task_record

from pytest_moderator.journal import (
    JournalError,
    JournalReader,
    RequestKind,
    RunLock,
    RunStatus,
    ask,
    was_taken,
)
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.journal import Journal


def test_a_run_from_start_to_end(journal: Journal, state_dir: Path) -> None:
    tasks = [task_record(1), task_record(2), task_record(3, TaskStatus.SKIPPED, "done before the run")]
    journal.begin_run(run_record(), tasks)
    lock = RunLock.acquire(state_dir, FILE)
    with JournalReader(state_dir) as reader:
        assert reader.run("run-1").alive
        assert reader.run("run").shown_status is RunStatus.RUNNING
        journal.record(
            "task_started",
            file=FILE,
            task_id="T001",
            status=TaskStatus.RUNNING,
            payload={"worker": "gw0", "logs": "runs/run-1/tasks/T001"},
        )
        journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1, attempts=2), durable=True)
        failed = result_of(2, TaskStatus.FAILED, exit_code=2, error_message="exit code 2")
        journal.record("task_ended", file=FILE, task_id="T002", result=failed)
        journal.set_run_status(RunStatus.FAILED, kind="run_ended", payload={"exit_code": 1})
        lock.release()

        run = reader.runs()[0]
        assert run.status is run.shown_status is RunStatus.FAILED
        assert run.counts == {TaskStatus.COMPLETED: 1, TaskStatus.FAILED: 1, TaskStatus.SKIPPED: 1}
        assert run.exit_code == 1
        first, second, third = reader.tasks("run-1")
        assert first.result_of(result_of(1).task) == result_of(1, attempts=2)
        assert (first.status, first.worker, first.retry_count) == (TaskStatus.COMPLETED, "gw0", 1)
        assert first.logs == "runs/run-1/tasks/T001"
        assert second.reason == "exit code 2"
        assert third.reason == "done before the run"
        kinds = [event.kind for event in reader.events("run-1")]
        assert kinds == ["run_started", "task_started", "task_ended", "task_ended", "run_ended"]


def test_a_request_is_taken_once(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    number = ask(state_dir, "run-1", RequestKind.CANCEL, task_id="T001", file=FILE)
    assert not was_taken(state_dir, number)
    (request,) = journal.take_requests("run-1")
    assert (request.kind, request.task_id) == (RequestKind.CANCEL, "T001")
    assert was_taken(state_dir, number)
    assert not journal.take_requests("run-1")


def test_there_is_no_journal(state_dir: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        JournalReader(state_dir)
    assert not state_dir.exists()
