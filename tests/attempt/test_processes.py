"""Finding and ending what tasks leave behind, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from waiting import until

from pytest_moderator.attempt import end_marked_processes, end_recorded_processes, processes
from pytest_moderator.attempt.processes import MARK, end_tree, make_mark, may_have_left_something
from pytest_moderator.holder import Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[[str], subprocess.Popen[bytes]]

RUN = f"sweep-{os.getpid()}"  # the same tests may run elsewhere on this machine


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes that sleep with a mark, each in a session of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def sleep(mark: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, MARK: mark} if mark else None
        started.append(subprocess.Popen(["sleep", "600"], env=environment, start_new_session=True))
        process = psutil.Process(started[-1].pid)
        until(lambda: process.environ() and process.name() == "sleep")  # it has become that, as all can see
        return started[-1]

    yield sleep
    for process in started:
        process.kill()
        process.wait()


def test_marks_are_chained_and_hold_no_odd_text() -> None:
    assert make_mark("run", "T1", 2) == "run:T1:2"
    assert make_mark("run", "T1", 2, "outer:T9:1") == "outer:T9:1,run:T1:2"
    assert make_mark("a,b", "x:y", 1).count(",") == 0
    assert make_mark("a,b", "x:y", 1).count(":") == 2


def test_a_run_is_ended_and_nothing_else(start: Start) -> None:
    ours = [
        start(f"{RUN}:T1:1"),
        start(f"{RUN}:T2:3"),
        start(f"outer:T1:1,{RUN}:T1:1"),
        start(f"{RUN}:T1:1,in:T1:1"),
    ]
    others = [start(""), start(f"{RUN}er:T1:1"), start(f"other:{RUN}:1"), start(f"a{RUN}:T1:1")]
    assert end_marked_processes(f"{RUN}") == 4
    assert [process.wait(300) for process in ours] == [-signal.SIGTERM] * 4
    assert [process.poll() for process in others] == [None] * 4


def test_a_task_is_ended_and_no_other(start: Start) -> None:
    ours, others = start(f"{RUN}:T1:2"), [start(f"{RUN}:T10:1"), start(f"{RUN}:T2:1")]
    assert end_marked_processes(f"{RUN}", "T1") == 1
    assert ours.wait(300) == -signal.SIGTERM
    assert [process.poll() for process in others] == [None] * 2


def test_nothing_to_end() -> None:
    assert end_marked_processes("no-such-run") == 0


def test_neither_oneself_nor_ancestors_are_ended(start: Start) -> None:
    program = """
import os, psutil, subprocess, sys
from pytest_moderator.attempt import end_marked_processes
if len(sys.argv) > 1:
    other = subprocess.Popen(["sleep", "600"])
    while not psutil.Process(other.pid).environ():
        pass
    print(end_marked_processes(os.environ["RUN"]), other.wait(300))
else:
    subprocess.run([sys.executable, "-c", os.environ["PROGRAM"], "child"], check=True)
    print("alive")
