"""What is damaged is set aside, and never lost."""

from __future__ import annotations

import os
import random
import re
from typing import TYPE_CHECKING

import pytest
from journals import OPEN, check, fill, finish, make, run_record, start, task_record

from pytest_moderator.journal import Journal, JournalError, JournalReader

if TYPE_CHECKING:
    from pathlib import Path


def set_aside(state_dir: Path) -> Path:
    """Give the one database that was set aside."""
    name = re.compile(r"state\.db\.damaged-\d{8}T\d{6}Z")
    (kept,) = (path for path in state_dir.iterdir() if name.fullmatch(path.name))
    return kept


def test_what_is_no_database_is_set_aside(state_dir: Path) -> None:
    state_dir.mkdir()
    rubbish = random.Random(1).randbytes(20_000)
    (state_dir / "state.db").write_bytes(rubbish)
    (state_dir / "state.db-wal").write_bytes(b"wal")
    with pytest.raises(JournalError, match=r"is damaged .*the next run sets it aside and begins a new one"):
        JournalReader(state_dir)
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record(), [])
    kept = set_aside(state_dir)
    (notice,) = journal.notices
    assert "is damaged (file is not a database)" in notice
    assert f"set aside as '{kept.name}'" in notice
    assert kept.read_bytes() == rubbish
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"wal"
    assert len(check(state_dir)) == 1


def test_nothing_is_ever_overwritten(state_dir: Path) -> None:
    state_dir.mkdir()
    for number in range(4):
        (state_dir / "state.db").write_bytes(b"rubbish %d" % number)
        Journal.open(state_dir).close()
    kept = {path.read_bytes() for path in state_dir.glob("state.db.damaged-*")}
    assert kept == {b"rubbish %d" % number for number in range(4)}


def test_a_database_without_its_tables_is_set_aside(state_dir: Path) -> None:
    fill(state_dir)
    make(state_dir, "DROP TABLE requests")
    with pytest.raises(JournalError, match=r"damaged \(tables are missing: requests\)"):
        JournalReader(state_dir)
    with Journal.open(state_dir) as journal:
        assert "tables are missing: requests" in journal.notices[0]
    assert set_aside(state_dir)


def test_a_database_with_another_name_for_a_column_is_set_aside(state_dir: Path) -> None:
    fill(state_dir)
    make(state_dir, "ALTER TABLE events RENAME COLUMN attempt TO attemqt")
    with Journal.open(state_dir) as journal:
        assert "columns are missing: events.attempt" in journal.notices[0]
    assert set_aside(state_dir)


def test_a_database_cut_off_is_set_aside(state_dir: Path) -> None:
    fill(state_dir)
    path = state_dir / "state.db"
    os.truncate(path, path.stat().st_size // 4096 // 2 * 4096)
    with Journal.open(state_dir) as journal:
        assert "is damaged" in journal.notices[0]
    assert set_aside(state_dir)


def test_a_database_with_a_lost_page_is_set_aside(state_dir: Path) -> None:
    """SQLite reads all of it without an error."""
    fill(state_dir)
    make(state_dir, "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'events_by_run'")
    with Journal.open(state_dir) as journal:
        assert re.search(r"is damaged \(.*never used", journal.notices[0])
    assert set_aside(state_dir)


def test_damage_anywhere_is_survived(state_dir: Path, tmp_path: Path) -> None:
    """Other bytes inside of a text are no damage that anybody can see; all else is named, never a traceback."""
    fill(state_dir)
    sound = (state_dir / "state.db").read_bytes()
    chance = random.Random(3)
    damaged = 0
    named = []
    for number in range(80):
        place = tmp_path / str(number)
        place.mkdir()
        start_at = chance.randrange(len(sound) - 512)
        rubbish = sound[:start_at] + chance.randbytes(chance.choice((1, 16, 512)))
        rubbish += sound[len(rubbish) :]
        (place / "state.db").write_bytes(rubbish)
        try:
            with JournalReader(place) as reader:
                reader.runs(), reader.tasks("run-1"), reader.events("run-1")
        except JournalError as error:
            damaged += "damaged" in str(error)
        try:
            with Journal.open(place) as journal:
                journal.begin_run(run_record("run-2"), [task_record(1)])
        except JournalError as error:
            named.append(str(error))
        else:
            if journal.notices:
                assert set_aside(place).read_bytes() == rubbish
                check(place, "run-2")
    assert damaged
    expected = re.compile("another program|newer pytest-moderator|damaged|unsupported file format")
    assert [text for text in named if not expected.search(text)] == []


def test_of_several_that_find_it_damaged_one_sets_it_aside(state_dir: Path) -> None:
    state_dir.mkdir()
    (state_dir / "state.db").write_bytes(b"rubbish" * 1000)
    printed = [finish(process) for process in [start(OPEN, state_dir) for _ in range(4)]]
    assert sum("set aside" in text for text in printed) == 1
    assert not any("refused" in text for text in printed)
    assert len(list(state_dir.glob("state.db.damaged-*"))) == 1
