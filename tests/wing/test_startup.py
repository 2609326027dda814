"""Which files are read, from which arguments; and what keeps a run from starting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

ONE = """
    - [ ] T001 First
      - run: `echo $MODERATOR_TASK_ID >> ran.txt`
    - [ ] T002 Second
      - run: `echo $MODERATOR_TASK_ID >> ran.txt`
"""
SPY = """
    import sys

    def pytest_unconfigure():
        print("loaded", sorted(name for name in sys.modules if name.startswith("pytest_moderator.")))
"""

# Writes down, in each process of a run, which modules of ours it has imported, and by whom they were loaded.
LEDGER = """
    import json, sys
    from pathlib import Path

    def pytest_unconfigure(config):
        ours = {name: module for name, module in sys.modules.items() if name.startswith("pytest_moderator.")}
        loaders = {name: type(module.__loader__).__name__ for name, module in ours.items()}
        name = getattr(config, "workerinput", {}).get("workerid", "main")
        Path(__file__).with_name(f"modules-{name}.json").write_text(json.dumps(loaders))
"""
# What a run of plain commands has no use for, in any of its processes; with all below it.
FOR_OTHERS = (
    *("approvals", "attempt.budgets", "attempt.categories", "attempt.masking"),
    *("attempt.memory", "attempt.on_branch", "attempt.retrying", "attempt.verification"),
    *(
        "backends.agents.agent",
        "backends.classify",
        "backends.limits",
        "backends.python_runner",
        "backends.rules",
    ),
    *(
        "branches",
        "circuits",
        "cli",
        "elsewhere",
        "executor",
        "isolation.git",
        "isolation.git_run",
        "limiting",
    ),
    *("model.answer", "model.budget", "model.rule", "people", "reports.events", "reports.html"),
    *("reports.json_report", "reports.junit", "resume", "safe_yaml", "sequential", "settings.sections"),
    *("settings.backends", "settings.phases", "settings.routing", "stories"),
    *("tasksfile.files", "tasksfile.prerequisites", "tasksfile.references", "tasksfile.sections"),
)
# What belongs to the process that controls the run, and to those that it starts.
FOR_THE_CONTROLLER = (
    *("coordinator", "gating", "journal", "opening", "parallel", "plan", "prepare", "recorder", "reports"),
    *("run", "settings", "startup", "tasksfile"),
)
FOR_WORKERS = (
    "attempt.environment",
    "attempt.launcher",
    "attempt.run",
    "backends.context",
    "backends.process",
)


def test_without_the_flag_no_markdown_is_collected_and_nothing_else_of_us_is_imported(
    project: Project,
) -> None:
    project.tasks(ONE)
    project.tasks(ONE, "more/tasks.md")
    project.write("conftest.py", SPY)
    project.write("test_a.py", "def test_a(): pass")
    session = project.pytest("-s", "-v")
    assert session.counts == {"passed": 1}
    assert "tasks.md" not in session.output
    assert "loaded ['pytest_moderator.plugin']" in session.output
    assert not (project.path / ".moderator").exists()

    assert project.pytest("tasks.md").exit_code == pytest.ExitCode.USAGE_ERROR
    markers = project.pytest("--markers").output
    assert "@pytest.mark.task(" in markers
    assert "@pytest.mark.depends_on(" in markers
    assert session.lines() == []


def test_a_run_of_plain_commands_imports_nothing_that_is_for_others(project: Project) -> None:
    project.tasks(ONE)
    project.write("conftest.py", LEDGER)
    assert project.pytest("--assert=rewrite", "--moderator", "tasks.md", "-n", "2").exit_code == 0

    for name, unused in (("main", FOR_WORKERS), ("gw0", FOR_THE_CONTROLLER), ("gw1", FOR_THE_CONTROLLER)):
        modules = json.loads((project.path / f"modules-{name}.json").read_text())
        unwanted = {f"pytest_moderator.{module}" for module in (*FOR_OTHERS, *unused)}
        found = {module for module in modules if any(f"{module}.".startswith(f"{u}.") for u in unwanted)}
        assert found == set(), name
        detours = {module for module, loader in modules.items() if loader != "SourceFileLoader"}
        assert detours <= {"pytest_moderator.plugin"}, name


def test_one_task_of_a_file_can_be_named(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(ONE)
    session = project.run("tasks.md::T002", *workers)
    assert session.exit_code == 0
    assert session.counts == {"passed": 1}
    assert session.lines() == ["T002"]
    assert session.reasons == {"T001": "not selected"}


def test_a_task_that_is_not_there_is_a_usage_error(project: Project) -> None:
    project.tasks(ONE)
    session = project.run("tasks.md::T009")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "tasks.md::T009" in session.errors
    assert session.lines() == []


def test_a_directory_gives_every_tasks_file_below_it(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(ONE, "specs/one/tasks.md")
    project.tasks(ONE, "specs/two/tasks.md")
    project.tasks("- [ ] T001 Not named tasks.md\n", "specs/two/notes.md")
    project.tasks("- [ ] T001 Of somebody else\n", "specs/node_modules/tasks.md")
    session = project.run("specs", *workers)
    assert session.exit_code == 0
    assert session.counts == {"passed": 4}
    assert sorted(session.tasks) == [
        "specs/one/tasks.md::T001",
        "specs/one/tasks.md::T002",
        "specs/two/tasks.md::T001",
        "specs/two/tasks.md::T002",
    ]
    folders = [path.parent.name for path in project.path.glob(".moderator/runs/*/tasks/*/stdout.log")]
    assert len(set(folders)) == 4


def test_what_pytest_is_told_to_ignore_is_not_read(project: Project) -> None:
    project.tasks(ONE, "specs/one/tasks.md")
    project.tasks("- [ ] T001 One\n- [ ] T001 Twin\n", "specs/two/tasks.md")
    session = project.run("specs", "--ignore=specs/two")
    assert session.counts == {"passed": 2}
    project.write("specs/conftest.py", "collect_ignore = ['two']")
    assert project.run("specs").counts == {"passed": 2}


def test_without_a_path_the_file_of_the_ini_or_beside_it_is_run(project: Project) -> None:
    nothing = project.run()
    assert nothing.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "no tasks file was named" in nothing.errors

    project.tasks(ONE)
    project.write("test_a.py", "def test_a(): pass")
    assert list(project.run().tasks) == ["T001", "T002"]
    assert project.run("-n", "1", "--rootdir=.").counts == {"passed": 2}

    project.write("pytest.ini", "[pytest]\nmoderator_file = plans/work.md\ntestpaths = .\n")
    missing = project.run()
    assert missing.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "work.md" in missing.errors
    project.tasks("- [ ] T007 Other\n  - run: `true`\n", "plans/work.md")
    assert project.run().statuses == {"T007": "completed"}


def test_from_a_directory_below_the_files_are_named_as_pytest_names_them(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    project.tasks(ONE, "a/b/tasks.md")
    monkeypatch.chdir(project.path / "a")
    session = project.run("b/tasks.md::T001", "b/tasks.md::T002", "-v", *workers)
    assert "a/b/tasks.md: 2 completed" in session.output
    assert session.counts == {"passed": 2}
    assert session.lines() == ["T001", "T002"], "tasks run in the root directory"


def test_tasks_and_tests_run_in_one_session(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(ONE)
    project.write("tests/test_a.py", "def test_a(): pass\ndef test_b(): pass\n")
    project.write(
        "tests/test_c.py", "import pytest\n@pytest.mark.parametrize('x', range(3))\ndef test_c(x): pass\n"
    )
    session = project.run("tasks.md", "tests/", *workers)
    assert session.exit_code == 0
    assert session.counts == {"passed": 7}
    assert session.lines() == ["T001", "T002"]


@pytest.mark.parametrize("name", ["missing.md", "empty.md", "twins.md", "folder.md"])
def test_a_file_that_cannot_be_run_is_a_usage_error_and_nothing_runs(project: Project, name: str) -> None:
    project.tasks(ONE)
    project.tasks("# Nothing here\n", "empty.md")
    project.tasks("- [ ] T001 One\n- [ ] T001 Other\n- [ ] T002 Next (depends on T009)\n", "twins.md")
    (project.path / "folder.md").mkdir()
    session = project.run("tasks.md", name)
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert name in session.errors
    assert session.lines() == []
    assert not (project.path / ".moderator").exists()


def test_all_problems_are_told_at_once_in_parallel_too(project: Project) -> None:
    project.tasks("- [ ] T001 One\n- [ ] T001 Other\n- [ ] T002 Next (depends on T009)\n")
    session = project.run("tasks.md", "-n", "2")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "tasks.md:2: error duplicate-id" in session.errors
    assert "tasks.md:3: error unknown-dependency" in session.errors


def test_no_worker_is_started_for_a_plan_that_xdist_would_run_twice(project: Project) -> None:
    project.tasks(ONE)
    session = project.run("tasks.md", "-n", "2", "--dist", "each")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "--dist each" in session.errors


def test_it_runs_without_xdist_without_a_terminal_and_without_a_cache(project: Project) -> None:
    project.tasks(ONE)
    session = project.run("tasks.md", "-p", "no:xdist", "-p", "no:terminal", "-p", "no:cacheprovider")
    assert session.exit_code == 0
    assert session.lines() == ["T001", "T002"]
    off = project.pytest("-p", "no:moderator", "--moderator", "tasks.md")
    assert off.exit_code == pytest.ExitCode.USAGE_ERROR


def test_a_broken_test_file_keeps_everything_from_running(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(ONE)
    project.write("tests/test_a.py", "import nothing_of_that_name\n")
    session = project.run("tasks.md", "tests", *workers)
    assert session.exit_code == pytest.ExitCode.INTERRUPTED
    assert session.lines() == []
    assert set(session.statuses.values()) == {"pending"}
    anyway = project.run("tasks.md", "tests", "--continue-on-collection-errors", *workers)
    assert anyway.exit_code == pytest.ExitCode.TESTS_FAILED
    assert set(anyway.statuses.values()) == {"completed"}


def test_with_the_flag_in_addopts_only_the_file_is_named(project: Project) -> None:
    project.tasks(ONE)
    project.write("pytest.ini", "[pytest]\naddopts = --moderator -n 2\n")
    session = project.pytest("tasks.md", "--moderator-json=report.json")
    assert session.counts == {"passed": 2}
    assert {task["worker"] for task in session.tasks.values()} <= {"gw0", "gw1"}
    assert project.pytest("--version").exit_code == 0
    assert project.pytest("--help").exit_code == 0


@pytest.mark.parametrize("meddling", ["", "import sys; del sys.meta_path[0]"])
def test_a_program_imports_as_before(project: Project, meddling: str) -> None:
    project.tasks(ONE)
    project.write("conftest.py", f"def pytest_sessionfinish():\n    {meddling or 'pass'}\n")
    project.write(
        "program.py",
        """
        import sys, pytest
        code = int(pytest.main(["--moderator", "tasks.md"]))
        print("code", code, any(type(finder).__name__ == "_PlainFinder" for finder in sys.meta_path))
        """,
    )
    assert project.pytester.runpython("program.py").outlines[-1] == "code 0 False"


def test_the_garbage_of_a_program_is_collected_as_before(project: Project) -> None:
    """A session keeps its tasks out of the garbage collection, as long as it lasts."""
    project.tasks(ONE)
    project.write(
        "program.py",
        """
        import gc, pytest
        print("code", int(pytest.main(["--moderator", "tasks.md"])), gc.isenabled(), gc.get_freeze_count())
        """,
    )
    assert project.pytester.runpython("program.py").outlines[-1] == "code 0 True 0"
