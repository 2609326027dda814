"""`depends_on` marks: of the file, of a conftest.py, of ordinary tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

TWO = """
    - [ ] T001 [P] One
      - run: `echo T001 >> ran.txt`
    - [ ] T002 [P] Two
      - run: `echo T002 >> ran.txt; exit 1`
    - [ ] T003 [P] Three
      - run: `echo T003 >> ran.txt`
"""


def test_a_conftest_adds_dependencies(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TWO)
    project.write(
        "conftest.py",
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "T001":
                    item.add_marker(pytest.mark.depends_on("T003"))
                if item.name == "T003":
                    item.add_marker(pytest.mark.depends_on("test_a.py::test_a"))
        """,
    )
    project.write("test_a.py", "import os\ndef test_a(): os.system('echo test_a >> ran.txt')\n")
    session = project.run("tasks.md", "test_a.py", *workers)
    ran = session.lines()
    assert ran.index("test_a") < ran.index("T003") < ran.index("T001")

    project.write("test_a.py", "def test_a(): assert False")
    session = project.run("tasks.md", "test_a.py", *workers)
    assert session.reasons["T003"] == "blocked by test_a.py::test_a"
    assert session.reasons["T001"] == "blocked by T003, because of test_a.py::test_a"


def test_tests_run_after_the_tasks_that_they_accept(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TWO.replace("Three", "Three\n      - optional: true"))
    project.write(
        "tests/test_a.py",
        """
        from pathlib import Path

        import pytest

        def ran():
            return Path("ran.txt").read_text().split()

        @pytest.mark.depends_on("T001")
        class TestAll:
            @pytest.mark.depends_on("T003")
            @pytest.mark.parametrize("number", [1, 2])
            def test_both(self, number):
                assert {"T001", "T003"} <= set(ran())

            @pytest.mark.depends_on("T002")
            def test_failed(self): pass

        @pytest.mark.depends_on("tests/test_a.py::TestAll::test_failed")
        def test_chain(): pass
        """,
    )
    session = project.run("tests", "tasks.md", "-rs", "--junitxml=junit.xml", *workers)
    assert session.exit_code == 1
    assert session.counts == {"passed": 4, "failed": 1, "skipped": 2}
    session.result.stdout.fnmatch_lines(["SKIPPED *: blocked by T002"])
    session.result.stdout.fnmatch_lines(
        ["SKIPPED *: blocked by tests/test_a.py::TestAll::test_failed, because of T002"]
    )
    _, cases = session.junit()
    assert cases["test_chain"].find("skipped") is not None


def test_tests_may_lean_on_tasks_that_are_done(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("- [x] T001 One\n- [ ] T002 Two\n  - run: `true`\n")
    project.write("test_a.py", "import pytest\n@pytest.mark.depends_on('T001')\ndef test_a(): pass\n")
    assert project.run("tasks.md", "test_a.py", *workers).counts == {"passed": 2, "done": 1}
    assert project.run("tasks.md::T002", "test_a.py", *workers).counts == {"passed": 2}


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ('"T009"', "depends_on('T009') names no task of this session"),
        ('"T001"', "depends_on('T001') could be tasks.md::T001 and other/tasks.md::T001"),
        ('"test_a.py::test_a"', "test_a.py::test_a"),
    ],
    ids=["unknown", "ambiguous", "cycle"],
)
def test_a_mark_that_cannot_be_honoured_is_a_usage_error(
    project: Project, workers: tuple[str, ...], marks: str, message: str
) -> None:
    project.tasks(TWO)
    project.tasks(TWO, "other/tasks.md")
    project.write("test_a.py", f"import pytest\n@pytest.mark.depends_on({marks})\ndef test_a(): pass\n")
    session = project.run("tasks.md", "other", "test_a.py", *workers)
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert message in session.errors
    assert session.lines() == []


def test_a_cycle_of_marks_between_tasks_is_a_usage_error(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("- [ ] T001 One\n  - run: `true`\n- [ ] T002 Two (depends on T001)\n  - run: `true`\n")
    project.write(
        "conftest.py",
        """
        import pytest

        def pytest_collection_modifyitems(items):
            items[0].add_marker(pytest.mark.depends_on("T002"))
        """,
    )
    session = project.run("tasks.md", *workers)
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "T001" in session.errors
    assert "T002" in session.errors
    assert "cycle" in session.errors
    assert set(session.statuses.values()) == {"pending"}


def test_an_id_means_the_task_of_the_same_file_first(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("- [ ] T001 Fails\n  - run: `false`\n", "a/tasks.md")
    project.tasks(
        "- [ ] T001 Fine\n  - run: `true`\n- [ ] T002 Needs it (depends on T001)\n  - run: `true`\n",
        "b/tasks.md",
    )
    project.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.depends_on("b/tasks.md::T001", "T002")
        def test_b(): pass

        @pytest.mark.depends_on("a/tasks.md::T001")
        def test_a(): pass
        """,
    )
    session = project.run("a", "b", "test_a.py", "-rs", *workers)
    assert session.statuses == {
        "a/tasks.md::T001": "failed",
        "b/tasks.md::T001": "completed",
        "b/tasks.md::T002": "completed",
    }
    assert session.counts == {"passed": 3, "failed": 1, "skipped": 1}
