"""Processes that hide from the end of their task, and process ids that somebody else has by now."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import struct
import time
from collections import Counter
from typing import TYPE_CHECKING

import psutil
import pytest
from faulty import BOTH
from ledger import Journal
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faulty import Project

RESUME = "--moderator-resume"
# Ignores what it is asked, and has thrown its environment away: it has no mark. %s tells it from others.
STUBBORN = "env -i sh -c 'trap \"\" TERM INT HUP; while :; do sleep 0.05; done' %s"


def processes_named(word: str) -> list[psutil.Process]:
    """List the living processes with a word among their arguments."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if word in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.fixture
def word(project: Project) -> Iterator[str]:
    """A word that the processes of this test have, and no others; none of them outlives it."""
    word = f"stubborn-{project.path.parent.name}-{os.getpid()}"
    yield word
    for process in processes_named(word):
        process.kill()


@BOTH
def test_without_a_mark_in_a_task_that_does_not_end(
    project: Project, workers: tuple[str, ...], word: str
) -> None:
    """In its session, and in a session of its own below it."""
    project.tasks(f"""
- [ ] T001 does not end in time
  - timeout: 3s
  ```sh
  {STUBBORN % word} &
  setsid {STUBBORN % word} &
  touch ready
  exec {STUBBORN % word}
  ```
""")
    ended = project.run(*workers, "--moderator-grace=200ms").sound
    assert ended.tasks["T001"]["error_message"] == "timed out after 3 s"
    assert project.exists("ready")
    assert not processes_named(word)


@BOTH
def test_without_a_mark_after_a_crash(project: Project, workers: tuple[str, ...], word: str) -> None:
    """Nobody knows them but the journal."""
    project.tasks(f"""
- [ ] T001 hides
  ```sh
  test -e ready && exit
  setsid {STUBBORN % word} &
  touch ready
  exec {STUBBORN % word}
  ```
""")
    run = project.start(*workers)
    run.until("ready")
    until(
        lambda: (
            Journal(project).begun and any(kind == "attempt_running" for kind, *_ in Journal(project).events)
        )
    )
    until(lambda: len(processes_named(word)) == 2)
    run.kill_session()
    assert processes_named(word)
    ended = project.run(RESUME, *workers).sound
    assert ended.code == pytest.ExitCode.OK
    assert "still there and were ended" in ended.output
    assert not processes_named(word)


@BOTH
def test_that_leave_their_parents_and_their_session(project: Project, workers: tuple[str, ...]) -> None:
    """Twice forked, deaf to what it is asked: found by its mark when its task ends, and after a crash."""
    daemon = "(setsid sh -c 'trap \"\" TERM INT HUP; touch up; while :; do sleep 0.05; done' &)"
    project.tasks(f"""
- [ ] T001 leaves a daemon
  - run: `{daemon}; until [ -e up ]; do sleep 0.01; done; rm up`
- [ ] T002 leaves one and goes on (depends on T001)
  - run: `test -e crashed || {{ {daemon}; until [ -e up ]; do sleep 0.01; done; touch ready; sleep 600; }}`
""")
    run = project.start(*workers)
    run.until("ready")
    # its own session, and that of its daemon; the other daemon is gone
    assert Counter(task_id for task_id, _ in sessions_of_tasks(project)) == {"T002": 2}
    run.kill_session()
    (project.path / "crashed").touch()
    assert project.run(RESUME, *workers).sound.code == pytest.ExitCode.OK
    assert not project.processes()


def sessions_of_tasks(project: Project) -> set[tuple[str, int]]:
    """Give the sessions of the living processes of tasks, with the task of each."""
    found = set()
    for process in project.task_processes():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            found.add((process.environ()["MODERATOR_TASK_ID"], os.getsid(process.pid)))
    return found


def start_as(pid: int) -> bool:
    """Start ``sleep 600`` with this very process id; tells whether that was possible."""
    wanted = (ctypes.c_int * 1)(pid)
    arguments = ctypes.create_string_buffer(
        struct.pack("11Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0), 88
    )
    child = ctypes.PyDLL(None).syscall(435, arguments, 88)  # clone3; with the GIL, which the child needs
    if child == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", "600"])
    return bool(child == pid)


@BOTH
def test_a_process_id_is_used_again(project: Project, workers: tuple[str, ...]) -> None:
    """The process that has the id of a task, or of a worker, now is innocent: whatever the journal says."""
    project.tasks("""
- [ ] T001 is killed with the run
  - run: `test -e ready || { echo $$ > r; mv r ready; exec sleep 600; }`
""")
    run = project.start(*workers)
    run.until("ready")
    until(lambda: any(kind == "attempt_running" for kind, *_ in Journal(project).events))
    known = {
        payload["pid"]
        for kind, _, payload in Journal(project).events
        if kind in ("attempt_running", "worker_started")
    }
    assert int(project.read("ready")) in known
    run.kill_session()
    project.kill()
    until(lambda: not any(psutil.pid_exists(pid) for pid in known))
    innocent = [pid for pid in known if start_as(pid)]
    try:
        if len(innocent) < len(known):
            pytest.skip("a process id cannot be chosen here")
        assert project.run(RESUME, *workers).sound.code == pytest.ExitCode.OK
        assert all(psutil.Process(pid).status() == psutil.STATUS_SLEEPING for pid in innocent)
    finally:
        for pid in innocent:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@BOTH
def test_stopped_and_continued(project: Project, workers: tuple[str, ...]) -> None:
    """As by ``kill -STOP``, or a lid that was closed: no time limit runs out meanwhile."""
    project.tasks("""
- [ ] T001 waits for a sign
  - timeout: 5s
  - run: `trap "exit 0" USR1; echo $$ > pid; mv pid ready; while true; do sleep 0.02; done`
- [ ] T002 next (depends on T001)
  - run: `true`
""")
    run = project.start(*workers)
    run.until("ready")
    run.signal_group(signal.SIGSTOP)
    time.sleep(6)  # more than the limit: that is the experiment
    run.signal_group(signal.SIGCONT)
    os.kill(int(project.read("ready")), signal.SIGUSR1)
    ended = run.end().sound
    assert ended.statuses == {"T001": "completed", "T002": "completed"}
