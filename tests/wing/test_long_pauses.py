"""Attempts that wait so long that it is none of a worker's business, in whole runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from branched import commit, integration
from stand_ins import LIMITED

from pytest_moderator.journal import JournalError, JournalReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions import Project

    from pytest_moderator.journal import Event


HOUR = "250x9"
KNOWN = """
import os

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        Path("pid").write_text(str(os.getpid()))
"""


def test_a_long_pause_holds_no_worker(project: Project) -> None:
    project.write("conftest.py", LIMITED)
    project.tasks("""
        - [ ] T001 [P] One
          - backend: limited
          - Limit: 4x1
        - [ ] T002 [P] Meanwhile
          - run: `echo T002 >> ran.txt`
        - [ ] T003 [P] Behind it
          - run: `echo T003 >> ran.txt`
          - depends on: T001
    """)
    session = project.run("-n1", "tasks.md", "--moderator-events=events.jsonl", "--junitxml=junit.xml")
    assert session.exit_code == 0
    assert session.counts == {"passed": 3}
    assert session.lines() == ["T001 1 ''", "T002", "T001 2 'limit'", "T003"]
    first = session.tasks["T001"]
    assert (first["status"], first["attempts"], first["again_at"], first["usage"]["cost_usd"]) == (
        *("completed", 2, None, 2.0),
    )
    (entry,) = first["attempts_log"]
    assert (entry["attempt"], entry["category"], entry["error_message"]) == (1, "transient", "limit")
    assert "T001 waits for attempt 2 until " in session.output
    told = [json.loads(line) for line in session.lines("events.jsonl")]
    (paused,) = [event for event in told if event["kind"] == "task_paused"]
    assert (paused["task_id"], paused["attempt"], paused["error"]) == ("T001", 1, "limit")
    kinds = [(event["kind"], event["task_id"]) for event in told if event.get("task_id") == "T001"]
    assert [kind for kind, _ in kinds] == ["task_started", "task_paused", "task_started", "task_ended"]
    assert waits(project) == [f"waiting for attempt 2 until {paused['again_at']}: limit"]
    suite, cases = session.junit()
    assert (suite.get("tests"), suite.get("failures"), sorted(cases)) == ("3", "0", ["T001", "T002", "T003"])


def test_alone_others_go_on_as_well(project: Project) -> None:
    project.write("conftest.py", LIMITED)
    project.tasks("""
        - [ ] T001 [P] One
          - backend: limited
          - Limit: 4x1
          - fixtures: tmp_path
        - [ ] T002 [P] Meanwhile
          - run: `echo T002 >> ran.txt`
    """)
    session = project.run("tasks.md", "-v")
    assert (session.exit_code, session.counts) == (0, {"passed": 2})
    assert session.lines() == ["T001 1 ''", "T002", "T001 2 'limit'"]


def test_what_was_used_before_a_pause_counts(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", LIMITED)
    project.tasks(f"""
        - [ ] T001 [P] One
          - backend: limited
          - Limit: {HOUR}
          - optional: yes
        - [ ] T002 [P] Two
          - run: `until grep -q task_paused events.jsonl; do sleep 0.05; done`
        - [ ] T003 [P] Three
          - backend: unlimited
          - Limit: 0x0
          - depends on: T002
        - [ ] T004 [P] Too much
          - backend: unlimited
          - Limit: 0x0
          - depends on: T003
        - [ ] T005 [P] Stop
          - run: `exit 1`
          - critical: yes
          - depends on: T003
        - [ ] T006 [P] First is the one with the longest path behind it
          - run: `true`
          - depends on: T001
        - [ ] T007 [P] Behind that
          - run: `true`
          - depends on: T006
        - [ ] T008 [P] Behind that
          - run: `true`
          - depends on: T007
    """)
    session = project.run(*workers, "tasks.md", "--moderator-budget=$1.50", "--moderator-events=events.jsonl")
    assert session.lines() == ["T001 1 ''", "T003 1 ''"]
    assert session.reasons["T004"] == "the budget of $1.50 is spent ($2.00)"
    first = session.tasks["T001"]
    assert (first["status"], first["category"], first["attempts"], first["attempts_log"]) == (
        *("failed", "transient", 1, []),
    )
    assert first["error_message"] == "limit; not tried again: critical task T005 failed"


CANCELLING = """
def pytest_configure(config):
    global RUN
    RUN = lambda: config.pluginmanager.get_plugin("moderator_run")

