"""What a run records, and what views read of it."""

from __future__ import annotations

import http
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from journals import FILE, check, result_of, rows_of, run_record, task_record

from pytest_moderator import journal as room
from pytest_moderator.journal import (
    Holder,
    Journal,
    JournalError,
    JournalReader,
    RunLock,
    RunRecord,
    RunStatus,
    TaskRecord,
)
from pytest_moderator.model import Task, TaskResult, TaskStatus, Usage

if TYPE_CHECKING:
    from pytest_moderator.journal import TaskRow

STARTED = {"worker": "gw0", "logs": "runs/run-1/tasks/T001"}


def row_of(state_dir: Path, task_id: str = "T001") -> TaskRow:
    with JournalReader(state_dir) as reader:
        return next(row for row in reader.tasks("run-1") if row.task_id == task_id)


def test_every_name_is_the_very_object_of_its_home() -> None:
    for name in room.__all__:
        assert getattr(room, name).__name__ == name
        assert name in dir(room)
    with pytest.raises(AttributeError, match="has no attribute 'Jurnal'"):
        room.Jurnal  # noqa: B018 (the access is the test)


def test_a_run_from_start_to_end(journal: Journal, state_dir: Path) -> None:
    tasks = [task_record(1), task_record(2), task_record(3, TaskStatus.SKIPPED, "done before the run")]
    journal.begin_run(run_record(), tasks)
    journal.record("task_started", file=FILE, task_id="T001", status=TaskStatus.RUNNING, payload=STARTED)
    journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1, attempts=2), durable=True)
    failed = result_of(2, TaskStatus.FAILED, exit_code=2, error_message="exit code 2")
    journal.record("task_ended", file=FILE, task_id="T002", result=failed)
    journal.set_run_status(RunStatus.FAILED, kind="run_ended", payload={"exit_code": 1})

    with JournalReader(state_dir) as reader:
        (run,) = reader.runs()
        assert run.status is run.shown_status is RunStatus.FAILED
        assert run.counts == {TaskStatus.COMPLETED: 1, TaskStatus.FAILED: 1, TaskStatus.SKIPPED: 1}
        assert (run.exit_code, run.files, run.root) == (1, (FILE,), Path("/project"))
        assert (run.workers, run.command, run.holder) == (2, ("--moderator", FILE), Holder.here())
        assert run.started_at <= str(run.ended_at)
        first, second, third = reader.tasks("run-1")
        assert (first.status, first.worker, first.retry_count) == (TaskStatus.COMPLETED, "gw0", 1)
        assert (first.title, first.line, first.phase, first.fingerprint) == ("Do 1", 1, "Setup", "print-1")
        assert first.logs == STARTED["logs"]
        assert first.started_at <= first.completed_at
        assert second.reason == "exit code 2"
        assert (third.status, third.reason, third.result) == (TaskStatus.SKIPPED, "done before the run", None)
        assert third.result_of(Task("T003", "Do 3", 3)) is None
        assert [row.result for row in reader.tasks("run-1", results=False)] == [None] * 3
    kinds = [event.kind for event in check(state_dir)]
    assert kinds == ["run_started", "task_started", "task_ended", "task_ended", "run_ended"]


def test_a_result_comes_back_whole(journal: Journal, state_dir: Path) -> None:
    task = Task("T001", "Do 1", 1, description="long", done=True, env={"A": "b"})
    result = TaskResult(
        task,
        exit_code=3,
        stdout="out \udc80 \0 ü",
        stderr="err",
        duration_seconds=1.5,
        artifacts_path=Path("/tmp/artifacts"),
        error_message="no",
        status=TaskStatus.FAILED,
        attempts=3,
        backend="shell",
        worker="gw1",
        started_at="2026-01-01T00:00:00.000+00:00",
        finished_at="2026-01-01T00:00:01.500+00:00",
        cpu_seconds=0.5,
        max_rss_bytes=1000,
        blocked_by=("T000",),
        usage=Usage(cost_usd=0.5, turns=2),
        category="logic",
    )
    journal.begin_run(run_record(), [task_record(1)])
    journal.record("task_ended", file=FILE, task_id="T001", result=result)

    row = row_of(state_dir)
    assert row.result_of(task) == result
    assert (row.started_at, row.completed_at) == (result.started_at, result.finished_at)
    assert (row.worker, row.reason, row.retry_count) == ("gw1", "no", 2)