"""
    environment = {**os.environ, MARK: f"{RUN}nested:T1:1", "PROGRAM": program, "RUN": f"{RUN}nested"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout == f"1 {-signal.SIGTERM}\nalive\n"


def test_what_cannot_be_killed_is_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(f"{RUN}held:T1:1")
    monkeypatch.setattr(processes, "UNKILLABLE_AFTER", 0.05)
    monkeypatch.setattr(processes, "_send", lambda process, number: None)
    assert end_tree(None, f"{RUN}held", 0.05) == (f"sleep ({process.pid})",)
    assert process.poll() is None


def test_a_process_that_is_gone_meanwhile(start: Start) -> None:
    child = start("")
    process = psutil.Process(child.pid)
    child.kill()
    child.wait()
    processes._send(process, signal.SIGTERM)
    assert processes._describe(process) == str(child.pid)
    assert not processes._lives(process)


def test_a_process_that_goes_while_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    process = psutil.Process()
    monkeypatch.setattr(process, "is_running", lambda: psutil.Process(2**31 - 1))
    assert not processes._lives(process)


@pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="only Linux can tell at this price")
class TestQuickLook:
    """The look at what may outlive a leader, on Linux."""

    def test_at_the_next_ids(self, start: Start) -> None:
        leader = start("")
        start(f"{RUN}look:T1:1")
        leader.kill()
        leader.wait()
        assert may_have_left_something(leader.pid, f"{RUN}look:T1:1")
        assert not may_have_left_something(leader.pid, "other:T1:1")
        assert not may_have_left_something(leader.pid, None)

    @pytest.mark.parametrize(("few", "shift"), [(0, 0), (0, 10**6)])
    def test_at_all_ids(self, start: Start, monkeypatch: pytest.MonkeyPatch, few: int, shift: int) -> None:
        """The same where many processes were started since, or ids began again at the top."""
        stray = start(f"{RUN}look:T1:1")
        monkeypatch.setattr(processes, "_FEW", few)
        pids = processes._pids_after(stray.pid - 1 + shift)
        assert stray.pid in pids
        assert (1 in pids) == bool(shift)

    def test_while_one_becomes_another_program(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between two programs the kernel shows an empty environment for a moment: seen once in 150 starts."""
        stray = start(f"{RUN}look:T1:1")
        answers = [b"", b"", f"MODERATOR_ATTEMPT_MARK={RUN}look:T1:1".encode()]
        monkeypatch.setattr(processes, "_read", lambda _: answers.pop(0))
        assert f"{RUN}look:T1:1".encode() in processes._environment(stray.pid)

    def test_one_that_stays_without_an_environment(self, start: Start) -> None:
        stray = subprocess.Popen(["sleep", "600"], env={})
        try:
            assert processes._environment(stray.pid) == b""
            assert processes._variables(psutil.Process(stray.pid)) == {}
        finally:
            stray.kill()
            stray.wait()

    def test_without_a_kernel_that_tells(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(processes, "_load_file", lambda: (_ for _ in ()).throw(OSError("no /proc")))
        assert processes._pids_after(1) == []

    def test_for_anybody_with_a_mark(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        start(f"{RUN}anybody:T1:1")
        assert not processes._nobody_carries(f"{RUN}anybody:T1")
        assert processes._nobody_carries("nobody:T1")
        monkeypatch.setattr(processes, "_running_pids", lambda: (_ for _ in ()).throw(OSError("no /proc")))
        assert not processes._nobody_carries("nobody:T1")


def holder_of(process: subprocess.Popen[bytes]) -> Holder:
    holder = Holder.of(process.pid)
    assert holder is not None
    return holder


def test_what_was_recorded_is_ended_without_its_mark(start: Start) -> None:
    """With its session and its descendants: neither has a mark."""
    script = 'setsid sleep 600 & sleep 600 & echo "$! up"; wait'
    leader = subprocess.Popen(
        ["env", "-i", "sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    )
    assert leader.stdout is not None
    assert leader.stdout.readline().endswith(b"up\n")
    other = start("")
    children = psutil.Process(leader.pid).children()
    until(lambda: [child.name() for child in children] == ["sleep", "sleep"])
    found = end_recorded_processes("no-mark", [holder_of(leader)])
    leader.stdout.close()
    assert leader.wait(300) == -signal.SIGTERM
    assert sorted(name.split()[0] for name in found) == ["sh", "sleep", "sleep"]
    assert other.poll() is None


@pytest.mark.parametrize("change", [{"started": -0.01}, {"started": 0.01}, {"boot": "x"}, {"host": "x"}])
def test_a_recycled_process_id_is_left_alone(start: Start, change: dict[str, Any]) -> None:
    """The process that has the id now is not the one that was recorded."""
    innocent = start("")
    holder = holder_of(innocent)
    if "started" in change:
        change = {"started": holder.started + change["started"]}
    assert end_recorded_processes("no-mark", [holder._replace(**change)]) == ()
    assert innocent.poll() is None
    assert end_recorded_processes("no-mark", [holder]) == (f"sleep ({innocent.pid})",)


def test_recorded_processes_that_are_gone_or_ourselves() -> None:
    """In a process of its own: others may have started something in this one that is still there."""
    program = """
import subprocess
from pytest_moderator.attempt import end_recorded_processes
from pytest_moderator.holder import Holder
child = subprocess.Popen(["sleep", "600"])
gone = Holder.of(child.pid)
child.kill()
child.wait()
print(gone is not None, end_recorded_processes("no-mark", [gone, Holder.here()]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout == "True ()\n"
