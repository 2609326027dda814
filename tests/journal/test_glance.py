"""Reading parts of a journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from journals import FILE, result_of, run_record, task_record

from pytest_moderator.journal import Holder, Journal, JournalError, RunStatus
from pytest_moderator.journal.glance import Glance
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

DEAD = Holder.here()._replace(pid=2**22 + 1)


@pytest.fixture
def glance(journal: Journal, state_dir: Path) -> Iterator[Glance]:
    with Glance(state_dir) as opened:
        yield opened


def test_a_run_knows_where_it_was_started(journal: Journal, glance: Glance) -> None:
    journal.begin_run(run_record(), [])
    assert glance.run("run-1").directory == Path("/project")
    elsewhere = run_record()._replace(directory=Path("/project/specs"))
    journal.begin_run(elsewhere, [], resumed=True)
    assert glance.run("run-1").directory == Path("/project/specs")


def test_alive_are_those_that_a_process_is_at_work_on(journal: Journal, glance: Glance) -> None:
    for name in ("one", "two", "three"):
        journal.begin_run(run_record(name), [])
    journal.set_run_status(RunStatus.PAUSED, kind="run_paused", run_id="one")
    journal.set_run_status(RunStatus.COMPLETED, kind="run_ended", run_id="two")
    journal.begin_run(run_record("dead")._replace(holder=DEAD), [])

    assert [run.id for run in glance.alive()] == ["three", "one"]


def test_parts_of_a_run(journal: Journal, glance: Glance) -> None:
    tasks = [task_record(number) for number in range(1, 6)]
    journal.begin_run(run_record(files=(FILE, "b.md")), [*tasks, task_record(1, file="b.md")])
    journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1))
    for number in (4, 2, 3):
        journal.record(
            "task_ended", file=FILE, task_id=f"T00{number}", status=TaskStatus.SKIPPED, reason="blocked"
        )
    journal.record("task_ended", file=FILE, task_id="T005", status=TaskStatus.SKIPPED)

    skipped = glance.with_status("run-1", TaskStatus.SKIPPED, 3)
    assert [row.task_id for row in skipped] == ["T002", "T003", "T004"]
    assert [(row.reason, row.result) for row in skipped] == [("blocked", None)] * 3
    assert [row.task_id for row in glance.with_status("run-1", TaskStatus.COMPLETED)] == ["T001"]
    assert [row.file for row in glance.with_id("run-1", "T001")] == ["b.md", FILE]
    assert glance.with_id("run-1", "T009") == []
    assert glance.reasons("run-1", TaskStatus.SKIPPED) == [("blocked", 3), ("", 1)]
    assert glance.names("run-1")[:3] == [("b.md", "T001"), (FILE, "T001"), (FILE, "T002")]
    assert glance.last_event_at("run-1") == glance.events("run-1")[-1].at
    assert glance.last_event_at("no such run") == ""


def test_tasks_as_json_are_those_that_tasks_gives(journal: Journal, glance: Glance) -> None:
    journal.begin_run(run_record(), [task_record(1)._replace(title='"Ä"\n\x1b', phase=None), task_record(2)])
    journal.record(
        "task_started", file=FILE, task_id="T001", status=TaskStatus.RUNNING, payload={"worker": "gw0"}
    )
    journal.flush()

    rows = [json.loads(text) for text in glance.tasks_as_json("run-1")]
    assert [row.pop("id") for row in rows] == ["T001", "T002"]
    for row, known in zip(rows, glance.tasks("run-1"), strict=True):
        assert row == {name: getattr(known, name) for name in row}
    gone = [json.loads(text) for text in glance.tasks_as_json("run-1", "it is gone")]
    assert [(row["status"], row["reason"]) for row in gone] == [("pending", "it is gone"), ("pending", None)]


def test_a_journal_that_cannot_be_read(journal: Journal, glance: Glance) -> None:
    glance.close()
    for ask in (glance.alive, lambda: glance.names("x"), lambda: glance.with_id("x", "y")):
        with pytest.raises(JournalError, match="cannot read the journal"):
            ask()
