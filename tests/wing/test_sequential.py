"""One task after another: the order, and where it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

HOUSE = """
    ## Phase 1: Late in the list, early in the day

    - [ ] T001 Roof (depends on T003)
      - run: `echo T001 >> ran.txt`
    - [ ] T002 [P] Garden
      - run: `echo T002 >> ran.txt`
    - [ ] T003 [P] Walls
      - run: `echo T003 >> ran.txt`

    ## Phase 2: Later

    - [ ] T004 Move in
      - run: `echo T004 >> ran.txt`
"""


def test_dependencies_and_phases_come_before_the_order_of_the_list(project: Project) -> None:
    project.tasks(HOUSE)
    session = project.run("tasks.md", "--moderator-order=explicit")
    ran = session.lines()
    assert sorted(ran) == ["T001", "T002", "T003", "T004"]
    assert ran.index("T003") < ran.index("T001")
    assert {task["worker"] for task in session.tasks.values()} == {"main"}
    assert session.report["workers"] == 1


def test_what_others_do_to_the_order_is_only_a_hint(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(HOUSE)
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(items):
            items.reverse()
        """,
    )
    ran = project.run("tasks.md", "--moderator-order=explicit", *workers).lines()
    assert ran.index("T003") < ran.index("T001")


FAILING = """
    - [ ] T001 Fine
      - run: `echo T001 >> ran.txt`
    - [ ] T002 Fails
      - run: `echo T002 >> ran.txt; exit 1`
    - [ ] T003 Fails
      - run: `echo T003 >> ran.txt; exit 1`
    - [ ] T004 Fine
      - run: `echo T004 >> ran.txt`
"""


@pytest.mark.parametrize(("limit", "failures"), [("-x", 1), ("--maxfail=2", 2)])
def test_it_stops_after_so_many_failures(
    project: Project, workers: tuple[str, ...], limit: str, failures: int
) -> None:
    project.tasks(FAILING)
    session = project.run("tasks.md", limit, *workers[:1], *(["1"] if workers else []))
    # the exit codes are those of pytest and of pytest-xdist
    assert session.exit_code == (pytest.ExitCode.INTERRUPTED if workers else pytest.ExitCode.TESTS_FAILED)
    assert session.lines() == ["T001", "T002", "T003"][: failures + 1]
    assert session.counts == {"passed": 1, "failed": failures}
    assert session.statuses["T004"] == "pending"
    session.result.stdout.fnmatch_lines([f"*stopping after {failures} failures*", "*T004*not started*"][:1])
    assert "not started" in session.output


def test_failures_that_were_expected_do_not_count(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(FAILING.replace("exit 1`", "exit 1`\n      - optional: true"))
    session = project.run("tasks.md", "-x", *workers)
    assert session.exit_code == 0
    assert session.lines() == ["T001", "T002", "T003", "T004"]


def test_nothing_but_set_up_of_fixtures_runs_nothing(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(FAILING)
    session = project.run("tasks.md", "--setup-only", *workers)
    assert session.lines() == []
    assert "completed" not in session.statuses.values()


def test_an_interrupted_run_tells_what_has_not_started(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(FAILING)
    project.write(
        "conftest.py",
        """
        import pytest

        def pytest_moderator_task_error(task):
            pytest.exit("enough", returncode=7)
        """,
    )
    session = project.run("tasks.md", *workers)
    assert session.exit_code == 7
    assert session.statuses["T004"] == "pending"
    assert session.lines()[:2] == ["T001", "T002"]
