"""Processes that use more memory than their task may."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from pytest_moderator.attempt import LocalLauncher, memory, run_task
from pytest_moderator.attempt.memory import MemoryLimit
from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.backends.base import ProcessSpec
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.model import Command, Task, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext

MIB = 2**20
LARGE = "import os, sys, time; held = b'x' * (200 * 2**20); open('large', 'a').write('.'); time.sleep(600)"


def spec_of(folder: Path, script: str, most: int | None, mark: str = "") -> ProcessSpec:
    folder.mkdir(parents=True, exist_ok=True)
    return ProcessSpec(
        argv=("sh", "-c", script, sys.executable),
        cwd=folder,
        env={"PATH": os.environ["PATH"], MARK: mark or make_mark("memory", str(folder), 1)},
        stdout=folder / "out",
        stderr=folder / "err",
        timeout=100.0,
        memory=most,
    )


def python(program: str) -> str:
    return f'"$0" -c "{program}"'


@pytest.mark.parametrize(
    "script",
    [
        f"exec {python(LARGE)}",
        f"( ( {python(LARGE)} ) )",
        f"( {python(LARGE)} & ); sleep 600",
        f"( setsid {python(LARGE)} & ); sleep 600",
        f"trap '' TERM; {python(LARGE)} & wait; wait; exit 0",
    ],
    ids=["itself", "child-of-a-child", "orphan", "of-its-own-session", "trapped"],
)
def test_a_tree_that_uses_too_much_is_ended(tmp_path: Path, script: str) -> None:
    outcome = LocalLauncher().run(spec_of(tmp_path, script, 64 * MIB))
    assert (outcome.exit_code, outcome.errno, outcome.timed_out, outcome.stopped) == (
        *(137, errno.ENOMEM, False, None),
    )
    used, words = str(outcome.error).removeprefix("it used ").split(" MiB of memory, ")
    assert 64 < float(used) < 400
    assert words == "more than its limit of 64 MiB (memory:)"
    mark = make_mark("memory", str(tmp_path), 1)
    assert not [p for p in psutil.process_iter() if carries(p, mark)]


def carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_several_that_use_too_much_only_together(tmp_path: Path) -> None:
    each = python(LARGE.replace("200", "60"))
    outcome = LocalLauncher().run(spec_of(tmp_path, f"{each} & {each} & {each} & wait", 150 * MIB))
    assert str(outcome.error).endswith("more than its limit of 150 MiB (memory:)")


def test_enough_memory(tmp_path: Path) -> None:
    script = "sleep 0.5; exit 3"
    outcome = LocalLauncher().run(spec_of(tmp_path, script, 64 * MIB))
    assert (outcome.exit_code, outcome.error, outcome.errno) == (3, None, None)


def test_who_watches_is_asked_as_well(tmp_path: Path) -> None:
    spec = replace(spec_of(tmp_path, "sleep 600", 64 * MIB), watch=lambda: "seen enough")
    outcome = LocalLauncher().run(spec)
    assert (outcome.stopped, outcome.error) == ("seen enough", None)


def test_without_a_limit_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MemoryLimit", None)
    assert LocalLauncher().run(spec_of(tmp_path, "sleep 0.3", None)).exit_code == 0


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose children share a hundred MiB with it."""
    program = (
        "import os, time; held = b'x' * (100 * 2**20)\n"
        "for _ in range(4):\n"
        "    if not os.fork(): break\n"
        "else: print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        os.killpg(process.pid, 9)


def test_what_processes_share_is_not_counted_twice(sharing: subprocess.Popen[bytes]) -> None:
    limit = MemoryLimit(300 * MIB, sharing.pid, None)
    assert limit.exceeded() == ""
    assert len(limit._members) == 5
    assert sum(process.memory_info().rss for process in limit._members.values()) > 400 * MIB
    assert len(limit._others) > 0
    if sys.platform == "linux":
        assert MemoryLimit(50 * MIB, sharing.pid, None).exceeded().startswith("it used 1")


def test_processes_that_come_and_go_and_hide(
    sharing: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = MemoryLimit(300 * MIB, sharing.pid, None)

    def hide(error: type[psutil.Error]) -> Callable[[psutil.Process], None]:
        def raised(process: psutil.Process) -> None:
            raise error(process.pid)

        return raised

    monkeypatch.setattr(psutil.Process, "memory_full_info", hide(psutil.AccessDenied))
    assert limit.exceeded().startswith("it used ")  # then all that is resident counts
    monkeypatch.setattr(psutil.Process, "memory_full_info", hide(psutil.NoSuchProcess))
    assert limit.exceeded() == ""
    monkeypatch.setattr(psutil.Process, "memory_info", hide(psutil.NoSuchProcess))
    assert limit.exceeded() == ""
    monkeypatch.setattr(psutil, "pids", lambda: [2**22 + 1])
    assert limit.exceeded() == ""
    assert (limit._members, limit._others) == ({}, set())


def test_it_lacked_resources_and_is_tried_again_with_less(place: AttemptContext) -> None:
    script = f'test -n "$MODERATOR_REDUCED" || {sys.executable} -c "{LARGE}"'
    task = Task("T001", "Large", 1, commands=(Command("sh", f"{script}\n", 2),))
    limited = replace(place, memory=64 * MIB, patience=None)
    result = run_task(task, ShellBackend(), limited)
    assert (result.status, result.attempts) == (TaskStatus.COMPLETED, 2)
    (entry,) = result.attempts_log
    assert entry.category == "resource"
    assert entry.error_message.endswith("MiB of memory, more than its limit of 64 MiB (memory:)")


def test_a_verification_that_uses_too_much(place: AttemptContext) -> None:
    task = Task(
        "T001", "x", 1, commands=(Command("sh", "true\n", 2),), verify=(f'{sys.executable} -c "{LARGE}"',)
    )
    result = run_task(task, ShellBackend(), replace(place, memory=64 * MIB))
    assert (result.status, result.attempts, result.category, result.verification) == (
        *(TaskStatus.FAILED, 1, "verification", "failed"),
    )
    assert "verification failed: it used " in str(result.error_message)
