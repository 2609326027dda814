"""Workers that start while the tasks file is read: that xdist gets them, and that none is left where it does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import psutil
import pytest
from sessions import PATIENCE

from pytest_moderator import early

if TYPE_CHECKING:
    from sessions import Project

pytestmark = pytest.mark.skipif(not early._most(), reason="there is no core for them")

TASKS = """
- [ ] T001 [P] One
  - run: `echo T001 $TOLD >> ran.txt`
- [ ] T002 [P] Two
  - run: `echo T002 $TOLD >> ran.txt`
"""
BAD = "- [ ] T001 One (depends on T009)\n"
# Notes which processes there are when the file is about to be read, and which ones xdist works with.
SPY = """
import os
import signal
from pathlib import Path

import psutil
import pytest

BESIDE = Path(__file__).parent
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ

def pytest_moderator_backends():
    if not IS_WORKER:
        pids = [child.pid for child in psutil.Process().children()]
        (BESIDE / "early.txt").write_text(" ".join(map(str, pids)))
        when_read(pids)
    return []

def when_read(pids):
    pass

def pytest_xdist_newgateway(gateway):
    with open(BESIDE / "gateways.txt", "a") as file:
        print(gateway.id, gateway._io.popen.pid, file=file)
"""


def spy(project: Project, tasks: str = TASKS, more: str = "") -> None:
    project.tasks(tasks)
    (project.path / "conftest.py").write_text(SPY + dedent(more))


def early_of(project: Project) -> set[int]:
    """The processes that were there when the file was about to be read."""
    return set(map(int, (project.path / "early.txt").read_text().split()))


def gateways_of(project: Project) -> dict[str, int]:
    """The processes that xdist has worked with, by their ids, in the order in which they came."""
    lines = (project.path / "gateways.txt").read_text().splitlines()
    return {name: int(pid) for name, pid in map(str.split, lines)}


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_end(pids: set[int]) -> bool:
    """Whether they end, sooner or later."""
    until = time.monotonic() + PATIENCE
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(is_alive, pids))


@pytest.mark.parametrize("asked", ["-n2", "-nauto", "-n3 --maxprocesses=2", "-n2 -d", "-n2 --assert=rewrite"])
def test_workers_are_there_before_the_file_is_read(
    project: Project, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "2")
    spy(project)
    session = project.run(*asked.split(), "tasks.md")
    assert session.exit_code == 0
    assert sorted(session.lines()) == ["T001", "T002"]
    assert list(gateways_of(project)) == ["gw0", "gw1"]
    assert len(early_of(project)) == min(2, early._most())
    assert early_of(project) <= set(gateways_of(project).values())
    assert all_end(early_of(project))  # xdist does not wait for those that it has to kill


def test_nothing_is_said_of_asserts_that_are_not_rewritten(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Python has dropped the docstring that would say why; that there are no asserts, pytest does say."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    spy(project)
    result = project.pytester.runpytest_subprocess("--moderator", "-n2", "tasks.md", timeout=PATIENCE)
    assert result.ret == 0
    assert early_of(project) <= set(gateways_of(project).values())
    result.stdout.fnmatch_lines(["*assertions not in test modules or plugins will be ignored*"])
    result.stdout.no_fnmatch_line("*already imported*")


@pytest.mark.parametrize(
    "asked", ["", "-n0", "-n2 --co", "--tx=2*popen --dist=load", "-n2 --dist=each", "-n2 --pdb"]
)
def test_none_starts_where_it_is_not_sure_that_xdist_wants_it(project: Project, asked: str) -> None:
    spy(project)
    project.run(*asked.split(), "tasks.md")
    assert not early_of(project)


def test_one_core_is_left_to_the_process_that_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")  # where a process cannot be kept from a core
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert early._most() == 7
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert early._most() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot be kept from a core")
def test_a_worker_may_use_all_cores(project: Project) -> None:
    spy(project, "- [ ] T001 One\n  - run: `grep Cpus_allowed_list: /proc/$PPID/status >> ran.txt`\n")
    assert project.run("-n1", "tasks.md").exit_code == 0
    here = Path("/proc/self/status").read_text().splitlines()
    assert project.path.joinpath("ran.txt").read_text().strip() in here
    assert early_of(project) == set(gateways_of(project).values())


@pytest.mark.parametrize("hook", ["pytest_configure", "pytest_sessionstart", "pytest_xdist_setupnodes"])
def test_what_plugins_tell_workers_by_the_environment_is_heard(project: Project, hook: str) -> None:
    spy(project, more=f"def {hook}():\n    os.environ.setdefault('TOLD', str(IS_WORKER))")
    session = project.run("-n2", "tasks.md")
    assert session.exit_code == 0
    assert sorted(session.lines()) == ["T001 False", "T002 False"]
    assert early_of(project)
    assert not early_of(project) & set(gateways_of(project).values())
    assert not any(map(is_alive, early_of(project)))


def test_one_that_is_wanted_otherwise_or_not_at_all_is_not_used(project: Project) -> None:
    spy(
        project,
        more="""
        def pytest_xdist_setupnodes(specs):
            specs[0].env["TOLD"] = "by its spec"
            del specs[1:]
    """,
    )
    session = project.run("-n2", "tasks.md")
    assert session.exit_code == 0
    assert sorted(session.lines()) == ["T001 by its spec", "T002 by its spec"]
    assert list(gateways_of(project)) == ["gw0"]
    assert not any(map(is_alive, early_of(project)))


@pytest.mark.parametrize("hook", ["when_read(pids)", "pytest_xdist_setupnodes()"])
def test_one_that_has_died_is_replaced(project: Project, hook: str) -> None:
    """Before it has heard what to import, or while it waits."""
    spy(
        project,
        more=f"""
        def {hook}:
            pid = int((BESIDE / "early.txt").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                pass
    """,
    )
    session = project.run("-n2", "tasks.md")
    assert session.exit_code == 0
    assert sorted(session.lines()) == ["T001", "T002"]
    assert list(gateways_of(project)) == ["gw0", "gw1"]
    assert len(early_of(project) - set(gateways_of(project).values())) == 1


def test_workers_that_replace_lost_ones_have_ids_of_their_own(project: Project) -> None:
    spy(project, "- [ ] T001 Loses its worker\n  - run: `kill -9 $PPID`\n" + TASKS.replace("T001", "T003"))
    assert project.run("-n2", "tasks.md").exit_code == 1
    gateways = gateways_of(project)
    assert list(gateways) == ["gw0", "gw1", "gw2"]
    assert gateways["gw2"] not in early_of(project)


def test_a_mistake_in_the_file_is_told_as_without_workers(project: Project) -> None:
    spy(project, BAD)
    alone = project.run("tasks.md")
    session = project.run("-n2", "tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert (session.output, session.errors) == (alone.output, alone.errors)
    assert early_of(project)
    assert not any(map(is_alive, early_of(project)))


@pytest.mark.parametrize("end", ["pytest.exit('enough')", "raise RuntimeError", "pytest.skip('no')"])
def test_a_session_that_ends_before_it_has_workers_leaves_none(project: Project, end: str) -> None:
    spy(project, more=f"def pytest_configure():\n    {end}")
    result = project.pytester.runpytest_subprocess("--moderator", "-n2", "tasks.md", timeout=PATIENCE)
    assert result.ret not in {0, pytest.ExitCode.TESTS_FAILED}
    assert early_of(project)
    assert not any(map(is_alive, early_of(project)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
@pytest.mark.parametrize("whom", ["os.kill(os.getpid(), {})", "os.killpg(0, {})"], ids=["one", "all"])
def test_a_signal_while_the_file_is_read_leaves_nothing(
    project: Project, number: signal.Signals, whom: str
) -> None:
    spy(project, more=f"def when_read(pids):\n    {whom.format(int(number))}")
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--moderator", "-n2", "tasks.md"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert session.wait(PATIENCE) != 0
    assert early_of(project)
    assert all_end(early_of(project))
    assert not (project.path / "gateways.txt").exists()


def test_sessions_in_one_process_have_workers_of_their_own(project: Project) -> None:
    spy(project)
    others = {child.pid for child in psutil.Process().children()}  # of tests that this process has run before
    seen: list[set[int]] = []
    for _ in range(2):
        result = project.pytester.runpytest_inprocess("--moderator", "-n2", "tasks.md")
        assert result.ret == 0
        seen.append(early_of(project) - others)
        assert seen[-1] <= set(gateways_of(project).values())
        assert all_end(seen[-1])
    assert not seen[0] & seen[1]
    project.tasks(BAD)
    assert project.pytester.runpytest_inprocess("--moderator", "-n2", "tasks.md").ret == 4
    assert not any(map(is_alive, early_of(project) - others))
