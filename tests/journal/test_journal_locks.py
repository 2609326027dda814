"""One run of one file at a time, whatever becomes of the first one."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from journals import FILE, finish, start

from pytest_moderator.journal import HeldError, Holder, Journal, JournalError, RunLock, is_held, lock

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

HOLD = """
from pathlib import Path
from pytest_moderator.journal import RunLock
lock = RunLock.acquire(Path(sys.argv[1]), sys.argv[2])
"""
HOLD_UNTIL_TOLD = HOLD + 'print("held", flush=True); sys.stdin.read()'


def holding(state_dir: Path, script: str = HOLD_UNTIL_TOLD) -> subprocess.Popen[str]:
    """Start a process that has the lock."""
    process = start(script, state_dir, FILE)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_file_is_run_once_at_a_time(state_dir: Path) -> None:
    holder = holding(state_dir)
    assert is_held(state_dir, FILE)
    with pytest.raises(
        HeldError, match=rf"tasks\.md: process {holder.pid} on .* is running it already"
    ) as caught:
        RunLock.acquire(state_dir, FILE)
    assert caught.value.file == FILE
    assert caught.value.holder is not None
    assert caught.value.holder.pid == holder.pid
    assert isinstance(caught.value, JournalError)
    RunLock.acquire(state_dir, "other.md").release()
    finish(holder)
    assert not is_held(state_dir, FILE)
    RunLock.acquire(state_dir, FILE).release()


def test_a_killed_holder_refuses_nobody(state_dir: Path) -> None:
    with holding(state_dir) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        RunLock.acquire(state_dir, FILE).release()


def test_what_the_holder_has_started_does_not_hold(state_dir: Path) -> None:
    script = """
import subprocess
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
children = [subprocess.Popen(["sleep", "60"], close_fds=close, **quiet) for close in (True, False)]
print("held", flush=True)
print(*(child.pid for child in children), flush=True)
sys.stdin.read()
"""
    with holding(state_dir, HOLD + script) as holder:
        assert holder.stdout
        children = [int(pid) for pid in holder.stdout.readline().split()]
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        try:
            assert not is_held(state_dir, FILE)
            RunLock.acquire(state_dir, FILE).release()
        finally:
            for pid in children:
                os.kill(pid, signal.SIGKILL)


def test_a_fork_of_the_holder_does_not_hold(state_dir: Path) -> None:
    script = """
import os, signal
ready, tell = os.pipe()
if not (child := os.fork()):
    os.write(tell, b".")
    signal.pause()
