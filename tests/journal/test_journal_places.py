"""Directories where writing is impossible, or other than usual."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from journals import OPEN, READ, check, crash_image, fill, finish, run_record, start

from pytest_moderator.journal import Journal, JournalError, JournalReader, filesystems
from pytest_moderator.journal.requests import RequestKind, ask

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of mounts that can be written."""
    path = tmp_path / "mounts"
    monkeypatch.setattr(filesystems, "_MOUNTS", path)
    return path


def unshared() -> bool:
    """Whether we may mount something that nobody else sees."""
    try:
        return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_mounts = pytest.mark.skipif(not unshared(), reason="mounting is not allowed here")


def read_only(state_dir: Path) -> tuple[str, ...]:
    """Give what runs a command that finds a directory on a read-only file system."""
    mount = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    return ("unshare", "-rm", "sh", "-c", mount, "-", str(state_dir))


@needs_mounts
def test_a_read_only_directory_is_refused_for_writing(state_dir: Path) -> None:
    state_dir.mkdir()
    assert "refused: cannot " in (said := finish(start(OPEN, state_dir, prefix=read_only(state_dir))))
    assert "Read-only file system" in said
    assert "--moderator-state-dir" in said
    fill(state_dir)
    assert "refused: cannot " in finish(start(OPEN, state_dir, prefix=read_only(state_dir)))
    (state_dir / "locks" / ".state.db.lock").unlink()
    assert "refused: cannot " in finish(start(OPEN, state_dir, prefix=read_only(state_dir)))


@needs_mounts
def test_a_read_only_directory_can_be_read(state_dir: Path, tmp_path: Path) -> None:
    fill(state_dir)
    assert finish(start(READ, state_dir, prefix=read_only(state_dir))) == "['run-1'] 2\n"
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record("run-2"), [])
        image = crash_image(state_dir, tmp_path / "image")
    said = finish(start(READ, image, prefix=read_only(image)))
    assert "refused: cannot read the journal" in said
    assert "make it writable" in said


@needs_mounts
def test_a_full_disk_is_refused(state_dir: Path) -> None:
    state_dir.mkdir()
    full = 'mount -t tmpfs -o size=16k none "$1" && head -c 16384 /dev/zero >"$1/ballast"; shift; exec "$@"'
    said = finish(start(OPEN, state_dir, prefix=("unshare", "-rm", "sh", "-c", full, "-", str(state_dir))))
    assert "refused: cannot" in said
    assert "No space left on device" in said
    assert "make room on the disk" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_we_may_not_write_is_refused(state_dir: Path) -> None:
    fill(state_dir)
    state_dir.chmod(0o500)
    try:
        with pytest.raises(JournalError, match="make it writable, or choose another place"):
            Journal.open(state_dir)
    finally:
        state_dir.chmod(0o700)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_on_a_network_file_system_another_mode_is_used(tmp_path: Path, mounts: Path, kind: str) -> None:
    state_dir = tmp_path / "with space" / "state"
    point = str(tmp_path / "with space").replace(" ", "\\040")
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {point} {kind} rw 0 0\nodd\n")
    fill(state_dir)
    with Journal.open(state_dir) as journal:
        (notice,) = journal.notices
        assert f"is on a network file system ({kind})" in notice
        (mode,) = journal._connection.execute("PRAGMA journal_mode").fetchone()
        assert mode == "delete"
        with JournalReader(state_dir) as reader:
            journal.begin_run(run_record("run-2"), [])
            assert len(reader.runs()) == 2
            number = ask(state_dir, "run-2", RequestKind.PAUSE)
            assert [request.id for request in journal.take_requests("run-2")] == [number]
    check(state_dir, "run-2")


@pytest.mark.parametrize(
    "lines",
    [
        "server:/x / nfs4 rw 0 0\n/dev/sda {} ext4 rw 0 0\n",
        "server:/x {} nfs4 rw 0 0\n/dev/sda {} ext4 rw 0 0\n",
        "server:/x {}-else nfs4 rw 0 0\n/dev/sda / ext4 rw 0 0\n",
        "",
    ],
)
def test_the_innermost_mount_counts(tmp_path: Path, mounts: Path, lines: str) -> None:
    mounts.write_text(lines.format(tmp_path, tmp_path))
    assert filesystems.network_kind(tmp_path) is None


def test_without_a_list_of_mounts_nothing_is_known(tmp_path: Path, mounts: Path) -> None:
    assert filesystems.network_kind(tmp_path) is None


def test_mounts_are_known_on_other_systems_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystems, "_LINUX", False)
    assert filesystems.network_kind(tmp_path) is None
    kinds = [kind for _, kind in filesystems._mounts()]
    monkeypatch.undo()
    assert set(kinds) <= {kind for _, kind in filesystems._mounts()}


def test_without_shared_memory_another_mode_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Without:
        """A connection to a file on such a file system."""

        def execute(self, statement: str) -> Without:
            return self

        def fetchone(self) -> tuple[str]:
            return ("delete",)

    from pytest_moderator.journal.store import _choose_mode  # noqa: PLC0415 (no such file system is at hand)

    (notice,) = _choose_mode(Without(), tmp_path / "state.db")  # type: ignore[arg-type]
    assert "without shared memory" in notice


def test_a_half_written_transaction_is_undone(state_dir: Path, tmp_path: Path, mounts: Path) -> None:
    mounts.write_text("server:/x / nfs4 rw 0 0\n")
    fill(state_dir)
    for look in (lambda place: JournalReader(place).close(), lambda place: Journal.open(place).close()):
        with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as connection:
            connection.execute("PRAGMA cache_size = 5")
            connection.execute("BEGIN")
            insert = "INSERT INTO meta VALUES (?, ?)"
            connection.executemany(insert, [(str(number), "x" * 3000) for number in range(200)])
            image = crash_image(state_dir, tmp_path / "image")
            connection.execute("ROLLBACK")
        assert (image / "state.db-journal").stat().st_size > 0
        look(image)
        assert not (image / "state.db-journal").exists()
        assert len(check(image)) == 2
        shutil.rmtree(image)
