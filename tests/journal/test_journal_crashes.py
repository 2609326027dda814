"""What is left of a journal when its process, or the machine, is gone."""

from __future__ import annotations

import random
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from journals import (
    FILE,
    all_events,
    check,
    crash_image,
    fill,
    finish,
    replay,
    result_of,
    rows_of,
    run_record,
    start,
    task_record,
)

from pytest_moderator.journal import Journal, JournalReader, RunStatus
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

WRITE = """
from pathlib import Path
from journals import *
from pytest_moderator.model import TaskStatus
state_dir, durable = Path(sys.argv[1]), sys.argv[2] == "True"
with Journal.open(state_dir) as journal:
    journal.begin_run(run_record(), [task_record(n) for n in range(1000)])
    for number in range(1000):
        task_id = f"T{number:03}"
        journal.record("task_started", file=FILE, task_id=task_id, status=TaskStatus.RUNNING)
        journal.record("note", file=FILE, task_id=task_id, payload={"text": "x" * 2000})
        journal.record("task_ended", file=FILE, task_id=task_id, result=result_of(number), durable=durable)
        print(task_id, flush=True)
"""
OPEN_AND_CLOSE = """
from pathlib import Path
from journals import *
state_dir = Path(sys.argv[1])
for number in range(10**6):
    print(number, flush=True)
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record(f"run-{number}"), [task_record(1)])
        print(number, flush=True)
"""


def kill_after(script: str, lines: int, *arguments: object) -> list[str]:
    """Kill a script when it has printed so many lines; give all lines that it has printed."""
    with start(script, *arguments) as process:
        assert process.stdout
        printed = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        printed += process.stdout.readlines()
        return [line.strip() for line in printed if line.endswith("\n")]


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_a_kill(state_dir: Path, seed: int, durable: bool) -> None:
    acknowledged = kill_after(WRITE, random.Random(seed).randrange(1, 300), state_dir, durable)
    events = check(state_dir)
    ended = [event.task_id for event in events if event.kind == "task_ended"]
    assert ended[: len(acknowledged)] == acknowledged
    assert len(ended) <= len(acknowledged) + 1

    with Journal.open(state_dir) as journal:
        assert journal.notices == ()
        tasks = [task_record(number, TaskStatus.COMPLETED) for number in range(len(ended))]
        journal.begin_run(run_record(), tasks, resumed=True)
        journal.set_run_status(RunStatus.COMPLETED, kind="run_ended")
    with JournalReader(state_dir) as reader:
        rows = reader.tasks("run-1")
        assert [row.task_id for row in rows if row.result] == ended
    assert check(state_dir)[: len(events)] == events


@pytest.mark.parametrize("seed", range(4))
def test_a_process_may_be_killed_while_it_opens_and_closes(state_dir: Path, seed: int) -> None:
    printed = kill_after(OPEN_AND_CLOSE, random.Random(seed).randrange(1, 40), state_dir)
    begun = {number for number in printed if printed.count(number) == 2}
    with Journal.open(state_dir) as journal:
        assert journal.notices == ()
    with JournalReader(state_dir) as reader:
        known = {run.id.removeprefix("run-") for run in reader.runs(limit=10**6)}
    assert begun <= known <= set(printed)


def test_two_may_read_while_one_writes(state_dir: Path) -> None:
    """Whatever a view sees is what the events up to then say."""
    read = """
        from pathlib import Path
        from journals import *
        looks = 0
        with JournalReader(Path(sys.argv[1])) as reader:
            print("reading", flush=True)
            seen = []
            while not any(event.kind == "run_ended" for event in seen):
                reader._connection.execute("BEGIN")
                events, rows = all_events(reader), rows_of(reader)
                reader._connection.execute("COMMIT")
                assert events[:len(seen)] == seen
                assert rows == replay(events)
                seen, looks = events, looks + 1
        print(looks, len(seen))
    """
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record(), [task_record(number) for number in range(40)])
        readers = [start(read, state_dir) for _ in range(2)]
        for reader in readers:
            assert reader.stdout
            assert reader.stdout.readline() == "reading\n"
        for number in range(40):
            journal.record("task_started", file=FILE, task_id=f"T{number:03}", status=TaskStatus.RUNNING)
            journal.record("task_ended", file=FILE, task_id=f"T{number:03}", result=result_of(number))
        journal.set_run_status(RunStatus.COMPLETED, kind="run_ended")
    for reader in readers:
        looks, seen = finish(reader).split()
        assert (int(looks) >= 1, seen) == (True, "82")


def test_a_journal_cut_off_anywhere_is_a_beginning_of_it(state_dir: Path, tmp_path: Path) -> None:
    """After a loss of power the newest part may be missing, and nothing else."""
    fill(state_dir)
    with Journal.open(state_dir) as journal:
        tasks = [task_record(number) for number in range(2)]
        journal.begin_run(run_record(), tasks, resumed=True)
        for number in range(2):
            journal.record("task_started", file=FILE, task_id=f"T00{number}", status=TaskStatus.RUNNING)
            journal.record("task_ended", file=FILE, task_id=f"T00{number}", result=result_of(number))
        with JournalReader(state_dir) as reader:
            everything = all_events(reader)
        image = crash_image(state_dir, tmp_path / "image")
    whole = (image / "state.db-wal").read_bytes()
    seen = set()
    cut = tmp_path / "cut"
    for number, length in enumerate((*range(0, len(whole), 97), len(whole))):
        cut.mkdir()
        shutil.copy(image / "state.db", cut)
        (cut / "state.db-wal").write_bytes(whole[:length])
        if number % 8 == 0:  # who writes takes longer, and has SQLite do the same
            with Journal.open(cut) as journal:
                assert journal.notices == ()
        with JournalReader(cut) as reader:
            events = all_events(reader)
            assert events == everything[: len(events)]
            assert rows_of(reader) == replay(events)
        seen.add(len(events))
        shutil.rmtree(cut)
    assert seen == {2, 3, 5, 7}


def test_torn_writes_are_found(state_dir: Path, tmp_path: Path) -> None:
    """A sector of the newest part that was never written, or holds something else."""
    fill(state_dir)
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record(), [task_record(1), task_record(2)], resumed=True)
        for number in (1, 2):
            journal.record("task_ended", file=FILE, task_id=f"T00{number}", result=result_of(number))
        with JournalReader(state_dir) as reader:
            everything = all_events(reader)
        image = crash_image(state_dir, tmp_path / "image")
    whole = (image / "state.db-wal").read_bytes()
    chance = random.Random(7)
    for _ in range(60):
        torn = tmp_path / "torn"
        torn.mkdir()
        shutil.copy(image / "state.db", torn)
        place = chance.randrange(len(whole) // 512) * 512
        rubbish = chance.choice((bytes(512), chance.randbytes(512)))
        (torn / "state.db-wal").write_bytes(whole[:place] + rubbish + whole[place + 512 :])
        with Journal.open(torn) as journal, JournalReader(torn) as reader:
            assert journal.notices == ()
            events = all_events(reader)
            assert events == everything[: len(events)]
            assert rows_of(reader) == replay(events)
        shutil.rmtree(torn)
