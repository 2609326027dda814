"""Boxes are ticked when tasks complete, if that is wanted; an edit during the run is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessions import Project

TASKS = """
    - [ ] T001 Fine
      - run: `true`
    - [ ] T002 Fails
      - run: `false`
    - [ ] T003 Nothing to run
    - [ ] T004 Also fine
      - run: `true`
"""


def test_completed_tasks_are_ticked_and_no_others(project: Project, workers: tuple[str, ...]) -> None:
    file = project.tasks(TASKS)
    text = file.read_text()
    session = project.run("tasks.md", "--moderator-mark", *workers)
    assert session.statuses["T004"] == "completed"
    assert file.read_text() == text.replace("[ ] T001", "[x] T001").replace("[ ] T004", "[x] T004")
    assert "was changed during the run" not in session.output


def test_nothing_is_ticked_unasked(project: Project) -> None:
    file = project.tasks(TASKS)
    text = file.read_text()
    project.run("tasks.md")
    assert file.read_text() == text


def test_an_edit_during_the_run_is_told_of_and_changes_nothing(
    project: Project, workers: tuple[str, ...]
) -> None:
    file = project.tasks("""
        - [ ] T001 Edits the file
          - run: `printf '# New title\\n\\n- [ ] T003 New\\n  - run: false\\n' > tasks.md`
        - [ ] T002 Is gone from it
          - run: `true`
    """)
    session = project.run("tasks.md", "--moderator-mark", *workers)
    assert session.statuses == {"T001": "completed", "T002": "completed"}
    assert "tasks.md was changed during the run, which kept the plan that it had begun with" in session.output
    assert "[x]" not in file.read_text()
    assert "the box of T002 was not ticked: no task of the file has this id any more" in session.output
