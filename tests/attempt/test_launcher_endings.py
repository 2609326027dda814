"""How the launcher ends processes with all that they have started: time limits, escapes, interrupts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import pytest
from launched import pid_in, python, run_out_of_time, shell
from waiting import until

from pytest_moderator.attempt import LocalLauncher, launcher
from pytest_moderator.attempt.processes import MARK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Lives = Callable[[int], bool]


# Leaves group and session by the book, then ignores what it is asked.
ESCAPEE = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open("pid.new", "w") as file:
            file.write(str(os.getpid()))
        os.rename("pid.new", "pid")
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists("pid"):
    time.sleep(0.01)
"""


def test_a_time_limit_ends_the_whole_tree(local: LocalLauncher, tmp_path: Path, lives: Lives) -> None:
    script = "sh -c 'sleep 600 & echo $! > pid; wait' & trap '' TERM; echo $$ > leader; wait; wait; sleep 600"
    outcome = run_out_of_time(local, shell(tmp_path, script), "pid", "leader")
    assert (outcome.exit_code, outcome.timed_out, outcome.error) == (124, True, None)
    assert not lives(pid_in(tmp_path / "pid"))
    assert not lives(pid_in(tmp_path / "leader"))


def test_a_time_limit_reaches_what_has_been_stopped(tmp_path: Path, lives: Lives) -> None:
    spec = shell(tmp_path, "sleep 600 & echo $! > pid; kill -STOP $!; kill -STOP $$", grace=60.0)
    assert run_out_of_time(LocalLauncher(), spec, "pid").exit_code == 124
    assert not lives(pid_in(tmp_path / "pid"))


@pytest.mark.parametrize("again", range(3))
def test_it_is_asked_before_it_is_killed_and_before_its_children(tmp_path: Path, again: int) -> None:
    script = "trap 'echo bye; exit 0' TERM; sleep 600 & echo $! > pid; wait"
    outcome = run_out_of_time(LocalLauncher(), shell(tmp_path, script, grace=60.0), "pid")
    assert outcome.exit_code == 124
    assert (tmp_path / "out").read_text().endswith("bye\n")


at_once = pytest.mark.skipif(sys.platform != "linux", reason="found at the end of the run only")


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param("", marks=at_once),
        pytest.param("import sys; sys.exit(3)", marks=at_once),
        "time.sleep(600)",
    ],
)
def test_who_left_group_and_session_is_found(
    local: LocalLauncher, tmp_path: Path, lives: Lives, ending: str
) -> None:
    spec = python(tmp_path, ESCAPEE + ending)
    outcome = run_out_of_time(local, spec, "pid") if "sleep" in ending else local.run(spec)
    pid = pid_in(tmp_path / "pid")
    assert not lives(pid)
    assert outcome.timed_out == ("sleep" in ending)
    if not outcome.timed_out:
        assert len(outcome.leftovers) == 1
        assert f"({pid})" in outcome.leftovers[0]


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed")
def test_who_left_without_a_mark_is_found_below_the_leader(tmp_path: Path, lives: Lives) -> None:
    script = 'env -i PATH="$PATH" setsid sh -c \'trap "" TERM; echo $$ > pid; sleep 600; sleep 600\' & wait'
    assert run_out_of_time(LocalLauncher(), shell(tmp_path, script), "pid").timed_out
    assert not lives(pid_in(tmp_path / "pid"))
    assert str(tmp_path) not in {process.info["cwd"] for process in psutil.process_iter(["cwd"])}


def test_what_stays_in_the_group_is_ended(local: LocalLauncher, tmp_path: Path, lives: Lives) -> None:
    outcome = local.run(shell(tmp_path, "sleep 600 & echo $! > pid; echo hi"))
    pid = pid_in(tmp_path / "pid")
    assert not lives(pid)
    assert outcome.exit_code == 0
    assert outcome.leftovers in ((f"sleep ({pid})",), (f"sh ({pid})",))  # a shell until it becomes a sleep


def test_many_children_leave_nothing(tmp_path: Path) -> None:
    script = "i=0; while [ $i -lt 100 ]; do /bin/true & i=$((i+1)); done; wait; sleep 600 & exit 5"
    outcome = LocalLauncher().run(shell(tmp_path, script))
    assert outcome.exit_code == 5
    assert len(outcome.leftovers) == 1