os.read(ready, 1)
print("held", flush=True)
print(child, flush=True)
sys.stdin.read()
"""
    with holding(state_dir, HOLD + script) as holder:
        assert holder.stdout
        child = int(holder.stdout.readline())
        assert is_held(state_dir, FILE)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        try:
            RunLock.acquire(state_dir, FILE).release()
        finally:
            os.kill(child, signal.SIGKILL)


def test_looking_keeps_nobody_from_starting(state_dir: Path) -> None:
    RunLock.acquire(state_dir, FILE).release()
    script = """
        from pathlib import Path
        from pytest_moderator.journal import is_held
        print("looking", flush=True)
        while not is_held(Path(sys.argv[1]), sys.argv[2]):
            pass
        print("seen")
    """
    view = start(script, state_dir, FILE)
    assert view.stdout
    assert view.stdout.readline() == "looking\n"
    own = RunLock.acquire(state_dir, FILE)
    assert finish(view) == "seen\n"
    own.release()


def test_who_only_looks_for_a_moment_is_waited_for(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RunLock.acquire(state_dir, FILE).release()
    view = os.open(state_dir / "locks" / f"{FILE}.lock", os.O_RDONLY)
    fcntl.flock(view, fcntl.LOCK_SH)
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        os.close(view)

    monkeypatch.setattr(lock.time, "sleep", nap)
    RunLock.acquire(state_dir, FILE).release()
    assert len(naps) == 1


def test_looking_makes_nothing(state_dir: Path) -> None:
    assert not is_held(state_dir, FILE)
    assert not state_dir.exists()
    with Journal.open(state_dir):
        assert not is_held(state_dir, FILE)


def test_a_lock_is_released_once(state_dir: Path) -> None:
    first = RunLock.acquire(state_dir, FILE)
    first.release()
    second = RunLock.acquire(state_dir, FILE)
    first.release()
    assert is_held(state_dir, FILE)
    second.release()


@pytest.mark.parametrize("replaced", [True, False])
def test_a_lock_file_that_was_removed_is_made_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    """Somebody may remove it between our opening it and our taking it: what we took then keeps nobody off."""
    path = state_dir / "locks" / f"{FILE}.lock"
    real = fcntl.flock
    removed = []

    def remove_first(descriptor: int, operation: int) -> None:
        if not removed:
            removed.append(path.unlink())
            if replaced:
                path.touch()
        real(descriptor, operation)

    monkeypatch.setattr(lock.fcntl, "flock", remove_first)
    own = RunLock.acquire(state_dir, FILE)
    assert removed
    assert is_held(state_dir, FILE)
    own.release()


@pytest.mark.parametrize("file", ["../../x.md", "a/b/tasks.md", "Tasks.md", "ü.md", "x" * 300, "-rf"])
def test_every_file_has_a_lock_in_its_place(state_dir: Path, file: str) -> None:
    own = RunLock.acquire(state_dir, file)
    assert len(list((state_dir / "locks").iterdir())) == 1
    assert is_held(state_dir, file)
    assert not is_held(state_dir, "tasks.md")
    own.release()


def test_a_holder_that_could_not_say_who_it_is(state_dir: Path) -> None:
    own = RunLock.acquire(state_dir, FILE)
    (state_dir / "locks" / f"{FILE}.lock").write_text("{}")
    with pytest.raises(HeldError, match="another process is running it already") as caught:
        RunLock.acquire(state_dir, FILE)
    assert caught.value.holder is None
    own.release()


def test_a_full_disk_does_not_refuse_the_lock(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        own = RunLock.acquire(state_dir, FILE)
    assert is_held(state_dir, FILE)
    own.release()


def test_a_link_in_place_of_a_lock_is_refused(state_dir: Path, tmp_path: Path) -> None:
    (state_dir / "locks").mkdir(parents=True)
    (state_dir / "locks" / f"{FILE}.lock").symlink_to(tmp_path / "target")
    for look in (RunLock.acquire, is_held):
        with pytest.raises(JournalError, match="is a symbolic link: remove it"):
            look(state_dir, FILE)
    assert not (tmp_path / "target").exists()


def test_a_file_in_place_of_the_directory_is_named(state_dir: Path) -> None:
    state_dir.touch()
    for look in (RunLock.acquire, is_held):
        with pytest.raises(JournalError, match=r"cannot (lock|look at) .*--moderator-state-dir"):
            look(state_dir, FILE)


def test_a_file_system_without_locks_is_named(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RunLock.acquire(state_dir, FILE).release()

    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    before = sorted(os.listdir("/proc/self/fd")) if sys.platform.startswith("linux") else []  # noqa: PTH208
    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    for look in (RunLock.acquire, is_held):
        with pytest.raises(JournalError, match="No locks available"):
            look(state_dir, FILE)
    if before:  # others may have been closed since, with what was forgotten somewhere
        assert set(os.listdir("/proc/self/fd")) <= set(before)  # noqa: PTH208


def test_the_holder_says_since_when(state_dir: Path) -> None:
    error = HeldError(FILE, Holder(12, 1767262500.25, "boot", "laptop"))
    assert str(error) == (
        "tasks.md: process 12 on laptop, started at 2026-01-01T10:15:00+00:00, is running it already"
    )
