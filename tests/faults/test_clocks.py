"""The clock of the machine is set while a run goes on: no limit, no duration and no record depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from faulty import BOTH
from ledger import Journal

if TYPE_CHECKING:
    from faulty import Project

# Stands for somebody who sets the clock: all that Python reads it by goes by this, in each process from its start on.
SHIM = """
import datetime, pathlib, time

real_time, real_ns, real = time.time, time.time_ns, datetime.datetime
def shift():
    return {shift} if pathlib.Path("set").exists() else 0
time.time = lambda: real_time() + shift()
time.time_ns = lambda: real_ns() + shift() * 10**9

class Shifted(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds=shift())

datetime.datetime = Shifted
"""


@BOTH
@pytest.mark.parametrize("shift", [-86_400, 86_400], ids=["back", "forward"])
def test_the_clock_is_set(project: Project, workers: tuple[str, ...], shift: int) -> None:
    (project.path / "sitecustomize.py").write_text(SHIM.format(shift=shift))
    project.tasks("""
- [ ] T001 before, and while it is set
  - timeout: 1h
  - run: `sleep 0.2; touch set; sleep 0.3`
- [ ] T002 after (depends on T001)
  - run: `test -e again`
""")
    environment = {"PYTHONPATH": str(project.path)}
    ended = project.run(*workers, env=environment).sound
    assert ended.statuses == {"T001": "completed", "T002": "failed"}
    assert 0.4 < ended.tasks["T001"]["duration_seconds"] < 600
    assert 0 <= ended.report["duration_seconds"] < 600
    row = Journal(project).ask("SELECT * FROM task_executions WHERE task_id = 'T001'")[0]
    assert (row["completed_at"] < row["started_at"]) == (shift < 0)  # or the clock was not set at all
    (project.path / "again").touch()
    assert project.run("--moderator-resume", *workers).sound.code == pytest.ExitCode.OK
    assert [run["status"] for run in Journal(project).runs] == ["completed"]
