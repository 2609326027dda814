"""Real runs with tasks that people do, answered by the command."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from waiting import until

if TYPE_CHECKING:
    from real_runs import RealRun

WAIT = "--moderator-approval=wait"
TASKS = """
- [ ] T001 [P] Look at the page
  - backend: manual
- [ ] T002 [P] Look at another page
  - backend: manual
- [ ] T003 [P] Aside
  - run: `echo x >> ran-T003`
- [ ] T004 After (depends on T001)
  - run: `echo x >> ran-T004`
"""


@pytest.fixture(params=["", "-n2"], ids=["alone", "workers"])
def manual_run(request: pytest.FixtureRequest, real_run: RealRun) -> RealRun:
    """A run whose tasks T001 and T002 wait for a person; T003 has completed."""
    real_run.path("tasks.md").write_text(TASKS)
    real_run.start(WAIT, "--moderator-order=explicit", request.param)
    until(real_run.path(".moderator/state.db").exists)
    until(lambda: real_run.command("status").returncode == 0)
    until(lambda: [status for status, _ in real_run.tasks().values()].count("paused") == 2)
    until(lambda: real_run.tasks()["T003"][0] == "completed")
    return real_run


def test_people_say_what_came_of_it(manual_run: RealRun) -> None:
    status = manual_run.ask("status")
    how = "waiting for a person: moderator done T001, moderator fail T001 --why TEXT, or tick its box"
    assert f"paused\n  T001  Look at the page: {how}" in status
    assert "\nrunning\n" not in status  # nobody works on them
    assert manual_run.ask("done", "T001").endswith(": done T001\n")
    until(lambda: manual_run.tasks()["T004"][0] == "completed")
    assert manual_run.ask("fail", "T002", "--why", "it is ugly").endswith(": fail T002\n")
    assert manual_run.end() == 1
    assert manual_run.tasks()["T002"] == ("failed", "it is ugly")
    assert manual_run.ask("logs", "T002").endswith(": it is ugly\n")


def test_a_tick_in_the_file_while_the_run_waits(manual_run: RealRun) -> None:
    file = manual_run.path("tasks.md")
    file.write_text(file.read_text().replace("[ ] T001", "[x] T001"))
    until(lambda: manual_run.tasks()["T004"][0] == "completed")
    file.write_text(file.read_text().replace("[ ] T002", "[x] T002"))
    assert manual_run.end() == 0
    assert "was changed during the run" not in manual_run.output


def test_the_run_is_killed_while_tasks_wait(manual_run: RealRun) -> None:
    process = manual_run.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert {status for status, _ in manual_run.tasks().values()} == {"pending", "completed"}
    said = manual_run.ask("done", "T001")
    assert said.endswith("is told when it goes on: done T001; moderator resume --exec\n")
    manual_run.start(WAIT, "--moderator-order=explicit", "--moderator-resume", "-n2")
    until(lambda: manual_run.tasks()["T004"][0] == "completed")
    until(lambda: manual_run.tasks()["T002"][0] == "paused")
    manual_run.ask("done", "T002")
    assert manual_run.end() == 0
    assert {status for status, _ in manual_run.tasks().values()} == {"completed"}
    assert (manual_run.runs_of("T003"), manual_run.runs_of("T004")) == (1, 1)


def test_it_is_killed_when_it_was_told_and_had_no_time_to_act(manual_run: RealRun) -> None:
    """A pause keeps it from acting, but not from noting what it was told."""
    manual_run.ask("pause")
    manual_run.ask("done", "T001")
    events = manual_run.path(".moderator/state.db")
    until(lambda: b"said_done" in events.read_bytes() + events.with_name("state.db-wal").read_bytes())
    assert manual_run.tasks()["T001"][0] == "paused"
    process = manual_run.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    manual_run.start(WAIT, "--moderator-order=explicit", "--moderator-resume")
    until(lambda: manual_run.tasks()["T004"][0] == "completed")
    manual_run.ask("cancel", "T002")
    manual_run.end()
    assert manual_run.tasks()["T002"][0] == "skipped"


def test_ctrl_c_ends_the_waiting(manual_run: RealRun) -> None:
    process = manual_run.process
    assert process is not None
    os.kill(process.pid, signal.SIGINT)
    assert manual_run.end() == 2
    assert "resume: pytest" in manual_run.output
    assert {status for status, _ in manual_run.tasks().values()} == {"pending", "completed"}


def test_what_cannot_be_said(manual_run: RealRun) -> None:
    refused = manual_run.command("done", "T003", "T001")
    assert refused.returncode == 1
    assert "'T003' is not done by a person, nor elsewhere" in refused.stderr
    assert manual_run.tasks()["T001"][0] == "paused"
    assert manual_run.command("fail", "T001").returncode == 2  # it needs a reason
    manual_run.ask("fail", "T002", "--why", "ugly")
    until(lambda: manual_run.tasks()["T002"][0] == "failed")
    assert "moderator retry has it wait" in manual_run.command("done", "T002").stderr
    manual_run.ask("retry", "T002")
    until(lambda: manual_run.tasks()["T002"][0] == "paused")
    manual_run.ask("done", "T001", "T002")
    assert manual_run.end() == 0
    assert "'T001' has completed already" in manual_run.command("done", "T001").stderr