def test_of_long_output_the_end_is_kept(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    result = result_of(1, stdout="a" * 5000 + "the end", stderr="x" * 4096)
    journal.record("task_ended", file=FILE, task_id="T001", result=result)

    kept = row_of(state_dir).result
    assert kept is not None
    assert kept["stdout"].endswith("a" * 4089 + "the end")
    assert len(kept["stdout"]) == len("[...] ") + 4096
    assert kept["stderr"] == result.stderr


def test_names_may_be_anything(journal: Journal, state_dir: Path) -> None:
    file = "täsks \udcff\n'\";.md"
    task = TaskRecord(file, "T\udc80 ü", "\0", 1, "\ud800", "f", 1, TaskStatus.PENDING, "\udcaa")
    run = RunRecord("run-ü", (file,), Path("/\udcff"), 1, ("\udcff",), Holder.here())
    journal.begin_run(run, [task])
    journal.record(
        "note\udcff", file=file, task_id=task.task_id, payload={"text": "\udcff", "path": Path("/x")}
    )
    journal.record("task_ended", file=file, task_id=task.task_id, status=TaskStatus.FAILED, reason="\udcff")

    with JournalReader(state_dir) as reader:
        (row,) = reader.tasks("run-ü")
        assert (row.status, row.reason, row.title) == (TaskStatus.FAILED, "\\udcff", "\0")
        assert (row.file, row.task_id) == ("täsks \\udcff\n'\";.md", "T\\udc80 ü")
        assert reader.runs(file=file)[0].command == ("\udcff",)
        assert reader.events("run-ü")[1].payload == {"text": "\udcff", "path": "/x"}
    check(state_dir, "run-ü")


def test_what_waits_is_not_lost_on_closing(state_dir: Path) -> None:
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record(), [task_record(1)])
        journal.record("note")
        with JournalReader(state_dir) as reader:
            assert len(reader.events("run-1")) == 1
        assert journal.pending == 0
    assert len(check(state_dir)) == 2
    journal.close()


def test_many_events_do_not_wait_for_an_end(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    for number in range(250):
        journal.record("note", payload={"number": number})
    with JournalReader(state_dir) as reader:
        before = reader.data_version()
        assert len(reader.events("run-1")) == 201
        journal.flush()
        assert len(reader.events("run-1")) == 251
        assert reader.data_version() != before


@pytest.mark.parametrize("durable", [True, False])
def test_flush_writes_what_waits_once(journal: Journal, state_dir: Path, durable: bool) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    journal.record("note")
    journal.flush(durable)
    with JournalReader(state_dir) as reader:
        before = reader.data_version()
        journal.flush()
        journal.flush(durable)
        assert reader.data_version() == before
        assert len(reader.events("run-1")) == 2


def test_flush_puts_on_the_disk_what_is_only_committed(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1))
    with JournalReader(state_dir) as reader:
        before = reader.data_version()
        journal.flush(durable=True)
        after = reader.data_version()
        assert after != before
        journal.flush(durable=True)
        assert reader.data_version() == after


def test_statuses_under_way(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])

    def at(status: TaskStatus, **more: object) -> TaskRow:
        journal.record("task_started", file=FILE, task_id="T001", status=status, **more)
        journal.flush()
        return row_of(state_dir)

    assert at(TaskStatus.PAUSED, reason="waits for approval").started_at is None
    running = at(TaskStatus.RUNNING, attempt=1, payload=STARTED)
    assert (running.reason, running.worker, running.retry_count) == (None, "gw0", 0)
    assert at(TaskStatus.PAUSED).started_at == running.started_at
    again = at(TaskStatus.RUNNING, attempt=2)
    assert (again.started_at, again.retry_count, again.logs) == (running.started_at, 1, STARTED["logs"])
    assert at(TaskStatus.SKIPPED, reason="cancelled").completed_at
    reset = at(TaskStatus.PENDING, reason="interrupted")
    assert (reset.started_at, reset.completed_at, reset.worker, reset.result) == (None, None, None, None)
    assert (reset.reason, reset.logs) == ("interrupted", STARTED["logs"])
    check(state_dir)


