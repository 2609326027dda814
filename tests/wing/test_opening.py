"""What comes before a run: who is dead, who is not, and what a run that was killed leaves behind."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from pytest_moderator.attempt import CANCELLED, HELD
from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.errors import ModeratorError
from pytest_moderator.journal import Holder, Journal, JournalReader, RunLock, RunRecord, RunStatus, TaskRecord
from pytest_moderator.model import TaskStatus
from pytest_moderator.opening import open_run
from pytest_moderator.plan import make_plan
from pytest_moderator.settings import Settings
from pytest_moderator.tasksfile import parse_tasks

if TYPE_CHECKING:
    from pytest_moderator.opening import Opening

FILE = "tasks.md"
HERE = Holder.here()
DEAD = HERE._replace(started=HERE.started - 100)
PLAN = make_plan(parse_tasks("- [ ] T001 one\n- [ ] T002 two\n", Path(FILE), FILE))
LOGS = "runs/before/tasks/T001"


def begin(state_dir: Path, holder: Holder, run_id: str = "before") -> Journal:
    """Begin a run of another process."""
    journal = Journal.open(state_dir)
    tasks = [
        TaskRecord(FILE, task.id, task.title, task.line, None, "print", number, TaskStatus.PENDING)
        for number, task in enumerate(PLAN.tasks, 1)
    ]
    journal.begin_run(RunRecord(run_id, (FILE,), state_dir, 1, (), holder), tasks)
    journal.record(
        "task_started", file=FILE, task_id="T001", status=TaskStatus.RUNNING, payload={"logs": LOGS}
    )
    journal.flush()
    return journal


def open_and_close(state_dir: Path, **settings: bool) -> Opening:
    opening = open_run(state_dir, {FILE: PLAN}, replace(Settings(), **settings))
    assert opening.journal is not None
    opening.journal.close()
    for lock in opening.locks:
        lock.release()
    return opening


def status_of(state_dir: Path) -> tuple[RunStatus, TaskStatus]:
    with JournalReader(state_dir) as reader:
        return reader.run("before").status, reader.tasks("before")[0].status


@pytest.mark.parametrize("force", [False, True])
def test_the_dead_are_buried(tmp_path: Path, force: bool) -> None:
    begin(tmp_path, DEAD).close()
    opening = open_and_close(tmp_path, force=force)
    assert "run before had been interrupted: its process is gone" in opening.notices
    assert status_of(tmp_path) == (RunStatus.INTERRUPTED, TaskStatus.PENDING)


def test_a_run_of_this_process_that_was_given_up(tmp_path: Path) -> None:
    begin(tmp_path, HERE).close()
    open_and_close(tmp_path)
    assert status_of(tmp_path) == (RunStatus.INTERRUPTED, TaskStatus.PENDING)


@pytest.mark.parametrize("force", [False, True])
def test_who_was_forced_to_run_beside_another_is_not_dead(tmp_path: Path, force: bool) -> None:
    """It has no lock, but its process is there."""
    with subprocess.Popen(["sleep", "600"]) as process:
        holder = Holder.of(process.pid)
        assert holder is not None
        begin(tmp_path, holder).close()
        opening = open_and_close(tmp_path, force=force)
        process.kill()
    assert not any("its process is gone" in notice for notice in opening.notices)
    assert status_of(tmp_path) == (RunStatus.RUNNING, TaskStatus.RUNNING)


def test_what_was_recorded_of_the_dead_is_ended(tmp_path: Path) -> None:
    """Workers and tasks, whose mark is gone; a process that only has such an id is left alone."""
    with begin(tmp_path, DEAD) as journal:
        left, other = (subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2))
        for process, delay in ((left, 0), (other, -1)):
            holder = Holder.of(process.pid)
            assert holder is not None
            facts = holder._replace(started=holder.started + delay).facts
            journal.record("attempt_running", file=FILE, task_id="T001", attempt=1, payload=facts)
            journal.record("worker_started", payload={"worker": "gw0"} | facts)
        journal.record("attempt_running", file=FILE, task_id="T001", attempt=2, payload={"pid": other.pid})
    opening = open_and_close(tmp_path)
    assert any("1 process of it was still there and was ended" in notice for notice in opening.notices)
    assert left.wait(60) < 0
    assert other.poll() is None
    other.kill()
    other.wait()


def test_what_was_asked_of_the_dead_is_forgotten(tmp_path: Path) -> None:
    """A run that was killed while it was held goes on, and a task that was cancelled is tried as often as any."""
    begin(tmp_path, DEAD).close()
    marks = tmp_path / "runs" / "before" / HELD, tmp_path / LOGS / CANCELLED
    (tmp_path / LOGS).mkdir(parents=True)
    for mark in marks:
        mark.touch()
    open_and_close(tmp_path)
    assert all(mark.exists() for mark in marks)
    assert open_and_close(tmp_path, resume=True).run_id == "before"
    assert not any(mark.exists() for mark in marks)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    ("query", "aside"),
    [
        ("UPDATE task_executions SET status = 'nonsense'", True),
        ("UPDATE runs SET files = x'ff00'", True),
        ("UPDATE events SET payload = cast(x'ff00' AS TEXT)", False),
    ],
)
def test_a_journal_that_only_looks_sound(tmp_path: Path, query: str, aside: bool, resume: bool) -> None:
    """SQLite finds nothing wrong with it; who is to go on with what is in it does."""
    begin(tmp_path, DEAD).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute(query)
        connection.commit()
    opening = open_and_close(tmp_path, resume=resume)
    assert len(list(tmp_path.glob("state.db.damaged-*"))) == aside
    assert any("is damaged" in n and "it was set aside as" in n for n in opening.notices) == aside
    assert opening.resumed == (resume and not aside)


@pytest.mark.parametrize("alive", [False, True], ids=["all dead", "another is alive"])
def test_what_only_a_lost_journal_has_known_is_ended(tmp_path: Path, alive: bool) -> None:
    begin(tmp_path, DEAD, run := f"lost-{uuid4().hex}").close()
    (tmp_path / "runs" / run).mkdir(parents=True)
    other = RunLock.acquire(tmp_path, "other.md") if alive else None
    for path in tmp_path.glob("state.db*"):
        path.unlink()
    environment = {**os.environ, MARK: make_mark(run, "T001", 1)}
    with subprocess.Popen(["sleep", "600"], env=environment) as process:
        open_and_close(tmp_path)
        assert (process.poll() is None) == alive
        process.kill()
    if other is not None:
        other.release()


def test_who_has_the_lock_is_named(tmp_path: Path) -> None:
    """By the run; before that is in the journal, by the process."""
    lock = RunLock.acquire(tmp_path, FILE)
    with pytest.raises(ModeratorError, match=rf"is being run by process {HERE.pid} on {HERE.host};"):
        open_and_close(tmp_path)
    begin(tmp_path, HERE).close()
    with pytest.raises(ModeratorError, match=rf"is being run by run before \(process {HERE.pid} on"):
        open_and_close(tmp_path)
    lock.release()