@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_ends_the_tree_and_goes_on(tmp_path: Path, lives: Lives, interrupts: int) -> None:
    stubborn = "trap 'touch asked' TERM; echo $$ > task; while :; do sleep 600 & wait; done"
    program = f"""
import os, sys
from pathlib import Path
from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.backends.base import ProcessSpec
folder = Path(sys.argv[1])
grace = {0.5 if interrupts == 1 else 600.0}
# Found by its mark, where the interrupt comes before the start is known.
env = {{**os.environ, {MARK!r}: {f"interrupt-{uuid4().hex}:T1:1"!r}}}
spec = ProcessSpec(("sh", "-c", {stubborn!r}), folder, env, folder / "out", folder / "err", grace=grace)
try:
    LocalLauncher().run(spec)
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as controller:
        until((tmp_path / "task").exists)
        until((tmp_path / "task").read_text)
        controller.send_signal(signal.SIGINT)
        if interrupts > 1:
            until((tmp_path / "asked").exists)
            controller.send_signal(signal.SIGINT)
        assert controller.communicate(timeout=300)[0] == b"interrupted\n"
    assert not lives(pid_in(tmp_path / "task"))


def test_an_interrupt_before_the_start_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes]) -> None:
        started.append(process)
        until(psutil.Process(process.pid).environ)  # it shows its mark
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "_Child", interrupted)
    with pytest.raises(KeyboardInterrupt):
        LocalLauncher().run(shell(tmp_path, "sleep 600"))
    assert started[0].wait(300) == -signal.SIGTERM


def test_an_interrupt_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lives: Lives) -> None:
    def interrupted(pid: int, mark: str | None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "may_have_left_something", interrupted)
    with pytest.raises(KeyboardInterrupt):
        LocalLauncher().run(shell(tmp_path, "sleep 600 & echo $! > pid"))
    assert not lives(pid_in(tmp_path / "pid"))


def test_time_in_which_we_are_stopped_does_not_count(tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.backends.base import ProcessSpec
folder = Path(sys.argv[1])
script = "trap 'exit 7' USR1; echo $$ > pid; mv pid begun; while :; do sleep 0.02; done"
spec = ProcessSpec(("sh", "-c", script), folder, dict(os.environ), folder / "out", folder / "err", timeout=3.0)
print(LocalLauncher().run(spec).exit_code)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as controller:
        until((tmp_path / "begun").exists)
        controller.send_signal(signal.SIGSTOP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            controller.wait(3.5)  # longer than the task's limit
        controller.send_signal(signal.SIGCONT)
        os.kill(pid_in(tmp_path / "begun"), signal.SIGUSR1)
        assert controller.communicate(timeout=300)[0] == b"7\n"


class Sign:
    """A file that says that all is held, as often as it is asked for; at the third time the process may end."""

    def __init__(self, go: Path) -> None:
        self._go = go
        self._asked = 0

    def exists(self) -> bool:
        self._asked += 1
        if self._asked == 3:
            self._go.touch()
        return True


def test_the_clock_stands_still_while_processes_are_held(tmp_path: Path) -> None:
    holding = LocalLauncher(held=Sign(tmp_path / "go"))  # type: ignore[arg-type]
    spec = replace(shell(tmp_path, "while ! test -e go; do sleep 0.02; done"), watch=lambda: None)
    begun, began = time.monotonic(), holding.clock()
    assert holding.run(spec).exit_code == 0
    assert holding.clock() - began < time.monotonic() - begun - 0.5  # three times 0.2 s at least


class Held:
    """The end of a process that the kernel holds."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self, seconds: float | None) -> bool:
        return False


def test_what_cannot_be_killed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Held] = []
    monkeypatch.setattr(launcher, "_watch", lambda pid: held.append(Held(pid)) or held[0])
    outcome = LocalLauncher().run(shell(tmp_path, "sleep 600", timeout=0.1))
    assert outcome.error == f"process {held[0].pid} was killed, but the kernel still holds it"
    assert outcome.exit_code == 124
    os.waitpid(held[0].pid, 0)
