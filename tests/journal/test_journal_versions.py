"""Journals of other versions of this program."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from journals import FILE, HERE, check, make, result_of, rows_of, run_record, task_record

from pytest_moderator.journal import Journal, JournalError, JournalReader, RunStatus, schema
from pytest_moderator.journal.requests import RequestKind
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOLDEN = HERE / "version-1.sql"


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pretend that there is a version after this one."""
    with monkeypatch.context() as patch:
        steps = (*schema.MIGRATIONS, "ALTER TABLE runs ADD COLUMN later TEXT DEFAULT 'new';")
        patch.setattr(schema, "MIGRATIONS", steps)
        yield


def test_the_first_version_is_read_and_continued(state_dir: Path) -> None:
    make(state_dir, GOLDEN.read_text(encoding="utf-8"))
    with Journal.open(state_dir) as journal, JournalReader(state_dir) as reader:
        finished, interrupted = sorted(reader.runs(), key=lambda run: run.id)
        assert (finished.id, finished.status, finished.exit_code) == (
            "20260101-101500-1a2b",
            RunStatus.FAILED,
            1,
        )
        assert finished.counts == {TaskStatus.COMPLETED: 1, TaskStatus.FAILED: 1, TaskStatus.SKIPPED: 2}
        assert (interrupted.status, interrupted.shown_status) == (RunStatus.RUNNING, RunStatus.INTERRUPTED)
        rows = {row.task_id: row for row in reader.tasks(interrupted.id)}
        assert {task_id: str(row.status) for task_id, row in rows.items()} == {
            "T001": "completed",
            "T002": "running",
            "T003": "paused",
            "T004": "pending",
        }
        assert rows["T001"].title == "Über uns"
        assert rows["T001"].result_of(result_of(1).task) == result_of(
            1, stdout="äöü\n", attempts=2, worker="gw0", backend="shell"
        )
        journal.begin_run(run_record(interrupted.id), [task_record(1, TaskStatus.COMPLETED)], resumed=True)
        assert [request.kind for request in journal.take_requests(interrupted.id)] == [RequestKind.RETRY]
        journal.record("task_ended", file=FILE, task_id="T002", result=result_of(2))
    for run in (finished, interrupted):
        check(state_dir, run.id)


def test_the_first_version_is_never_changed(state_dir: Path, tmp_path: Path) -> None:
    """What was released once stays as it is: a change is a further migration."""
    named = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    made = make(tmp_path / "made", schema.MIGRATIONS[0])
    golden = make(state_dir, GOLDEN.read_text(encoding="utf-8"))
    with closing(sqlite3.connect(golden)) as old, closing(sqlite3.connect(made)) as new:
        assert old.execute(named).fetchall() == new.execute(named).fetchall()


def test_an_older_version_is_brought_up_to_date_and_kept(state_dir: Path, next_version: None) -> None:
    make(state_dir, GOLDEN.read_text(encoding="utf-8"))
    with pytest.raises(
        JournalError, match=r"older pytest-moderator \(version 1 .* this one needs 2\): the next run"
    ):
        JournalReader(state_dir)
    with Journal.open(state_dir) as journal:
        (kept,) = state_dir.glob("state.db.version-1-*")
        (notice,) = journal.notices
        assert "from version 1 to 2" in notice
        assert f"a copy of the old one is '{kept.name}'" in notice
        journal.begin_run(run_record(), [task_record(1)])
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with Journal.open(state_dir) as journal:
        assert journal.notices == ()
    with JournalReader(state_dir) as reader:
        assert len(reader.runs()) == 3
    with closing(sqlite3.connect(state_dir / "state.db")) as connection:
        assert connection.execute("SELECT DISTINCT later FROM runs").fetchall() == [("new",)]
    with closing(sqlite3.connect(kept)) as connection:
        assert schema.version_of(connection) == 1
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (2,)


def test_a_migration_happens_as_a_whole_or_not_at_all(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(state_dir, GOLDEN.read_text(encoding="utf-8"))
    steps = (*schema.MIGRATIONS, "ALTER TABLE runs ADD COLUMN later TEXT; ALTER TABLE nowhere ADD COLUMN x;")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", steps)
        with pytest.raises(JournalError, match="no such table: nowhere"):
            Journal.open(state_dir)
    with JournalReader(state_dir) as reader:
        for run in reader.runs():
            assert rows_of(reader, run.id)
    with closing(sqlite3.connect(state_dir / "state.db")) as connection:
        assert schema.version_of(connection) == 1
        assert "later" not in str(connection.execute("SELECT sql FROM sqlite_master").fetchall())
