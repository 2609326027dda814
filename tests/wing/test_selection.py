"""Choosing tasks: by words, by marks, by what failed before; and what becomes of prerequisites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

HOUSE = """
    ## Phase 1: Setup

    - [x] T001 Buy the ground
    - [ ] T002 Build walls
      - run: `echo T002 >> ran.txt`

    ## Phase 2: User Story 1 - Colours

    - [ ] T003 [P] [US1] Paint the door (depends on T001, T002)
      - run: `echo T003 >> ran.txt`
    - [ ] T004 [P] [US1] Paint the fence (depends on T001)
      - backend: shell
      - run: `echo T004 >> ran.txt`

    ## Phase 3: Parties

    - [ ] T005 Invite everybody (depends on T003)
      - critical: true
      - run: `echo T005 >> ran.txt`
"""
NOT_SELECTED = "blocked by T002 (not selected; --moderator-with-deps selects it)"


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        (("-k", "T004"), ["T004"]),
        (("-k", "paint and not fence"), ["T003"]),
        (("-k", "colours"), ["T003", "T004"]),
        (("-k", "US1"), ["T003", "T004"]),
        (("-k", "Setup or parties"), ["T001", "T002", "T005"]),
        (("-m", "task(story='US1')"), ["T003", "T004"]),
        (("-m", "task(phase='Phase 1: Setup')"), ["T001", "T002"]),
        (("-m", "task(backend='shell')"), ["T004"]),
        (("-m", "task(critical=True) or task(id='T001')"), ["T001", "T005"]),
        (("-m", "task(parallel=True) and not depends_on"), []),
        (("--deselect", "tasks.md::T001", "-m", "not task(story='US1')"), ["T002", "T005"]),
    ],
    ids=" ".join,
)
def test_tasks_are_selected_by_words_and_marks(
    project: Project, expression: tuple[str, ...], selected: list[str]
) -> None:
    project.tasks(HOUSE)
    session = project.run("tasks.md", "--co", "-q", *expression)
    assert [line.partition("::")[2] for line in session.output.splitlines() if "::" in line] == selected


def test_a_selected_task_without_its_prerequisites_is_skipped_and_says_so(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(HOUSE)
    session = project.run("tasks.md", "-m", "task(story='US1')", "-rs", *workers)
    assert session.exit_code == 0
    assert session.counts["skipped"] == 1
    assert session.statuses == {
        "T001": "skipped",
        "T002": "skipped",
        "T003": "skipped",
        "T004": "completed",
        "T005": "skipped",
    }
    assert session.reasons["T003"] == NOT_SELECTED
    assert session.tasks["T003"]["blocked_by"] == ["T002"]
    assert session.reasons["T005"] == "not selected"
    session.result.stdout.fnmatch_lines([f"SKIPPED [[]1] tasks.md:9: {NOT_SELECTED}"])
    assert "T005" not in session.output


def test_a_chain_of_skips_names_its_root(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(HOUSE)
    session = project.run("tasks.md::T003", "tasks.md::T005", *workers)
    assert session.counts == {"skipped": 2}
    assert session.reasons["T005"].startswith("blocked by T003")
    assert "T002 (not selected" in session.reasons["T005"]


def test_with_deps_the_unfinished_prerequisites_are_selected_too(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(HOUSE)
    named = project.run("tasks.md::T005", "--moderator-with-deps", *workers)
    assert named.counts == {"passed": 3}
    assert named.lines() == ["T002", "T003", "T005"]
    project.write("ran.txt", "")
    chosen = project.run("tasks.md", "-k", "everybody", "--moderator-with-deps", *workers)
    assert chosen.lines() == ["T002", "T003", "T005"]
    assert chosen.counts["passed"] == 3


def test_with_deps_tests_select_their_tasks_and_tasks_their_tests(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(HOUSE)
    project.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.depends_on("T003", "test_a.py::test_ground")
        def test_door(): pass

        def test_ground(): pass

        def test_other(): pass
        """,
    )
    session = project.run("tasks.md", "test_a.py", "-k", "test_door", "--moderator-with-deps", *workers)
    assert session.counts["passed"] == 4
    assert session.lines() == ["T002", "T003"]


def test_what_failed_last_is_run_again(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        """
        - [ ] T001 Always fine
          - run: `echo T001 >> ran.txt`
        - [ ] T002 [P] Fine the second time
          - run: `echo T002 >> ran.txt; test -e fixed`
        - [ ] T003 Needs both (depends on T001, T002)
          - run: `echo T003 >> ran.txt`
        """
    )
    first = project.run("tasks.md", *workers)
    assert first.exit_code == 1
    assert first.lines() == ["T001", "T002"]

    (project.path / "fixed").touch()
    project.write("ran.txt", "")
    again = project.run("tasks.md", "--lf", *workers)
    assert again.exit_code == 0
    assert again.lines() == ["T002"]


def test_what_failed_last_is_run_again_with_its_prerequisites(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(
        """
        - [ ] T001 First
          - run: `echo T001 >> ran.txt`
        - [ ] T002 Second (depends on T001)
          - run: `echo T002 >> ran.txt; exit 1`
        - [ ] T003 Third
          - run: `echo T003 >> ran.txt`
        """,
        "specs/tasks.md",
    )
    project.run("specs", *workers)
    project.write("ran.txt", "")
    session = project.run("specs", "--lf", "--moderator-with-deps", *workers)
    assert session.lines() == ["T001", "T002"]
    assert session.counts["failed"] == 1


def test_failed_first_never_breaks_the_order(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        """
        - [ ] T001 First
          - run: `echo T001 >> ran.txt`
        - [ ] T002 Second (depends on T001)
          - run: `echo T002 >> ran.txt; exit 1`
        """
    )
    for session in (project.run("tasks.md", *workers), project.run("tasks.md", "--ff", *workers)):
        assert session.statuses == {"T001": "completed", "T002": "failed"}
    assert session.lines() == ["T001", "T002"] * 2


def test_stepwise_stops_at_a_failure_and_goes_on_from_there(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(
        """
        - [x] T001 Before
        - [ ] T002 Fine the second time
          - run: `echo T002 >> ran.txt; test -e fixed`
        - [ ] T003 After
          - run: `echo T003 >> ran.txt`
        """
    )
    first = project.run("tasks.md", "--sw", *workers)
    assert first.exit_code == pytest.ExitCode.INTERRUPTED
    assert first.statuses["T002"] == "failed"
    assert first.statuses["T003"] == "pending"
    (project.path / "fixed").touch()
    project.write("ran.txt", "")
    second = project.run("tasks.md", "--sw", *workers)
    assert second.exit_code == 0
    assert second.lines() == ["T002", "T003"]


def test_tests_of_installed_packages_are_found_by_workers_too(
    project: Project, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("lib/package_of_ours/__init__.py", "")
    project.write("lib/package_of_ours/test_it.py", "def test_it(): pass\n")
    project.tasks("- [ ] T001 One\n  - run: `true`\n")
    monkeypatch.setenv("PYTHONPATH", str(project.path / "lib"))
    session = project.run("--pyargs", "package_of_ours", "tasks.md", *workers)
    assert session.counts == {"passed": 2}
