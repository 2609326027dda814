"""Which databases a run opens, and which it refuses."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from journals import check, contents, crash_image, fill, finish, make, run_record, start, task_record

from pytest_moderator.journal import Journal, JournalError, JournalReader
from pytest_moderator.journal.requests import RequestKind, ask


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with Journal.open(tmp_path / "new" / "state") as journal:
            journal.begin_run(run_record(), [])
            state_dir = journal.path.parent
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state_dir.rglob("*")}
    finally:
        os.umask(mask)
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
    assert modes.pop("locks") == 0o700
    assert {"state.db", "state.db-wal", "state.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_relative_directory_is_found_again_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Journal.open(Path("state")) as journal, JournalReader(Path("state")) as reader:
        monkeypatch.chdir("/")
        journal.begin_run(run_record(), [])
        assert reader.run("run-1").alive


@pytest.mark.parametrize("name", ["a b", "100%", "%41", "what?mode=ro", "#1", "ü", "x" * 200])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    fill(tmp_path / name)
    assert (tmp_path / name / "state.db").exists()
    assert len(check(tmp_path / name)) == 2


def test_there_is_no_journal(state_dir: Path) -> None:
    for look in (
        lambda: JournalReader(state_dir),
        lambda: ask(state_dir, "run-1", RequestKind.PAUSE),
    ):
        with pytest.raises(JournalError, match=r"there is no journal in .*state'"):
            look()
    assert not state_dir.exists()


def test_an_empty_file_is_a_new_journal(state_dir: Path) -> None:
    state_dir.mkdir()
    (state_dir / "state.db").touch()
    with pytest.raises(JournalError, match="there is no journal"):
        JournalReader(state_dir)
    fill(state_dir)
    assert len(check(state_dir)) == 2


def test_what_a_killed_process_left_is_no_problem(state_dir: Path, tmp_path: Path) -> None:
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record(), [task_record(1)])
        image = crash_image(state_dir, tmp_path / "image")
        (image / "state.db-shm").write_bytes(os.urandom(32768))
    with Journal.open(image) as journal:
        assert journal.notices == ()
    assert len(check(image)) == 1


@pytest.mark.parametrize("left_over", [True, False])
def test_a_newer_version_is_refused_and_not_touched(state_dir: Path, tmp_path: Path, left_over: bool) -> None:
    """The version may stand in the database itself, or only in what was not moved there yet."""
    fill(state_dir)
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 999")
        if left_over:
            state_dir = crash_image(state_dir, tmp_path / "image")
    before = contents(state_dir)
    assert left_over == any(name.endswith("-wal") for name in before)
    for look in (
        lambda: Journal.open(state_dir),
        lambda: JournalReader(state_dir),
        lambda: ask(state_dir, "run-1", RequestKind.PAUSE),
    ):
        with pytest.raises(JournalError, match=r"newer pytest-moderator \(version 999 .* this one knows 1\)"):
            look()
    after = contents(state_dir)
    assert {name: after[name] for name in before} == before


def test_the_database_of_another_program_is_refused_and_not_touched(state_dir: Path) -> None:
    path = make(state_dir, "CREATE TABLE runs (id); PRAGMA user_version = 1;")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="of another program, not a journal: move it away"):
        Journal.open(state_dir)
    with pytest.raises(JournalError, match="of another program"):
        JournalReader(state_dir)
    assert path.read_bytes() == before


def test_a_symbolic_link_is_refused(state_dir: Path, tmp_path: Path) -> None:
    fill(tmp_path / "other")
    state_dir.mkdir()
    (state_dir / "state.db").symlink_to(tmp_path / "other" / "state.db")
    for look in (Journal.open, JournalReader):
        with pytest.raises(JournalError, match="is a symbolic link"):
            look(state_dir)


def test_a_dangling_link_is_refused(state_dir: Path, tmp_path: Path) -> None:
    state_dir.mkdir()
    (state_dir / "state.db").symlink_to(tmp_path / "target")
    with pytest.raises(JournalError, match="is a symbolic link"):
        Journal.open(state_dir)
    assert not (tmp_path / "target").exists()


def test_a_link_beside_it_is_refused(state_dir: Path, tmp_path: Path) -> None:
    fill(state_dir)
    (state_dir / "state.db-wal").symlink_to(tmp_path / "target")
    with pytest.raises(JournalError, match=r"cannot write to the journal .*: it cannot be opened"):
        Journal.open(state_dir)
    assert not (tmp_path / "target").exists()


def test_a_directory_in_its_place_is_refused(state_dir: Path) -> None:
    (state_dir / "state.db").mkdir(parents=True)
    with pytest.raises(JournalError, match="is not a file"):
        Journal.open(state_dir)


def test_the_file_of_another_user_is_refused(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(state_dir)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    for look in (Journal.open, JournalReader):
        with pytest.raises(JournalError, match=rf"belongs to another user \(number {mine}\)"):
            look(state_dir)


@pytest.mark.parametrize("what", ["file", "file above"])
def test_a_file_in_place_of_the_directory(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").touch()
    state_dir = tmp_path / "file" / ("state" if what == "file above" else "")
    with pytest.raises(JournalError, match=r"cannot write to the journal .*--moderator-state-dir"):
        Journal.open(state_dir)
    with pytest.raises(JournalError, match=r"cannot read the journal .*: Not a directory"):
        JournalReader(state_dir)


def test_somebody_who_opens_it_for_ever_is_named(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(state_dir)
    monkeypatch.setattr("pytest_moderator.journal.store.BUSY_SECONDS", 0.01)
    holder = start(
        """
        import fcntl
        file = open(sys.argv[1])
        fcntl.flock(file, fcntl.LOCK_EX)
        print("held", flush=True)
        sys.stdin.read()
        """,
        state_dir / "locks" / ".state.db.lock",
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(JournalError, match=r"another process has been opening the journal .* for 0.02 s"):
        Journal.open(state_dir)
    finish(holder)
    Journal.open(state_dir).close()
