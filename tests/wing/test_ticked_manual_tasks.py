"""Ticks by which people say that a task of theirs is done, and those that do not say so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from by_hand import ANSWERED, TASKS, WAIT, answer, events

if TYPE_CHECKING:
    from sessions import Project


def test_a_box_that_was_ticked_since_counts_as_done(project: Project) -> None:
    file = project.tasks(TASKS)
    project.run("tasks.md")
    file.write_text(file.read_text().replace("[ ] T001", "[x] T001"))
    again = project.run("tasks.md", "--moderator-resume")
    assert again.lines() == ["T003", "T002"]
    assert "1 passed, 2 done" in again.output


def test_a_tick_is_an_answer_wherever_the_task_stands_by_now(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Look at the page
          - backend: manual
        - [ ] T002 [P] Edits the file
          - run: `{sys.executable} answer.py`
        - [ ] T003 Tell (depends on T001)
          - run: `echo T003 >> ran.txt`
    """)
    project.write(
        "answer.py",
        answer(
            "until_it_waits('T001')",
            "file = Path('tasks.md')",
            "text = '# Another title\\n\\nSome words.\\n\\n' + file.read_text()",
            "file.write_text(text.replace('[ ] T001', '[x] T001'))",
        ),
    )
    session = project.run("tasks.md", WAIT, *workers)
    assert session.exit_code == 0
    assert session.lines() == ["T003"]
    assert events(project, "said_done") == [("T001", "its box in tasks.md")]


def test_only_its_own_tick_counts(project: Project) -> None:
    project.tasks(ANSWERED)
    project.write(
        "answer.py",
        answer(
            "until_it_waits('T001')",
            "file = Path('tasks.md')",
            "text = file.read_text().replace('[ ] T001 [P] Look at the page', '[x] T001 [P] Something else')",
            "file.write_text(text.replace('[ ] T002', '[x] T002'))",
            "time.sleep(1.5)  # three looks at the file",
            "say('fail', 'T001', why='the end')",
        ),
    )
    session = project.run("tasks.md", WAIT, "-n", "2")
    assert session.reasons["T001"] == "the end"
    assert events(project, "said_done") == []


def test_a_tick_that_did_not_hold_does_not_count_again(project: Project) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Write it
          - backend: manual
          - verify: `echo looked >> looks; test -e written`
        - [ ] T002 [P] Answers
          - run: `{sys.executable} answer.py`
    """)
    project.write(
        "answer.py",
        answer(
            "def tick(old, new):",
            "    file = Path('tasks.md')",
            "    file.write_text(file.read_text().replace(f'[{old}] T001', f'[{new}] T001'))",
            "until_it_waits('T001')",
            "tick(' ', 'x')",
            "until_it('T001', 'failed')",
            "say('retry', 'T001')",
            "until_it_waits('T001')",
            "time.sleep(1.5)  # three looks at the file",
            "Path('written').touch()",
            "while not it_is('T001', 'completed'):  # one that is not seen in time has to be repeated",
            "    tick('x', ' ')",
            "    time.sleep(1.5)",
            "    tick(' ', 'x')",
            "    time.sleep(1.5)",
        ),
    )
    session = project.run("tasks.md", WAIT, "-n", "2")
    assert session.exit_code == 0, session.output
    assert session.lines("looks") == ["looked", "looked"]


def test_what_was_ticked_before_is_asked_about_when_it_runs_again(project: Project) -> None:
    project.tasks(f"""
        - [x] T001 [P] Write it
          - backend: manual
        - [ ] T002 [P] Answers
          - run: `{sys.executable} answer.py`
    """)
    project.write(
        "answer.py",
        answer(
            "until_it_waits('T001')",
            "file = Path('tasks.md')",
            "file.write_text(file.read_text() + '\\nMore words.\\n')",
            "time.sleep(1.5)  # three looks at the file",
            "say('fail', 'T001', why='the end')",
        ),
    )
    project.run("tasks.md", "--deselect", "tasks.md::T002")
    session = project.run("tasks.md", "--moderator-rerun=T001", WAIT, "-n", "2")
    assert session.reasons["T001"] == "the end", session.output
