"""Phases that are verified, in whole runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from branched import commit, integration

if TYPE_CHECKING:
    from sessions import Project


TASKS = """
---
moderator:
  {settings}
  phases:
    "Phase 2":
      verify:
        - test -e core
        - "echo checked >> ran.txt"
---
# Tasks

## Phase 1: Setup

- [ ] T001 Set up
  - run: `echo T001 >> ran.txt`

## Phase 2: Core

- [ ] T002 [P] Make the core
  - run: `{core}`
- [ ] T003 [P] Try something
  - optional: yes
  - run: `{optional}`

## Phase 3: User Story 1

- [ ] T004 [US1] Use it
  - run: `echo T004 >> ran.txt`
- [ ] T005 [US1] Use it again
  - run: `echo T005 >> ran.txt`
"""
CORE = "touch core; echo T002 >> ran.txt"


def tasks(core: str = CORE, optional: str = "true", settings: str = "order: phases") -> str:
    return TASKS.format(core=core, optional=optional, settings=settings)


@pytest.mark.parametrize("order", ["phases", "stories"])
def test_a_phase_is_verified_before_the_next_one_starts(
    project: Project, workers: tuple[str, ...], order: str
) -> None:
    project.tasks(tasks(settings=f"order: {order}", optional="false"))
    session = project.run(*workers, "--junitxml=junit.xml", "tasks.md")
    assert session.exit_code == 0, session.output
    assert session.lines() == ["T001", "T002", "checked", "T004", "T005"]
    checkpoint = session.tasks["verify-phase-2"]
    assert (checkpoint["status"], checkpoint["verification"], checkpoint["backend"]) == (
        "completed",
        "passed",
        None,
    )
    assert checkpoint["task"]["checkpoint"]
    assert list(session.tasks) == ["T001", "T002", "T003", "verify-phase-2", "T004", "T005"]
    _, cases = session.junit()
    assert cases["verify-phase-2"].find(".//property[@name='verification']") is not None


def test_where_it_fails_nothing_that_waits_for_the_phase_starts(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(tasks(core="true"))
    session = project.run(*workers, "tasks.md")
    assert session.exit_code == 1
    assert session.lines() == ["T001"]
    assert session.statuses["verify-phase-2"] == "failed"
    assert session.tasks["verify-phase-2"]["attempts"] == 1
    assert session.reasons == {
        "verify-phase-2": "verification failed: exit code 1 (test -e core)",
        "T004": "blocked by verify-phase-2",
        "T005": "blocked by verify-phase-2",
    }
    assert session.tasks["verify-phase-2"]["category"] == "verification"


def test_it_is_skipped_where_a_task_of_the_phase_has_failed(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(tasks(core="touch core; false"))
    session = project.run(*workers, "tasks.md")
    assert session.exit_code == 1
    assert session.lines() == ["T001"]
    assert session.reasons["verify-phase-2"] == "blocked by T002"
    assert session.reasons["T005"] == "blocked by verify-phase-2, because of T002"


def test_where_nothing_waits_for_the_phase_it_runs_all_the_same(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(tasks(core="echo T002 > core; false", settings="order: explicit").replace("; false", ""))
    session = project.run(*workers, "tasks.md")
    assert session.exit_code == 0
    assert session.statuses["verify-phase-2"] == "completed"
    (project.path / "core").unlink()
    project.tasks(tasks(core="true", settings="order: explicit"))
    session = project.run(*workers, "tasks.md")
    assert session.exit_code == 1
    assert session.statuses["verify-phase-2"] == "failed"
    assert session.statuses["T005"] == "completed"


def test_tasks_may_depend_on_it(project: Project) -> None:
    text = tasks(core="true", settings="order: explicit")
    project.tasks(
        text.replace("[US1] Use it again\n", "[US1] Use it again\n  - depends on: verify-phase-2\n")
    )
    session = project.run("tasks.md")
    assert session.statuses["T004"] == "completed"
    assert session.reasons["T005"] == "blocked by verify-phase-2"


def test_who_is_selected_alone_does_not_wait_for_it(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(tasks())
    assert project.run(*workers, "tasks.md::T004").statuses["T004"] == "completed"
    session = project.run(*workers, "tasks.md", "-k", "verify or T005")
    assert session.reasons["verify-phase-2"].startswith("blocked by T002 (not selected")
    assert session.reasons["T005"].startswith("blocked by verify-phase-2")
    session = project.run(*workers, "tasks.md", "--moderator-with-deps", "-k", "verify")
    assert session.statuses["T002"] == session.statuses["verify-phase-2"] == "completed"
    assert session.reasons["T004"] == "not selected"


def test_it_runs_although_its_phase_was_done_before(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(tasks().replace("- [ ] T00", "- [x] T00"))
    session = project.run(*workers, "tasks.md")
    assert session.exit_code == 1
    assert session.statuses["verify-phase-2"] == "failed"


def test_a_run_goes_on_with_what_is_left_to_verify(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(tasks(optional="test -e $PWD/never"))
    project.tasks(tasks().replace("echo T004", "test -e go && echo T004"))
    first = project.run(*workers, "tasks.md")
    assert (first.exit_code, first.statuses["verify-phase-2"]) == (1, "completed")
    (project.path / "go").touch()
    (project.path / "core").unlink()
    session = project.run(*workers, "--moderator-resume", "tasks.md")
    assert session.exit_code == 0
    assert session.reasons["verify-phase-2"] == "completed earlier in this run"
    again = project.run(*workers, "--moderator-rerun=T003", "tasks.md")
    assert again.statuses["verify-phase-2"] == "failed"
    # what waited for it has long been done
    assert again.reasons["T004"] == "completed earlier in this run"


def test_one_that_has_failed_is_tried_again_by_resuming(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(tasks(core="true"))
    assert project.run(*workers, "tasks.md").statuses["verify-phase-2"] == "failed"
    (project.path / "core").touch()
    session = project.run(*workers, "--moderator-resume", "tasks.md")
    assert session.exit_code == 0, session.output
    assert session.lines() == ["T001", "checked", "T004", "T005"]


def test_on_branches_it_sees_what_was_merged(project: Project, git, workers: tuple[str, ...]) -> None:
    text = tasks(settings="isolation: full").replace("echo T00", "true T00")
    project.tasks(
        text.replace("echo checked >> ran.txt", f"echo checked >> {project.path}/ran.txt; touch litter")
    )
    commit(git)
    session = project.run(*workers, "--moderator-mark", "tasks.md")
    assert session.exit_code == 0, session.output
    assert session.lines() == ["checked"]
    files = git("ls-tree", "--name-only", integration(git)).split()
    assert "core" in files
    assert "litter" not in files
    assert not (project.path / "core").exists()
    assert "not ticked" not in session.output


def test_boxes_of_others_are_ticked(project: Project, workers: tuple[str, ...]) -> None:
    path = project.tasks(tasks())
    session = project.run(*workers, "--moderator-mark", "tasks.md")
    assert "not ticked" not in session.output
    assert path.read_text().count("- [x] ") == 5


def test_files_with_phases_of_one_name(project: Project, workers: tuple[str, ...]) -> None:
    project.write("moderator.yaml", "phases: {Core: {verify: 'echo $MODERATOR_TASKS_FILE >> ran.txt'}}\n")
    for name in ("a.md", "b.md"):
        project.tasks(f"## Core\n\n- [ ] T001 Do it\n  - run: `echo {name} >> ran.txt`\n", name)
    session = project.run(*workers, "a.md", "b.md")
    assert session.exit_code == 0, session.output
    assert session.statuses == {
        f"{name}::{task}": "completed" for name in ("a.md", "b.md") for task in ("T001", "verify-core")
    }
    lines = session.lines()
    assert all(lines.index(name) < lines.index(str(project.path / name)) for name in ("a.md", "b.md"))


def test_secrets_environment_and_fixtures_of_all_tasks_are_its_own(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "correct-horse-battery")
    settings = "secrets: TOKEN\n  env: {COLOUR: teal}\n  fixtures: place"
    project.write(
        "conftest.py", "import pytest\n@pytest.fixture\ndef place():\n    return {'PLACE': 'here'}\n"
    )
    check = 'echo "$COLOUR $PLACE $MODERATOR_TASK_ID $TOKEN"; false'
    project.tasks(tasks(settings=settings).replace("echo checked >> ran.txt", check.replace('"', '\\"')))
    session = project.run(*workers, "tasks.md")
    checkpoint = session.tasks["verify-phase-2"]
    assert "teal here verify-phase-2 ***" in checkpoint["verification_output"]
    assert "correct-horse" not in session.output


def test_a_phase_that_is_not_there_is_an_error(project: Project) -> None:
    project.tasks(tasks().replace('"Phase 2":', '"Phse 2":'))
    session = project.run("tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert (
        "tasks.md:5: error unknown-phase: no phase of tasks.md is called 'Phse 2' "
        "(did you mean 'Phase 2: Core'?)" in session.errors
    )


def test_settings_of_all_files_may_name_phases_that_one_has_not(project: Project) -> None:
    project.write("moderator.yaml", "phases:\n  Polish: {verify: 'true'}\n  Setup: {verify: 'true'}\n")
    project.tasks("## Setup\n\n- [ ] T001 Set up\n  - run: `true`\n")
    session = project.run("tasks.md")
    assert session.statuses == {"T001": "completed", "verify-setup": "completed"}
    assert "warning unknown-phase: no phase of tasks.md is called 'Polish'" in session.output