def test_a_resumed_run_keeps_what_is_done(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(number) for number in range(1, 6)])
    for number, status in ((1, TaskStatus.COMPLETED), (2, TaskStatus.FAILED), (3, TaskStatus.COMPLETED)):
        journal.record("task_ended", file=FILE, task_id=f"T00{number}", result=result_of(number, status))
    journal.record("task_started", file=FILE, task_id="T005", status=TaskStatus.RUNNING)
    journal.set_run_status(RunStatus.INTERRUPTED, kind="run_ended", payload={"exit_code": 2})

    tasks = [
        task_record(1, TaskStatus.COMPLETED),
        task_record(2, TaskStatus.SKIPPED, "ticked"),
        task_record(3, TaskStatus.FAILED, "its text has changed"),
        task_record(6),
        task_record(7, TaskStatus.SKIPPED, "done before the run"),
    ]
    journal.begin_run(run_record(), tasks, resumed=True)

    with JournalReader(state_dir) as reader:
        (run,) = reader.runs()
        assert (run.status, run.ended_at, run.exit_code) == (RunStatus.RUNNING, None, None)
        rows = {row.task_id: row for row in reader.tasks("run-1")}
        assert rows["T001"].result_of(result_of(1).task) == result_of(1)
        assert rows["T001"].completed_at
        assert (rows["T002"].status, rows["T002"].reason) == (TaskStatus.SKIPPED, "ticked")
        assert (rows["T002"].result, rows["T002"].completed_at) == (None, None)
        assert (rows["T003"].status, rows["T003"].reason) == (TaskStatus.PENDING, "its text has changed")
        assert (rows["T003"].result, rows["T003"].started_at) == (None, None)
        assert rows["T005"].status is TaskStatus.RUNNING
        assert rows["T006"].status is TaskStatus.PENDING
        assert rows["T007"].status is TaskStatus.SKIPPED
    assert check(state_dir)[-1].kind == "run_resumed"


def test_a_task_that_completed_here_stays_completed_when_it_is_ticked(
    journal: Journal, state_dir: Path
) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1))
    tasks = [task_record(1, TaskStatus.SKIPPED, "done before the run")]
    journal.begin_run(run_record(), tasks, resumed=True)
    row = row_of(state_dir)
    assert (row.status, row.reason) == (TaskStatus.COMPLETED, None)
    check(state_dir)


def test_a_run_begins_once(journal: Journal, state_dir: Path) -> None:
    with pytest.raises(JournalError, match="has no run 'run-1' to go on with"):
        journal.begin_run(run_record(), [task_record(1)], resumed=True)
    journal.begin_run(run_record(), [task_record(1)])
    with pytest.raises(JournalError, match="has a run 'run-1' already"):
        journal.begin_run(run_record(), [task_record(1)])
    assert len(check(state_dir)) == 1


def test_two_runs_side_by_side(journal: Journal, state_dir: Path) -> None:
    with Journal.open(state_dir) as other:
        journal.begin_run(run_record(), [task_record(1)])
        other.begin_run(run_record("run-2", ("b.md",)), [task_record(1, file="b.md")])
        for writer, file in ((journal, FILE), (other, "b.md")):
            writer.record("task_started", file=file, task_id="T001", status=TaskStatus.RUNNING)
        for writer, file in ((other, "b.md"), (journal, FILE)):
            writer.record("task_ended", file=file, task_id="T001", result=result_of(1))
    assert len(check(state_dir)) == len(check(state_dir, "run-2")) == 3


