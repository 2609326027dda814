"""Going on with a run: what is done stays done, and what has changed runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_moderator.journal import JournalReader, RunStatus

if TYPE_CHECKING:
    from sessions import Project

CHAIN = """
    - [ ] T001 Base
      - run: `echo T001 >> ran.txt`
    - [ ] T002 Middle (depends on T001)
      - run: `echo T002 >> ran.txt; test -e fixed`
    - [ ] T003 Top (depends on T002)
      - run: `echo T003 >> ran.txt`
    - [ ] T004 [P] Aside
      - run: `echo T004 >> ran.txt`
"""
RESUME = "--moderator-resume"


def last_run(project: Project) -> tuple[str, RunStatus]:
    reader = JournalReader(project.path / ".moderator")
    run = reader.runs()[0]
    reader.close()
    return run.id, run.status


def test_only_what_is_left_runs(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(CHAIN)
    first = project.run("tasks.md", *workers)
    assert first.statuses["T002"] == "failed"
    line = next(line for line in first.output.splitlines() if line.startswith("resume: pytest "))
    assert line.endswith(" ".join(["tasks.md", *workers, RESUME]))
    run_id, status = last_run(project)
    assert status is RunStatus.FAILED
    project.write("fixed", "")
    again = project.run("tasks.md", RESUME, *workers)
    assert again.exit_code == 0
    assert sorted(again.lines()) == ["T001", "T002", "T002", "T003", "T004"]
    assert again.tasks["T002"]["attempts"] == 2
    assert again.reasons["T001"] == "completed earlier in this run"
    assert last_run(project) == (run_id, RunStatus.COMPLETED)
    assert again.report["run_id"] == run_id


def test_a_complete_run_is_not_run_again(project: Project) -> None:
    project.write("fixed", "")
    project.tasks(CHAIN)
    project.run("tasks.md")
    again = project.run("tasks.md", RESUME)
    assert again.exit_code == 0
    assert again.counts == {"done": 4}
    assert "had completed all tasks" in again.output
    assert len(again.lines()) == 4


def test_what_changed_runs_again_with_all_that_needs_it(project: Project) -> None:
    project.write("fixed", "")
    file = project.tasks(CHAIN)
    project.run("tasks.md")
    file.write_text("Some words before.\n\n" + file.read_text().replace("test -e fixed", "true"))
    again = project.run("tasks.md", RESUME)
    assert again.lines()[4:] == ["T002", "T003"]
    assert "T002 runs again: its text changed" in again.output
    assert "T003 runs again: " in again.output


def test_named_tasks_run_again_and_no_others(project: Project) -> None:
    project.write("fixed", "")
    project.tasks(CHAIN)
    project.run("tasks.md")
    again = project.run("tasks.md", "--moderator-rerun", "T001,T004")
    assert sorted(again.lines()[4:]) == ["T001", "T004"]
    wrong = project.pytest("--moderator", "tasks.md", "--moderator-rerun", "T0001")
    assert wrong.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "no task has the id 'T0001'; did you mean 'T001'?" in wrong.errors


def test_a_new_run_says_that_one_is_unfinished(project: Project) -> None:
    project.tasks(CHAIN)
    first = project.run("tasks.md")
    assert "--moderator-resume goes on" not in first.output
    run_id = first.report["run_id"]
    second = project.run("tasks.md")
    assert (
        f"run {run_id} of tasks.md is unfinished (failed): --moderator-resume goes on with it"
        in second.output
    )
    assert second.report["run_id"] != run_id


def test_without_an_earlier_run_a_new_one_starts(project: Project) -> None:
    project.write("fixed", "")
    project.tasks(CHAIN)
    session = project.run("tasks.md", RESUME)
    assert session.exit_code == 0
    assert "there is no earlier run of tasks.md to go on with: this is a new one" in session.output


def test_listing_shows_what_is_done_and_writes_nothing(project: Project) -> None:
    project.tasks(CHAIN)
    project.run("tasks.md")
    before = last_run(project)
    listed = project.pytest("--moderator", "tasks.md", RESUME, "--co")
    assert "4 tasks, 2 done" in listed.output
    assert last_run(project) == before


def test_the_last_failed_with_what_was_completed(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(CHAIN)
    project.run("tasks.md")
    project.write("fixed", "")
    again = project.run("tasks.md", "--lf", RESUME, *workers)
    assert again.exit_code == 0
    assert again.statuses["T002"] == "completed"


def test_two_files_are_one_run(project: Project) -> None:
    project.tasks(CHAIN)
    project.tasks("- [ ] T001 Same id\n  - run: `echo other >> ran.txt`\n", "other.md")
    project.run("tasks.md", "other.md")
    project.write("fixed", "")
    again = project.run("tasks.md", "other.md", RESUME)
    assert again.lines()[4:] == ["T002", "T003"]
    alone = project.run("other.md", RESUME)
    assert "there is no earlier run of other.md" in alone.output


def test_a_task_whose_box_is_ticked_runs_again_when_it_is_asked_for(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks("""
        - [ ] T001 One
          - run: `echo T001 >> ran.txt`
        - [x] T002 Two
          - run: `echo T002 >> ran.txt`
    """)
    project.run("tasks.md", "--moderator-mark")
    again = project.run("tasks.md", "--moderator-rerun=T001,T002", *workers)
    assert "T001 runs again: asked for with --moderator-rerun" in again.output
    assert again.lines() == ["T001", "T001", "T002"]
