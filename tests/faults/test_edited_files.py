"""A tasks file that changes while it is run: the plan of the start goes on, whoever has to start anew."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faulty import Project

TASKS = """
- [ ] T001 lost with its worker
  - run: `echo $PPID > w.tmp; mv w.tmp T001; while true; do sleep 0.05; done`
- [ ] T002 next
  - run: `touch T002`
- [ ] T003 last (depends on T002)
  - run: `touch T003`
"""


def insert(file: Path) -> None:
    file.write_text("- [ ] T000 new, and first\n  - run: `touch T000`\n" + file.read_text())


def rename(file: Path) -> None:
    file.write_text(file.read_text().replace("T002", "T009"))


def spoil(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00 - [ ] T001\n- [ ] T001\n")


def make_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def remove_all(file: Path) -> None:
    """Remove the directory that the file stands in."""
    shutil.rmtree(file.parent)


EDITS = [insert, rename, spoil, make_a_directory, remove_all]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_the_plan_of_the_start_goes_on(project: Project, edit: Callable[[Path], None]) -> None:
    (project.path / "specs").mkdir()
    file = project.path / "specs" / "tasks.md"
    file.write_text(TASKS)
    run = project.start("-n1", file="specs/tasks.md")
    run.until("T001")
    edit(file)
    run.kill_worker_of("T001")
    ended = run.end().sound
    assert ended.statuses == {"T001": "failed", "T002": "completed", "T003": "completed"}
    assert project.exists("T002", "T003")
    assert not project.exists("T000")
    assert [case.get("name") for case in ended.cases] == ["T001", "T002", "T003"]
    assert ended.code == pytest.ExitCode.TESTS_FAILED


def test_without_workers_as_well(project: Project) -> None:
    (project.path / "specs").mkdir()
    file = project.path / "specs" / "tasks.md"
    file.write_text(TASKS.replace("while true", "while [ ! -e go ]"))
    run = project.start(file="specs/tasks.md")
    run.until("T001")
    remove_all(file)
    (project.path / "go").touch()
    ended = run.end().sound
    assert ended.statuses == {"T001": "completed", "T002": "completed", "T003": "completed"}
    assert ended.code == pytest.ExitCode.OK


def test_one_task_is_selected_and_its_file_is_gone(project: Project) -> None:
    file = project.tasks(TASKS)
    run = project.start("-n1", "tasks.md::T003", "--moderator-with-deps", file="tasks.md::T001")
    run.until("T001")
    file.unlink()
    run.kill_worker_of("T001")
    ended = run.end().sound
    assert ended.statuses == {"T001": "failed", "T002": "completed", "T003": "completed"}


def test_a_conftest_breaks_during_the_run(project: Project) -> None:
    """Then no worker can take another's place; that is said, and nothing passes."""
    project.tasks(TASKS)
    run = project.start("-n1")
    run.until("T001")
    (project.path / "conftest.py").write_text("raise RuntimeError('broken meanwhile')\n")
    run.kill_worker_of("T001")
    ended = run.end()
    assert ended.code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert "completed" not in ended.statuses.values()
    assert not project.processes()
