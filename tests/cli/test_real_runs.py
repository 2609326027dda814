"""The command beside real runs, one after another and on workers."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import psutil
import pytest
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from real_runs import RealRun

workers = pytest.mark.parametrize("workers", ["", "-n2"])
FAILS_FIRST = "echo x >> ran-{0}; [ -e fixed ]"


def lives(process: psutil.Process) -> bool:
    """Tell whether a process is there and not a zombie."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@workers
def test_pause_and_resume_ten_times(real_run: RealRun, workers: str) -> None:
    names = [f"T{n:03}" for n in range(1, 31)]
    real_run.write(*names)
    real_run.start(workers)
    until(
        lambda: real_run.path(".moderator/state.db").exists() and real_run.command("status").returncode == 0
    )
    for _ in range(10):
        before = real_run.started()
        until(lambda before=before: real_run.status()["counts"]["running"])
        assert "to pause: it starts nothing new; these go on to their end: T0" in real_run.ask("pause")
        until(lambda: real_run.status()["status"] == "paused")
        assert "is paused" in real_run.ask("status")
        real_run.let(*real_run.running())
        until(lambda: not real_run.running())
        begun = real_run.started()
        assert real_run.status()["status"] == "paused"
        assert real_run.started() == begun
        assert "to go on" in real_run.ask("resume")
        until(lambda begun=begun: real_run.started() - begun)
    real_run.let()
    assert real_run.end() == 0
    assert real_run.status()["counts"]["completed"] == len(names)
    assert [real_run.runs_of(name) for name in names] == [1] * len(names)
    assert "next:" not in real_run.ask("status")


@workers
def test_cancel_of_tasks(real_run: RealRun, workers: str) -> None:
    real_run.write(
        "T001\nretries: 5", "T002", "T003", "T004\ndepends on: T003", "T005: true\ndepends on: T001"
    )
    real_run.start(workers)
    until(lambda: "T001" in real_run.started())
    until(lambda: real_run.tasks()["T001"][0] == "running")
    said = real_run.ask("cancel", "T003", "T001")
    assert "T001 ended" in said
    until(lambda: real_run.tasks()["T001"][0] == "failed")
    until(lambda: real_run.tasks()["T003"][0] == ("skipped" if not workers else real_run.tasks()["T003"][0]))
    refused = real_run.command("cancel", "T001")
    assert refused.returncode == 1
    assert "'T001' has ended already (failed: cancelled by " in refused.stderr
    real_run.let()
    assert real_run.end() == 1
    tasks = real_run.tasks()
    assert tasks["T002"] == ("completed", None)
    assert str(tasks["T001"][1]).startswith("cancelled by ")
    assert str(tasks["T003"][1]).startswith("cancelled by ")
    assert tasks["T004"][0] == tasks["T005"][0] == "skipped"
    assert str(tasks["T005"][1]).startswith("blocked by T001")
    assert real_run.runs_of("T001") == 1
    assert not real_run.path("started-T004").exists()


@workers
def test_cancel_of_the_run(real_run: RealRun, workers: str) -> None:
    real_run.write("T001", "T002", "T003", "T004")
    real_run.start(workers)
    until(lambda: "T001" in real_run.started())
    until(lambda: "T001" in real_run.running())
    pid = int(until(real_run.path("started-T001").read_text))
    assert "these are ended: T001" in real_run.ask("cancel")
    assert real_run.end() == 2
    assert pid not in {process.pid for process in psutil.process_iter() if lives(process)}
    assert real_run.status()["status"] == "cancelled"
    reasons = {name: str(reason) for name, (_, reason) in real_run.tasks().items()}
    assert reasons["T001"].startswith("cancelled by ")
    assert reasons["T004"].startswith("not started: cancelled by ")
    assert "run " + real_run.status()["run_id"] + " was cancelled" in real_run.ask("status")
    refused = real_run.command("cancel")
    assert refused.returncode == 1
    assert "is not alive (cancelled)" in refused.stderr

    real_run.let()
    real_run.start("--moderator-resume", workers)
    assert real_run.end() == 0
    assert real_run.status()["counts"]["completed"] == 4


LATER = """
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pytest_moderator.attempt import retrying
from pytest_moderator.backends.base import Backend
from pytest_moderator.model import TaskResult, TaskStatus

retrying._FIRST_PAUSE = retrying._LONGEST_PAUSE = 3600.0


class Limited(Backend):
    name = "limited"

    def accepts(self, task):
        return False

    def execute(self, task, context):
        if Path("lifted").exists():
            return TaskResult(task)
        until = (datetime.now(UTC) + timedelta(seconds=3600)).isoformat()
        values = {"error_message": "limit", "category": "transient", "resets_at": until}
        return TaskResult(task, 1, status=TaskStatus.FAILED, **values)


def pytest_moderator_backends():
    return [Limited()]
"""