def pytest_moderator_task_paused(result):
    RUN().cancelled[f"tasks.md::{result.task.id}"] = "cancelled by somebody"
"""


def test_one_that_is_cancelled_just_before_it_waits(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", LIMITED + CANCELLING)
    project.tasks(
        f"- [ ] T001 one\n  - backend: limited\n  - Limit: {HOUR}\n- [ ] T002 behind (depends on T001)\n"
    )
    session = project.run(*workers, "tasks.md")
    first = session.tasks["T001"]
    assert (first["status"], first["category"], first["attempts"]) == ("failed", "cancelled", 1)
    assert first["error_message"] == "cancelled by somebody"
    assert session.statuses["T002"] == "skipped"
    assert session.exit_code == 1


def test_one_that_would_wait_when_nothing_starts_any_more(project: Project) -> None:
    project.write("conftest.py", LIMITED)
    project.tasks(f"""
        - [ ] T001 [P] One
          - backend: limited
          - Limit: {HOUR}
          - Wait: task_ended
        - [ ] T002 [P] Stop
          - run: `exit 1`
          - critical: yes
    """)
    session = project.run("-n2", "tasks.md", "--moderator-events=events.jsonl")
    assert session.statuses == {"T001": "failed", "T002": "failed"}
    assert session.reasons["T001"] == "limit; not tried again: critical task T002 failed"


def test_a_long_pause_of_a_task_on_a_branch(project: Project, git, workers: tuple[str, ...]) -> None:
    made = "with Path(context.working_directory, f'made-{context.attempt}').open('w'): pass"
    project.write("conftest.py", LIMITED.replace("seconds, _, times", f"{made}\n        seconds, _, times"))
    project.write("moderator.yaml", "isolation: branch\nretry_from: kept\n")
    project.tasks(f"""
        - [ ] T001 [P] One
          - backend: limited
          - Limit: 2x1
        - [ ] T002 [P] Two
          - backend: unlimited
          - Limit: {HOUR}
          - optional: yes
        - [ ] T003 [P] Stop (depends on T001)
          - run: `exit 1`
          - critical: yes
    """)
    commit(git)
    session = project.run(*workers, "tasks.md")
    first, second = session.tasks["T001"], session.tasks["T002"]
    assert (first["status"], first["attempts"], first["worktree"]) == ("completed", 2, None)
    assert {"made-1", "made-2"} <= set(git("ls-tree", "--name-only", integration(git)).split())
    assert (second["status"], second["attempts"]) == ("failed", 1)
    assert (Path(second["worktree"]) / "made-1").exists()


def run_until(
    project: Project,
    arguments: Sequence[str],
    until: Callable[[], bool],
    end: Callable[[subprocess.Popen[bytes]], object],
    patience: float,
) -> tuple[int, str]:
    """Run pytest until something holds, within so many seconds, and end it; give its exit code and its output."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=project.path,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            deadline = time.monotonic() + patience
            while not until():
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.05)
            end(process)
            output = process.communicate(timeout=60)[0].decode()
        finally:
            process.kill()
    return process.returncode, output


@pytest.mark.parametrize("how", ["interrupt", "cancel T001", "cancel"])
def test_a_long_pause_ends_at_once(project: Project, workers: tuple[str, ...], how: str) -> None:
    project.write("conftest.py", LIMITED)
    project.tasks(f"- [ ] T001 [P] one\n  - backend: limited\n  - Limit: {HOUR}\n")
    options = ["--moderator", "--moderator-json=report.json", "--junitxml=junit.xml", *workers]

    def end(run: subprocess.Popen[bytes]) -> None:
        if how == "interrupt":
            run.terminate()
        else:
            cli = [Path(sys.executable).with_name("moderator"), *how.split()]
            subprocess.run(cli, cwd=project.path, check=True, capture_output=True)

    code, _ = run_until(project, [*options, "tasks.md"], lambda: bool(waits(project)), end, patience=50)
    assert code == (1 if how == "cancel T001" else 2)
    (task,) = json.loads((project.path / "report.json").read_text())["files"][0]["tasks"]
    assert task["attempts"] == 1
    if how == "interrupt":
        assert (task["status"], len(task["attempts_log"])) == ("pending", 1)
    else:
        assert (task["status"], task["category"], task["attempts_log"]) == ("failed", "cancelled", [])
        assert "cancelled by" in task["error_message"]
        case = ET.parse(project.path / "junit.xml").getroot()[0].findall("testcase")
        assert [len(each.findall("failure")) for each in case] == [1]


