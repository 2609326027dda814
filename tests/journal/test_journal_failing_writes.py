"""When the journal cannot be written: nothing that was recorded is lost, doubled, or put in another order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from journals import FILE, check, finish, result_of, run_record, start, task_record
from test_journal_places import needs_mounts

from pytest_moderator.journal import Journal, JournalError, JournalReader, RunStatus
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TASKS = 4

WRITE_MUCH = """
import resource
from pytest_moderator.journal import JournalError
from pathlib import Path
from journals import *

def record_all(journal):
    messages = []
    for number in range(12):
        for recorded in (
            {"kind": "note", "payload": {"number": number, "text": "x" * 1500}, "durable": number % 3 == 0},
            {"kind": "task_ended", "file": FILE, "task_id": "T001", "result": result_of(1)},
        ):
            try:
                journal.record(**recorded)
            except JournalError as error:
                messages.append(str(error))
                assert journal.pending > 0
            else:
                assert journal.pending == 0
            after_each(messages)
    return messages

def see(state_dir):
    kinds = [event.kind for event in check(state_dir)]
    numbers = [event.payload["number"] for event in check(state_dir) if event.kind == "note"]
    assert numbers == list(range(12)), numbers
    assert kinds.count("task_ended") == 12, kinds
"""


class Faulty:
    """A connection whose n-th statement goes wrong, before it has an effect or after it.

    Args:
        connection: the real one.
        place: number of the statement, from 1.
        error: what it raises.
        after: whether it does what it should first.
        lasting: whether all statements after it go wrong too.
    """

    def __init__(
        self, connection: sqlite3.Connection, place: int, error: BaseException, *, after: bool, lasting: bool
    ) -> None:
        self.real = connection
        self.count = 0
        self.place = place
        self.error = error
        self.after = after
        self.lasting = lasting

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def execute(self, statement: str, *values: Any) -> Any:
        self.count += 1
        faulty = self.count == self.place or (self.lasting and self.count > self.place)
        if faulty and not self.after:
            raise self.error
        cursor = self.real.execute(statement, *values)
        if faulty:
            raise self.error
        return cursor


def record_everything(journal: Journal, told: list[BaseException]) -> None:
    """Record a run, and go on whatever is raised."""

    def attempt(record: Callable[[], None]) -> None:
        try:
            record()
        except (JournalError, KeyboardInterrupt) as error:
            told.append(error)

    for number in range(1, TASKS + 1):
        name = {"file": FILE, "task_id": f"T00{number}"}
        attempt(lambda name=name: journal.record("task_started", status=TaskStatus.RUNNING, **name))
        result = result_of(number, attempts=number)
        attempt(
            lambda name=name, result=result, number=number: journal.record(
                "task_ended", result=result, durable=number % 2 == 0, **name
            )
        )
    attempt(lambda: journal.set_run_status(RunStatus.COMPLETED, kind="run_ended"))


EXPECTED = ["run_started", *(["task_started", "task_ended"] * TASKS), "run_ended"]


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize(
    ("error", "after"),
    [
        (sqlite3.OperationalError("disk I/O error"), False),
        (KeyboardInterrupt(), False),
        (KeyboardInterrupt(), True),
    ],
)
def test_the_nth_statement_fails(tmp_path: Path, error: BaseException, after: bool, lasting: bool) -> None:
    """For each n, until all goes well."""
    for place in range(1, 1000):
        state_dir = tmp_path / str(place)
        told: list[BaseException] = []
        journal = Journal.open(state_dir)
        journal.begin_run(run_record(), [task_record(number) for number in range(1, TASKS + 1)])
        sound = journal._connection
        journal._connection = faulty = Faulty(sound, place, error, after=after, lasting=lasting)  # type: ignore[assignment]
        record_everything(journal, told)
        if not told:
            break
        journal._connection = sound
        if sound.in_transaction:  # even undoing has failed
            sound.execute("ROLLBACK")
        journal.flush()
        assert journal.pending == 0
        journal.close()
        assert [event.kind for event in check(state_dir)] == EXPECTED, place
        with JournalReader(state_dir) as reader:
            assert reader.run("run-1").counts == {TaskStatus.COMPLETED: TASKS}
    assert place > 20
    assert faulty.count == place - 1
    journal.close()


def test_a_failed_beginning_leaves_nothing_behind(journal: Journal, state_dir: Path) -> None:
    journal._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="another process has locked it"):
            journal.begin_run(run_record(), [task_record(1)])
        other.execute("ROLLBACK")
    assert journal.pending == 0
    with pytest.raises(ValueError, match="no run has begun"):
        journal.record("note")
    journal.begin_run(run_record(), [task_record(1)])
    assert len(check(state_dir)) == 1


def test_what_cannot_be_written_at_the_end_is_said(state_dir: Path) -> None:
    journal = Journal.open(state_dir)
    journal.begin_run(run_record(), [task_record(1)])
    journal.record("note")
    journal._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="another process has locked it"):
            journal.close()
        other.execute("ROLLBACK")
    journal.close()
    with pytest.raises(JournalError, match="closed database"):
        journal.record("note", durable=True)
    assert len(check(state_dir)) == 1


def test_somebody_who_keeps_it_locked_is_waited_for_once(journal: Journal, state_dir: Path) -> None:
    def patience() -> int:
        return int(journal._connection.execute("PRAGMA busy_timeout").fetchone()[0])

    journal.begin_run(run_record(), [task_record(1)])
    assert patience() == 5000
    journal._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(3):
            with pytest.raises(JournalError, match="another process has locked it"):
                journal.record("note", durable=True)
            assert patience() == (100 if number else 1)
        assert journal.pending == 3
        other.execute("ROLLBACK")
    for _ in range(2):
        journal.record("note", durable=True)
    assert patience() == 5000
    assert len(check(state_dir)) == 6


def test_a_journal_that_was_removed_is_noticed(journal: Journal, state_dir: Path, tmp_path: Path) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    (state_dir / "state.db").rename(tmp_path / "away.db")
    with pytest.raises(JournalError, match=r"cannot write to the journal .*state\.db': No such file"):
        journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1))
    (state_dir / "state.db").touch()
    with pytest.raises(JournalError, match="another file is in its place"):
        journal.flush()
    assert journal.pending == 1
    (tmp_path / "away.db").rename(state_dir / "state.db")
    journal.flush()
    assert len(check(state_dir)) == 2


def test_a_journal_that_is_damaged_under_way_is_named(journal: Journal) -> None:
    journal.begin_run(run_record(), [task_record(1)])
    journal._connection.execute("PRAGMA writable_schema = ON")
    journal._connection.execute("UPDATE sqlite_master SET rootpage = 999 WHERE name = 'events'")
    journal._connection.execute("PRAGMA writable_schema = RESET")
    with pytest.raises(JournalError, match=r"state\.db' is damaged \(.*the next run sets it aside"):
        journal.record("note", durable=True)
    assert journal.pending == 1
    journal._waiting.clear()


def test_a_beginning_that_cannot_be_checked_is_refused(journal: Journal) -> None:
    journal._connection.execute("DROP TABLE runs")
    with pytest.raises(JournalError, match=r"cannot read the journal .*no such table: runs"):
        journal.begin_run(run_record(), [])


def test_a_handler_of_a_signal_may_record_while_we_write(journal: Journal, state_dir: Path) -> None:
    """It runs in the thread that it interrupts, anywhere."""
    journal.begin_run(run_record(), [task_record(1)])
    sound = journal._connection

    class Interrupted:
        """A connection that calls the handler in the middle of a transaction."""

        def __getattr__(self, name: str) -> Any:
            return getattr(sound, name)

        def execute(self, statement: str, *values: Any) -> Any:
            if statement == "COMMIT":
                journal.record("signal", durable=True)
            return sound.execute(statement, *values)

    journal._connection = Interrupted()  # type: ignore[assignment]
    journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1))
    journal._connection = sound
    journal.flush()
    assert [event.kind for event in check(state_dir)] == ["run_started", "task_ended", "signal"]


def test_a_fork_does_not_write(state_dir: Path) -> None:
    script = """
        import os
        from pathlib import Path
        from journals import *
        journal = Journal.open(Path(sys.argv[1]))
        journal.begin_run(run_record(), [task_record(1)])
        if not (child := os.fork()):
            try:
                journal.record("note", durable=True)
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        journal.record("note")
        journal.close()
    """
    assert "cannot be used by a fork" in finish(start(script, state_dir))
    assert len(check(state_dir)) == 2


@pytest.mark.parametrize("lasting", [False, True])
def test_files_may_not_grow_any_more(state_dir: Path, lasting: bool) -> None:
    """For many sizes, so that every kind of write fails once."""
    script = """
        failed = 0
        for size in range(40_000, 260_000, 5_000 if LASTING else 2_500):
            state_dir = Path(sys.argv[1]) / str(size)
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            with Journal.open(state_dir) as journal:
                journal.begin_run(run_record(), [task_record(1)])
                def after_each(messages):
                    if messages and not LASTING:
                        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
                messages = record_all(journal)
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
                if messages:
                    failed += 1
                    assert "cannot write to the journal" in messages[0], messages
                    assert str(state_dir) in messages[0] and "disk I/O error" in messages[0], messages
                    assert len(messages) == 1 or LASTING
            see(state_dir)
        print(failed)
    """.replace("LASTING", str(lasting))
    failed = finish(start(WRITE_MUCH + "\n".join(line[8:] for line in script.splitlines()), state_dir))
    assert int(failed) > 10


@needs_mounts
def test_the_disk_is_full_and_then_it_is_not(state_dir: Path) -> None:
    script = """
def after_each(messages):
    pass
state_dir = Path(sys.argv[1])
ballast = state_dir / "ballast"
with Journal.open(state_dir) as journal:
    journal.begin_run(run_record(), [task_record(1)])
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    messages = record_all(journal)
    assert "No space left on device" in messages[0], messages
    assert "make room on the disk" in messages[0] and str(journal.path) in messages[0], messages
    with JournalReader(state_dir) as reader:
        assert reader.run("run-1").status == "running"
    ballast.unlink()
    journal.record("more")
    assert journal.pending == 0
see(state_dir)
print("fine")
"""
    state_dir.mkdir()
    mount = 'mount -t tmpfs -o size=512k none "$1" && shift && exec "$@"'
    prefix = ("unshare", "-rm", "sh", "-c", mount, "-", str(state_dir))
    assert finish(start(WRITE_MUCH + script, state_dir, prefix=prefix)) == "fine\n"