@workers
def test_retry_of_one_that_waits_for_its_next_attempt(real_run: RealRun, workers: str) -> None:
    real_run.path("conftest.py").write_text(LATER)
    real_run.write(
        "T001: echo $MODERATOR_ATTEMPT >> ran; test $MODERATOR_ATTEMPT -gt 1 || exit 75",
        "T002: echo T002 >> ran\ndepends on: T001",
        "T003: true\nbackend: limited",
    )
    real_run.start(workers)

    def waiting() -> dict[str, str]:
        if not real_run.path(".moderator/state.db").exists() or real_run.command("status").returncode:
            return {}
        tasks = real_run.tasks().items()
        return {name: str(reason) for name, (status, reason) in tasks if status == "paused"}

    before = until(lambda: len(found := waiting()) == 2 and found)
    assert before["T001"].startswith("waiting for attempt 2 until ")
    assert before["T003"].startswith("waiting for attempt 2 until ")
    assert real_run.ask("status").endswith("next: moderator retry T001\n")
    assert "not to wait any longer before it tries T003 again" in real_run.ask("retry", "T003")
    limited = "waiting for backend limited: it has asked to be left alone for "
    until(lambda: waiting().get("T003", "").startswith(limited))
    assert "not to wait any longer before it tries T001 again" in real_run.ask("retry", "T001")
    until(lambda: real_run.tasks()["T002"][0] == "completed")
    assert real_run.path("ran").read_text().split() == ["1", "2", "T002"]
    refused = real_run.command("retry", "T003")
    assert "'T003' cannot be tried again" in refused.stderr
    assert "it is paused, and has not ended yet" in refused.stderr
    real_run.ask("cancel", "T003")
    assert real_run.end() == 1
    tasks = {name: status for name, (status, _) in real_run.tasks().items()}
    assert tasks == {"T001": "completed", "T002": "completed", "T003": "failed"}


def test_a_task_that_was_only_sent_ahead_keeps_its_tries_after_a_cancel(real_run: RealRun) -> None:
    real_run.write("T001", "T002: echo x >> ran-T002; [ $(wc -l < ran-T002) -eq 2 ]\nretries: 1")
    real_run.start("-n1")
    until(lambda: "T001" in real_run.started())
    until(lambda: "T001" in real_run.running())
    assert "these are ended: T001" in real_run.ask("cancel")
    assert real_run.end() == 2

    real_run.let()
    real_run.start("--moderator-resume", "-n1")
    assert real_run.end() == 0
    assert real_run.status()["counts"]["completed"] == 2


@workers
def test_retry_while_the_run_goes_on(real_run: RealRun, workers: str) -> None:
    real_run.write(
        f"T001: {FAILS_FIRST.format('T001')}",
        "T002: echo x >> ran-T002\ndepends on: T001",
        "T003",
    )
    real_run.start(workers, "--junitxml=junit.xml")
    until(lambda: "T003" in real_run.started())
    until(lambda: real_run.tasks()["T002"][0] == "skipped")
    assert "next: moderator retry T001" in real_run.ask("status")
    for name, reason in ("T002", "it was blocked by T001"), ("T003", "it is running"):
        refused = real_run.command("retry", name)
        assert (refused.returncode, reason in refused.stderr) == (1, True), refused.stderr
    real_run.path("fixed").touch()
    assert "to try T001 again" in real_run.ask("retry", "T001")
    if workers:
        until(lambda: real_run.tasks()["T002"] == ("completed", None))
        assert "it has completed" in real_run.command("retry", "T001").stderr
    real_run.let()
    assert real_run.end() == 0
    assert real_run.status()["counts"]["completed"] == 3
    assert (real_run.runs_of("T001"), real_run.runs_of("T002")) == (2, 1)
    suite = ET.parse(real_run.path("junit.xml")).getroot()[0]
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "0", "errors": "0", "skipped": "0"}
    assert sorted(case.get("name") for case in suite.iter("testcase")) == ["T001", "T002", "T003"]
    assert "3 passed, 1 rerun in" in real_run.output
    assert "3 passed" in real_run.output.splitlines()[-1]
    assert "failed" not in real_run.output.splitlines()[-1]
    assert "[3/3]" in real_run.output
    assert "[4/3]" not in real_run.output
    logs = [real_run.command("logs", "T001", "--attempt", str(n)).returncode for n in (1, 2, 3)]
    assert logs == [0, 0, 1]


@workers
def test_pause_now_stops_processes_and_their_time(real_run: RealRun, workers: str) -> None:
    limit = 5
    real_run.write(f"T001\ntimeout: {limit}s", "T002: true\ndepends on: T001")
    real_run.start(workers)
    until(lambda: "T001" in real_run.started() and real_run.path("started-T001").read_text())
    until(lambda: "T001" in real_run.running())
    task = psutil.Process(int(real_run.path("started-T001").read_text()))
    assert "stopped where they stand: T001" in real_run.ask_at_once("pause", "--now")
    until(lambda: task.status() == psutil.STATUS_STOPPED)
    over = time.monotonic() + limit + 1  # the time that has to pass, without anything to wait for
    while time.monotonic() < over:
        assert task.status() == psutil.STATUS_STOPPED
        time.sleep(0.1)
    until(lambda: real_run.status()["status"] == "paused")
    real_run.let()
    assert "to go on" in real_run.ask("resume")
    assert real_run.end() == 0
    assert real_run.status()["counts"]["completed"] == 2


