"""Signals to the process that the user has started: the run ends, says so, and leaves nothing behind."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from faulty import BOTH
from ledger import Journal
from waiting import until

if TYPE_CHECKING:
    from faulty import Project

# A tree that ignores what it is asked: a child, a grandchild, and one that has left its parents and session.
TREE = """
- [ ] T001 [P] a tree that ignores what it is asked
  ```sh
  echo x >> starts
  trap "" TERM INT HUP
  (sh -c 'while true; do sleep 0.05; done' &)
  setsid sh -c 'sh -c "echo \\$\\$ > s.tmp; mv s.tmp stray; while true; do sleep 0.05; done" &'
  while [ ! -e stray ]; do sleep 0.01; done
  touch ready
  while true; do sleep 0.05; done
  ```
- [ ] T002 after it (depends on T001)
  - run: `touch T002`
- [ ] T003 after all
  - run: `touch T003`
"""
GENTLE = """
- [ ] T001 ends when it is asked to
  - run: `touch ready; sleep 600`
- [ ] T002 after it (depends on T001)
  - run: `touch T002`
"""


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_the_run_is_interrupted(project: Project, workers: tuple[str, ...], number: signal.Signals) -> None:
    project.tasks(TREE)
    run = project.start(*workers, "--moderator-grace=300ms")
    run.until("ready")
    run.signal(number)
    ended = run.end()
    assert not project.processes()
    assert ended.code == pytest.ExitCode.INTERRUPTED
    assert "INTERNALERROR" not in ended.output
    assert "KeyboardInterrupt" in ended.output
    assert ended.statuses == {"T001": "running", "T002": "pending", "T003": "pending"}
    assert project.read("starts") == "x\n"  # that it was killed is no reason to try it again
    assert not project.exists("T002")
    assert not project.exists("T003")
    assert len(ended.cases) <= 1


@BOTH
def test_a_second_time_means_at_once(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("""
- [ ] T001 will not end, and tells when it is asked to
  ```sh
  trap "touch asked" TERM
  setsid sh -c 'trap "" TERM; touch ready; while true; do sleep 0.05; done' &
  while true; do sleep 0.05; done
  ```
""")
    run = project.start(*workers, "--moderator-grace=1h")
    run.until("ready")
    run.signal(signal.SIGINT)
    run.until("asked")
    run.signal(signal.SIGINT)
    ended = run.end()
    assert not project.processes()
    assert ended.code == pytest.ExitCode.INTERRUPTED
    assert ended.statuses == {"T001": "running"}
    assert len(ended.cases) <= 1


@BOTH
def test_junit_does_not_tell_of_a_task_that_was_interrupted(
    project: Project, workers: tuple[str, ...]
) -> None:
    """All that is known of it there is that it had begun: not even its name."""
    project.tasks("- [ ] T000 ends\n  - run: `true`\n" + GENTLE)
    run = project.start(*workers)
    run.until("ready")
    until(lambda: any(kind == "attempt_running" for kind, *_ in Journal(project).events))
    run.signal(signal.SIGINT)
    assert [case.get("name") for case in run.end().cases] == ["T000"]


def test_what_has_ended_before_is_reported(project: Project) -> None:
    project.tasks("- [ ] T000 ends\n  - run: `true`\n" + GENTLE)
    run = project.start("-n2")
    run.until("ready")
    run.signal(signal.SIGTERM)
    ended = run.end()
    assert ended.code == pytest.ExitCode.INTERRUPTED
    assert ended.statuses == {"T000": "completed", "T001": "running", "T002": "pending"}
    assert "T000" in [case.get("name") for case in ended.cases]
    assert not project.processes()


def test_tasks_are_asked_before_they_are_killed(project: Project) -> None:
    project.tasks("""
- [ ] T001 cleans up
  ```sh
  trap 'touch cleaned; exit 0' TERM
  touch ready
  while true; do sleep 0.05; done
  ```
""")
    run = project.start("-n2")
    run.until("ready")
    run.signal(signal.SIGTERM)
    ended = run.end()
    assert project.exists("cleaned")
    assert ended.code == pytest.ExitCode.INTERRUPTED
    assert ended.statuses == {"T001": "running"}


@BOTH
def test_fixtures_are_torn_down(project: Project, workers: tuple[str, ...]) -> None:
    (project.path / "conftest.py").write_text("""
import pathlib, pytest
@pytest.fixture(scope="session", autouse=True)
def service():
    yield
    pathlib.Path("down").touch()
""")
    project.tasks(GENTLE)
    run = project.start(*workers)
    run.until("ready")
    run.signal(signal.SIGTERM)
    run.end()
    assert project.exists("down")


def test_to_the_whole_group_as_a_terminal_does(project: Project) -> None:
    project.tasks(GENTLE)
    run = project.start("-n2")
    run.until("ready")
    run.signal_group(signal.SIGINT)
    ended = run.end()
    assert ended.code == pytest.ExitCode.INTERRUPTED
    assert ended.statuses == {"T001": "running", "T002": "pending"}
    assert "INTERNALERROR" not in ended.output
    assert not project.processes()


def test_the_controlling_process_is_killed(project: Project) -> None:
    """Nothing can be reported then, but workers end their tasks and themselves."""
    project.tasks(TREE)
    run = project.start("-n2", "--moderator-grace=300ms")
    run.until("ready")
    run.signal(signal.SIGKILL)
    until(lambda: not project.processes())
    assert not project.exists("T002")


def test_the_controlling_process_is_killed_while_a_worker_is_patient(project: Project) -> None:
    """A long grace is for those who wait; there is nobody any more."""
    project.tasks(TREE)
    run = project.start("-n2", "--moderator-grace=1h")
    run.until("ready")
    run.signal(signal.SIGKILL)
    until(lambda: not project.processes())
