"""What a run is asked to do, by other processes."""

from __future__ import annotations

import os
import pwd
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from journals import FILE, check, run_record, start, task_record

from pytest_moderator.journal import JournalError, JournalReader, Request, RequestKind, ask, was_taken

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.journal import Journal

INSERT = "INSERT INTO requests (run_id, kind, at, by, payload) VALUES ('run-1', ?, 'now', 'me', ?)"


@pytest.fixture(autouse=True)
def begun(journal: Journal) -> None:
    """A run that can be asked."""
    journal.begin_run(run_record(), [task_record(1)])


def test_a_request_goes_from_one_process_to_another_and_back(journal: Journal, state_dir: Path) -> None:
    script = """
        from pathlib import Path
        from pytest_moderator.journal import RequestKind, ask, was_taken
        state_dir = Path(sys.argv[1])
        number = ask(state_dir, "run-1", RequestKind.CANCEL, task_id="T001", file="tasks.md", payload={"why": "no"})
        print(number, was_taken(state_dir, number), flush=True)
        sys.stdin.readline()
        print(was_taken(state_dir, number))
    """
    asker = start(script, state_dir)
    assert asker.stdout
    number, taken = asker.stdout.readline().split()
    assert taken == "False"

    (request,) = journal.take_requests("run-1")
    by = f"{pwd.getpwuid(os.geteuid()).pw_name}@{os.uname().nodename}"
    assert request == Request(
        int(number), "run-1", RequestKind.CANCEL, FILE, "T001", request.at, by, {"why": "no"}
    )
    assert not journal.take_requests("run-1")
    output, _ = asker.communicate("\n")
    assert output == "True\n"

    event = check(state_dir)[-1]
    assert (event.kind, event.file, event.task_id) == ("request", FILE, "T001")
    assert event.payload == {"kind": "cancel", "by": by, "request": request.id, "asked_at": request.at}


def test_requests_are_taken_in_their_order_and_by_their_run(journal: Journal, state_dir: Path) -> None:
    journal.begin_run(run_record("run-2"), [])
    kinds = [RequestKind.PAUSE, RequestKind.RESUME, RequestKind.PAUSE]
    numbers = [ask(state_dir, "run-1", kind) for kind in kinds]
    other = ask(state_dir, "run-2", RequestKind.CANCEL)
    assert [request.kind for request in journal.take_requests("run-1")] == kinds
    assert all(was_taken(state_dir, number) for number in numbers)
    assert not was_taken(state_dir, other)
    assert not was_taken(state_dir, 999)


def test_a_run_that_is_not_there_cannot_be_asked(state_dir: Path) -> None:
    with pytest.raises(JournalError, match="there is no run 'run-9'"):
        ask(state_dir, "run-9", RequestKind.PAUSE)


def test_what_nobody_understands_is_passed_over(journal: Journal, state_dir: Path) -> None:
    with closing(sqlite3.connect(state_dir / "state.db")) as connection, connection:
        connection.executemany(INSERT, [("dance", "{}"), ("pause", "{"), ("pause", "[1]"), ("resume", "{}")])
    (request,) = journal.take_requests("run-1")
    assert request.kind is RequestKind.RESUME
    assert not journal.take_requests("run-1")
    with JournalReader(state_dir) as reader:
        events = reader.events("run-1", kinds=["request"])
    assert [event.payload["kind"] for event in events] == ["dance", "pause", "pause", "resume"]


def test_what_was_asked_of_a_dead_process_is_not_done_by_the_next_one(
    journal: Journal, state_dir: Path
) -> None:
    ask(state_dir, "run-1", RequestKind.PAUSE)
    ask(state_dir, "run-1", RequestKind.CANCEL)
    ask(state_dir, "run-1", RequestKind.RETRY, task_id="T001")
    journal.begin_run(run_record(), [task_record(1)], resumed=True)
    assert [request.kind for request in journal.take_requests("run-1")] == [RequestKind.RETRY]


def test_somebody_without_a_name_may_ask(
    journal: Journal, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    ask(state_dir, "run-1", RequestKind.DONE)
    assert journal.take_requests("run-1")[0].by == f"{os.geteuid()}@{os.uname().nodename}"


def test_a_journal_that_is_busy_all_the_time_is_named(
    journal: Journal, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_moderator.journal.database.BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            JournalError, match=r"cannot write to the journal .*another process has locked it"
        ):
            ask(state_dir, "run-1", RequestKind.PAUSE)
        assert not journal.take_requests("run-1")
        other.execute("ROLLBACK")
    ask(state_dir, "run-1", RequestKind.PAUSE)
    assert len(journal.take_requests("run-1")) == 1


def test_what_cannot_be_marked_is_obeyed_once_all_the_same(journal: Journal, state_dir: Path) -> None:
    number = ask(state_dir, "run-1", RequestKind.PAUSE)
    journal._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(journal.take_requests("run-1")) == 1
        assert journal.pending == 1
        assert not journal.take_requests("run-1")
        other.execute("ROLLBACK")
    journal.flush()
    assert (journal.pending, was_taken(state_dir, number)) == (0, True)
    assert not journal.take_requests("run-1")
    check(state_dir)


def test_requests_that_cannot_be_read_are_named(journal: Journal, state_dir: Path) -> None:
    journal._connection.execute("DROP TABLE requests")
    with pytest.raises(JournalError, match="no such table: requests"):
        journal.take_requests("run-1")
    with pytest.raises(JournalError, match="tables are missing: requests"):
        was_taken(state_dir, 1)
    journal._connection.execute("CREATE TABLE requests (id)")
    with pytest.raises(JournalError, match=r"cannot read the journal .*no such column: taken_at"):
        was_taken(state_dir, 1)