def test_pause_now_where_the_run_has_lost_its_directory(real_run: RealRun) -> None:
    real_run.write("T001", "T002: true\ndepends on: T001")
    real_run.start()
    until(lambda: "T001" in real_run.started())
    until(lambda: "T001" in real_run.running())
    real_run.path(".moderator/runs").rename(real_run.path("gone"))
    real_run.ask("pause", "--now")
    real_run.let()
    until(lambda: real_run.status()["status"] == "paused")
    real_run.ask("resume")
    assert real_run.end() == 0
    assert real_run.status()["counts"]["completed"] == 2


@workers
def test_cancel_of_a_run_that_stands_still(real_run: RealRun, workers: str) -> None:
    real_run.write("T001", "T002")
    real_run.start(workers)
    until(lambda: "T001" in real_run.started())
    until(lambda: "T001" in real_run.running())
    real_run.ask("pause", "--now")
    real_run.ask("cancel")
    assert real_run.end() == 2
    assert real_run.status()["status"] == "cancelled"


@workers
def test_going_on_after_the_controlling_process_was_killed(
    real_run: RealRun, tmp_path: Path, workers: str
) -> None:
    real_run.write("T001", "T002\ndepends on: T001", "T003: true\ndepends on: T002")
    real_run.start(workers)
    until(lambda: "T001" in real_run.started())
    real_run.let("T001")
    until(lambda: real_run.tasks()["T001"][0] == "completed" and "T002" in real_run.running())
    until(lambda: "T002" in real_run.started())
    assert real_run.process
    os.kill(real_run.process.pid, signal.SIGKILL)
    real_run.process.wait()
    text = real_run.ask("status")
    assert " was interrupted\n" in text
    assert "were running\n  T002  Do T002 " in text
    assert text.endswith("next: moderator resume --exec\n")
    assert real_run.tasks()["T002"] == ("pending", "the process of the run is gone")
    assert "is not alive (interrupted)" in real_run.command("pause").stderr

    command = f"pytest --moderator tasks.md {workers} --moderator-resume".replace("  ", " ")
    assert real_run.ask("resume") == f"{command}\n"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    state = str(real_run.path(".moderator"))
    real_run.let()
    resumed = real_run.command("resume", "--exec", "--state-dir", state, cwd=elsewhere)
    assert resumed.returncode == 0, resumed.stdout
    assert resumed.stdout.startswith(f"cd {real_run.project} && {command}\n")
    assert real_run.status()["status"] == "completed"
    assert (real_run.runs_of("T001"), real_run.runs_of("T002")) == (1, 2)
    assert real_run.left() == 0

    again = real_run.command("retry", "T001", "--exec")
    assert again.returncode == 0, again.stdout
    assert real_run.runs_of("T001") == 2


def test_a_run_that_was_started_in_a_directory_below(real_run: RealRun) -> None:
    below = real_run.path("specs")
    below.mkdir()
    real_run.write("T001: false")
    real_run.path("tasks.md").rename(below / "tasks.md")
    real_run.project = below
    real_run.start()
    assert real_run.process
    assert real_run.process.wait() == 1
    real_run.project = below.parent
    assert real_run.ask("resume") == f"cd {below} && pytest --moderator tasks.md --moderator-resume\n"
    assert real_run.command("resume", "--exec").returncode == 1
    assert real_run.status()["counts"]["failed"] == 1


def test_following_the_logs_of_a_task_that_is_tried_again(real_run: RealRun) -> None:
    real_run.write(
        "T001: echo try $MODERATOR_ATTEMPT; [ -e fixed ] || { touch fixed; exit 1; }\nretries: 1", "T002"
    )
    real_run.start("-n2")
    until(lambda: "T002" in real_run.started())
    assert real_run.ask("logs", "T001", "--follow").endswith("try 2\n")
    assert real_run.ask("logs", "T001", "--attempt", "1") == "try 1\n"
    real_run.let()
    assert real_run.ask("logs", "T002", "--follow") == ""
    assert real_run.end() == 0


def test_a_checkpoint_is_tried_again(real_run: RealRun) -> None:
    real_run.write("T001: true", "T002", "T003: touch later\ndepends on: verify-core")
    path = real_run.path("tasks.md")
    front = "---\nmoderator:\n  order: explicit\n  phases: {Core: {verify: test -e fixed}}\n---\n## Core\n\n"
    path.write_text(front + path.read_text().replace("- [ ] T002", "\n## Aside\n\n- [ ] T002"))
    real_run.start("-n2")
    until(lambda: "T002" in real_run.started())
    until(lambda: real_run.tasks()["verify-core"][0] == "failed")
    until(lambda: real_run.tasks()["T003"][0] == "skipped")
    real_run.path("fixed").touch()
    assert "to try verify-core again" in real_run.ask("retry", "verify-core")
    until(lambda: real_run.tasks()["T003"][0] == "completed")
    assert real_run.tasks()["verify-core"][0] == "completed"
    real_run.let()
    assert real_run.end() == 0