def test_a_run_that_goes_on_knows_the_attempts_before_it(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("""
        - [ ] T001 [P] One
          - backend: limited
          - Limit: 6x1
        - [ ] T003 [P] First is the one with the longest path behind it
          - run: `true`
          - depends on: T001
        - [ ] T002 [P] Stop
          - run: `until grep -q task_paused events.jsonl; do sleep 0.05; done; kill -INT $(cat pid); sleep 60`
    """)
    project.write("conftest.py", LIMITED + KNOWN)
    first = project.run(*workers, "tasks.md", "--moderator-events=events.jsonl")
    assert first.exit_code == pytest.ExitCode.INTERRUPTED
    second = project.run(*workers, "tasks.md::T001", "--moderator-resume")
    task = second.tasks["T001"]
    assert (task["status"], task["attempts"], task["usage"]["cost_usd"]) == ("completed", 2, 2.0)
    assert [entry["error_message"] for entry in task["attempts_log"]] == ["limit"]
    assert second.lines() == ["T001 1 ''", "T001 2 'limit'"]


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_a_run_that_goes_on_waits_for_what_it_has_waited_for(
    project: Project, workers: tuple[str, ...], how: str
) -> None:
    project.write("conftest.py", LIMITED)
    project.tasks(f"""
        - [ ] T001 [P] One
          - backend: limited
          - Limit: {HOUR}
        - [ ] T002 [P] Of that backend, too (depends on T003)
          - backend: limited
          - Limit: 0x0
        - [ ] T003 [P] Not of that backend
          - run: `test -e ready; echo T003 >> ran.txt`
        - [ ] T004 [P] First is the one with the longest path behind it (depends on T001)
          - run: `true`
    """)
    options = ["--moderator", "--moderator-order=explicit", *workers, "tasks.md"]

    def run(*more: str, until: Callable[[], bool], end: Callable[[subprocess.Popen[bytes]], object]) -> str:
        return run_until(project, [*options, *more], until, end, patience=100)[1]

    def nothing_is_left_to_do() -> bool:
        """Else what is killed leaves T003 behind, which may find soon that all is ready."""
        return len(waits(project)) == 1 and any(e.task_id == "T003" for e in events(project, "task_ended"))

    run(until=nothing_is_left_to_do, end=lambda process: getattr(process, how)())
    (paused,) = waits(project)
    project.write("ready", "")

    def cancel(_: subprocess.Popen[bytes]) -> None:
        assert (project.path / "ran.txt").read_text().splitlines() == ["T001 1 ''", "T003"]
        subprocess.run([Path(sys.executable).with_name("moderator"), "cancel"], cwd=project.path, check=True)

    output = run("--moderator-resume", until=lambda: len(waits(project)) == 3, end=cancel)
    assert waits(project)[1] == paused
    assert waits(project)[2].startswith("waiting for backend limited: it has asked to be left alone for ")
    assert f"T001 goes on {paused}" in output
    assert "tasks of the backend 'limited' go on waiting for the end of its limit: " in output


def events(project: Project, kind: str) -> list[Event]:
    """What the journal has of a kind, of the last run; nothing where there is none yet."""
    with suppress(JournalError), JournalReader(project.path / ".moderator") as reader:
        return [event for run in reader.runs(limit=1) for event in reader.events(run.id, kinds=(kind,))]
    return []


def waits(project: Project) -> list[str]:
    """What tasks of the last run have waited for, as its journal says."""
    return [str(event.payload["reason"]) for event in events(project, "task_waits")]
