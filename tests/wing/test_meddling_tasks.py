"""Tasks that meddle with their own run: its plan and its journal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from branched import commit, integration

if TYPE_CHECKING:
    from sessions import Project


TASKS = """
- [ ] T001 Change the plan
  - run: `sh meddle.sh`
- [ ] T002 As it was planned (depends on T001)
  - run: `echo T002 >> {home}/ran.txt`
  - verify: `test ! -e forged`
- [ ] T003 Has to pass (depends on T002)
  - run: `echo T003 >> {home}/ran.txt`
  - verify: `false`
"""
TICK = "sed -i 's/\\[ \\]/[x]/; s/`false`/`true`/; s/echo/true/' {file}\n"


FORGE = """
import sqlite3
journal = sqlite3.connect({journal!r}, timeout=10)
tables = [row[0] for row in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
forged = [t for t in tables if "status" in [row[1] for row in journal.execute(f"PRAGMA table_info({{t}})")]]
for table in forged:
    journal.execute(f"UPDATE {{table}} SET status = 'completed'")
journal.commit()
assert forged
"""


@pytest.mark.parametrize("level", ["none", "branch", "full"])
def test_nobody_changes_the_plan_by_editing_the_file(
    project: Project, git, workers: tuple[str, ...], level: str
) -> None:
    path = project.tasks(TASKS.format(home=project.path))
    here, there = TICK.format(file="tasks.md"), TICK.format(file=path)
    project.write("meddle.sh", f"{here}git commit -qam 'All is done'\n{there}")
    commit(git)
    session = project.run(f"--moderator-isolation={level}", *workers, "tasks.md")
    assert session.statuses == {"T001": "completed", "T002": "completed", "T003": "failed"}
    assert session.lines() == ["T002", "T003"]
    assert session.tasks["T003"]["verification"] == "failed"
    assert "tasks.md was changed during the run, which kept the plan that it had begun with" in session.output
    if level != "none":
        assert "- [ ] T003" in git("show", f"{integration(git)}:tasks.md")


@pytest.mark.parametrize("level", ["none", "full"])
@pytest.mark.parametrize(
    "meddle", ["{python} {home}/forge.py", "dd if=/dev/zero of={journal} bs=4096 count=3 conv=notrunc"]
)
def test_the_journal_decides_nothing_while_a_run_goes_on(
    project: Project, git, workers: tuple[str, ...], level: str, meddle: str
) -> None:
    home, journal = str(project.path), str(project.path / ".moderator" / "state.db")
    project.tasks(TASKS.format(home=home))
    project.write("forge.py", FORGE.format(journal=journal))
    project.write("meddle.sh", meddle.format(python=sys.executable, home=home, journal=journal))
    commit(git)
    session = project.run(f"--moderator-isolation={level}", *workers, "tasks.md")
    assert session.exit_code == 1
    assert session.statuses == {"T001": "completed", "T002": "completed", "T003": "failed"}