def test_another_run_may_be_recorded_too(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    journal.begin_run(run_record("run-2"), [task_record(1)])
    journal.record(
        "task_interrupted",
        file=FILE,
        task_id="T001",
        status=TaskStatus.PENDING,
        reason="lost",
        run_id="run-1",
    )
    journal.set_run_status(RunStatus.INTERRUPTED, kind="run_ended", run_id="run-1")
    with JournalReader(state_dir) as reader:
        assert [run.status for run in reader.runs()] == [RunStatus.RUNNING, RunStatus.INTERRUPTED]
        assert [row.reason for row in reader.tasks("run-1")] == ["lost"]


def test_nothing_is_recorded_before_a_run_begins(journal: Journal) -> None:
    with pytest.raises(ValueError, match="no run has begun"):
        journal.record("note")


def test_an_exit_code_may_be_an_enumeration(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [])
    journal.set_run_status(RunStatus.FAILED, kind="run_ended", payload={"exit_code": http.HTTPStatus.OK})
    with JournalReader(state_dir) as reader:
        assert reader.run("run-1").exit_code == 200


def test_events_are_found_by_number_and_kind(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    for number in range(4):
        journal.record("even" if number % 2 == 0 else "odd", attempt=number, payload={"number": number})
    journal.flush()
    with JournalReader(state_dir) as reader:
        first, *others = reader.events("run-1")
        assert [event.payload["number"] for event in others] == [0, 1, 2, 3]
        assert reader.events("run-1", after=first.seq, limit=2) == others[:2]
        assert reader.events("run-1", after=others[0].seq, kinds=["even"]) == [others[2]]
        assert reader.events("run-1", kinds=("even", "odd")) == others
        assert not reader.events("run-2")


def test_runs_are_found_by_file_and_by_the_beginning_of_their_ids(journal: Journal, state_dir: Path) -> None:
    for run_id, file in (("20260101-ab", "a.md"), ("20260101-cd", "b.md"), ("20260202-ef", "a.md")):
        journal.begin_run(run_record(run_id, (file,)), [])
    with JournalReader(state_dir) as reader:
        assert [run.id for run in reader.runs(2)] == ["20260202-ef", "20260101-cd"]
        assert [run.id for run in reader.runs(file="a.md")] == ["20260202-ef", "20260101-ab"]
        assert [run.id for run in reader.runs(limit=1, file="b.md")] == ["20260101-cd"]
        assert reader.run("202602").id == "20260202-ef"
        with pytest.raises(
            JournalError, match="several runs begin with '20260101': 20260101-cd, 20260101-ab"
        ):
            reader.run("20260101")
        with pytest.raises(JournalError, match=r"no run '20260101-ax' .*; did you mean '20260101-ab'\?"):
            reader.run("20260101-ax")
        with pytest.raises(JournalError, match="the last ones are 20260202-ef, 20260101-cd, 20260101-ab"):
            reader.run("x")
        journal.begin_run(run_record("20260101"), [])
        assert reader.run("20260101").id == "20260101"


def test_no_run_is_found_in_an_empty_journal(journal: Journal, state_dir: Path) -> None:
    with JournalReader(state_dir) as reader:
        assert reader.runs() == []
        assert reader.tasks("x") == []
        with pytest.raises(JournalError, match="there are none yet"):
            reader.run("")


def test_a_run_whose_process_is_gone_is_shown_as_interrupted(journal: Journal, state_dir: Path) -> None:
    here = Holder.here()
    elsewhere = Holder(here.pid, here.started, here.boot, "elsewhere")
    recycled = Holder(here.pid, here.started - 100, here.boot, here.host)
    for run_id, holder in (("here", here), ("elsewhere", elsewhere), ("recycled", recycled)):
        journal.begin_run(RunRecord(run_id, (FILE,), Path(), 1, (), holder), [])
    journal.begin_run(RunRecord("ended", (FILE,), Path(), 1, (), here), [])
    journal.set_run_status(RunStatus.COMPLETED, kind="run_ended")
    with JournalReader(state_dir) as reader:
        shown = {run.id: (run.alive, str(run.shown_status)) for run in reader.runs()}
    assert shown == {
        "here": (True, "running"),
        "elsewhere": (False, "interrupted"),
        "recycled": (False, "interrupted"),
        "ended": (False, "completed"),
    }


def test_a_run_on_another_machine_is_alive_as_long_as_it_holds_its_lock(
    journal: Journal, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Holder(1, 1.0, "boot", "elsewhere")
    journal.begin_run(RunRecord("run-1", (FILE,), Path(), 1, (), elsewhere), [])
    with JournalReader(state_dir) as reader:
        with monkeypatch.context() as there:
            there.setattr(Holder, "here", lambda: elsewhere)
            lock = RunLock.acquire(state_dir, FILE)
        assert reader.run("run-1").alive
        (state_dir / "locks" / f"{FILE}.lock").write_text("{")
        assert reader.run("run-1").alive
        lock.release()
        assert not reader.run("run-1").alive
        other = RunLock.acquire(state_dir, FILE)
        assert not reader.run("run-1").alive
        other.release()


def test_what_a_view_cannot_understand_is_named(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    journal._connection.execute("UPDATE task_executions SET status = 'odd'")
    journal._connection.execute("UPDATE events SET payload = '{'")
    with JournalReader(state_dir) as reader:
        for read in (reader.runs, lambda: reader.tasks("run-1"), lambda: reader.events("run-1")):
            with pytest.raises(JournalError, match=r"state.db' is damaged \(.*the next run sets it aside"):
                read()
        journal._connection.execute("DROP TABLE events")
        with pytest.raises(JournalError, match=r"cannot read the journal .*no such table: events"):
            reader.events("run-1")


def test_rows_say_what_the_events_say(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    journal.record("task_ended", file=FILE, task_id="unknown", status=TaskStatus.FAILED)
    journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1))
    with JournalReader(state_dir) as reader:
        assert list(rows_of(reader)) == [(FILE, "T001")]
    check(state_dir)
