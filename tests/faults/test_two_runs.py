"""Two runs of one file at once: one runs, the other says who does; and nobody holds a lock who is dead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from faulty import BOTH
from ledger import Journal, often
from waiting import until

if TYPE_CHECKING:
    from faulty import Project, RunningRun

WAITS = """
- [ ] T001 waits for a sign, and keeps what it has started in the background
  - run: `sleep 600 & echo $MODERATOR_ATTEMPT >> ran; until [ -e go ]; do sleep 0.02; done`
- [ ] T002 next (depends on T001)
  - run: `touch T002`
"""


def refused(runs: list[RunningRun]) -> RunningRun | None:
    return next((run for run in runs if run.process.poll() is not None), None)


@BOTH
@pytest.mark.parametrize("seed", often(1, 10))
def test_two_at_once(project: Project, workers: tuple[str, ...], seed: int) -> None:
    project.tasks(WAITS)
    runs = [project.start(*workers, output=f"output{number}.txt") for number in range(2)]
    loser = until(lambda: refused(runs))
    (winner,) = (run for run in runs if run is not loser)
    winner.until("ran")
    second = loser.end()
    assert second.code == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in second.output
    assert re.search(rf"tasks\.md is being run by .*process {winner.process.pid}\b", second.output)
    # once it has begun, it is named by its id
    third = project.run(*workers, output="output3.txt")
    assert third.code == pytest.ExitCode.USAGE_ERROR
    (run,) = Journal(project).runs
    assert f"run {run['id']} (process {winner.process.pid} on " in third.output
    (project.path / "go").touch()
    assert winner.end().code == pytest.ExitCode.OK
    assert project.read("ran") == "1\n"


@BOTH
@pytest.mark.parametrize("seed", often(1, 10))
def test_after_the_holder_was_killed(project: Project, workers: tuple[str, ...], seed: int) -> None:
    """What its tasks have left running has no lock, and does not live beside the next run."""
    project.tasks(WAITS)
    first = project.start(*workers)
    first.until("ran")
    first.kill_session()
    assert project.task_processes()
    (project.path / "go").touch()
    second = project.run("--moderator-resume", *workers).sound
    assert second.code == pytest.ExitCode.OK
    assert "had been interrupted: its process is gone" in second.output
    assert re.search("still there and (was|were) ended", second.output)
    assert project.read("ran") == "1\n2\n"
    assert not project.processes()


def test_different_files_run_beside_each_other(project: Project) -> None:
    project.tasks(WAITS)
    (project.path / "other.md").write_text("- [ ] T001 other\n  - run: `touch go`\n")
    first = project.start()
    first.until("ran")
    assert project.run(file="other.md", output="other.txt", reports=False).code == pytest.ExitCode.OK
    assert first.end().code == pytest.ExitCode.OK
    assert [row["status"] for row in Journal(project).runs] == ["completed", "completed"]


def test_forced(project: Project) -> None:
    """And who was forced to run beside another is not taken for dead when that one has ended."""
    project.tasks(WAITS)
    first = project.start()
    first.until("ran")
    second = project.start("--moderator-force", output="output2.txt", reports=False)
    until(lambda: project.read("ran") == "1\n1\n")
    first.kill()
    third = project.start(output="output3.txt", reports=False)
    until(lambda: project.read("ran") == "1\n1\n1\n")
    assert second.process.poll() is None
    (project.path / "go").touch()
    assert second.end().code == pytest.ExitCode.OK
    assert third.end().code == pytest.ExitCode.OK
