"""Hooks of others: those that watch, those that choose, and those that bring backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

WATCH = """
    import os
    from pathlib import Path

    HERE = Path(__file__).parent

    def note(text):
        with HERE.joinpath("diary.txt").open("a") as file:
            file.write(f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')} {text}\\n")

    def pytest_moderator_task_start(task, context):
        note(f"start {task.id} {context.working_directory == HERE}")
        HERE.joinpath(f"{task.id}.started").touch()

    def pytest_moderator_task_complete(result):
        note(f"complete {result.task.id} {result.status.value}")
        HERE.joinpath(f"{result.task.id}.complete").touch()

    def pytest_moderator_task_error(task, error):
        note(f"error {task.id} {error.result.exit_code} {error}")
"""


def test_those_who_watch_are_told_at_once_where_the_user_started_pytest(
    project: Project, workers: tuple[str, ...]
) -> None:
    """Each task waits for what a hook leaves behind: told any later, it would wait for ever."""
    project.write("conftest.py", WATCH)
    project.tasks(
        """
        - [x] T001 Before
        - [ ] T002 One
          - timeout: 2m
          - run: `until test -e T002.started; do sleep 0.05; done`
        - [ ] T003 Two
          - timeout: 2m
          - run: `until test -e T002.complete; do sleep 0.05; done; exit 3`
        - [ ] T004 Three (depends on T003)
          - run: `true`
        """
    )
    session = project.run("tasks.md", *workers)
    assert session.statuses == {"T001": "skipped", "T002": "completed", "T003": "failed", "T004": "skipped"}
    assert session.lines("diary.txt") == [
        "main complete T001 skipped",
        "main start T002 True",
        "main complete T002 completed",
        "main start T003 True",
        "main error T003 3 T003 failed: exit code 3",
        "main complete T004 skipped",
    ]


def test_one_who_watches_and_raises_disturbs_nobody(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", WATCH)
    project.write(
        "clumsy.py",
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_moderator_task_start(task):
            raise RuntimeError("clumsy start")

        @pytest.hookimpl(tryfirst=True)
        def pytest_moderator_task_complete(result):
            pytest.fail("clumsy end")

        @pytest.hookimpl(tryfirst=True)
        def pytest_moderator_task_error(error):
            return 1 / 0
        """,
    )
    project.tasks("- [ ] T001 One\n  - run: `true`\n- [ ] T002 Two\n  - run: `exit 2`\n")
    arguments = ("tasks.md", "-p", "clumsy", "--moderator-events=events.jsonl", "--log-file=log.txt")
    session = project.run(*arguments, *workers)
    assert session.statuses == {"T001": "completed", "T002": "failed"}
    assert len(session.lines("diary.txt")) == 4
    assert len(session.lines("events.jsonl")) == 6
    session.result.stdout.fnmatch_lines(["*T001 started One", "*T001 completed in*", "*T002 failed in*"])
    if not workers:  # they all write the one log file of pytest
        log = (project.path / "log.txt").read_text()
        for text in ("clumsy start", "clumsy end", "division by zero"):
            assert text in log


@pytest.mark.parametrize("kind", ["wrapper", "hookwrapper"])
def test_a_wrapper_is_told_as_well(project: Project, kind: str) -> None:
    project.write(
        "conftest.py",
        f"""
        from pathlib import Path

        import pytest

        def note(*words):
            with Path("diary.txt").open("a") as file:
                print(*words, file=file)

        @pytest.hookimpl({kind}=True)
        def pytest_moderator_task_complete(result):
            note("before", result.task.id)
            outcome = yield
            note("after", result.task.id, outcome.get_result() if {kind == "hookwrapper"} else outcome)

        class Other:
            def pytest_moderator_task_complete(self, result):
                note("other", result.task.id)

        def pytest_configure(config):
            config.pluginmanager.register(Other())
        """,
    )
    project.tasks("- [ ] T001 One\n  - run: `true`\n")
    session = project.run("tasks.md")
    assert session.counts == {"passed": 1}
    assert sorted(session.lines("diary.txt")) == ["after T001 []", "before T001", "other T001"]


@pytest.mark.parametrize("place", ["conftest.py", "watcher.py"])
def test_without_the_flag_those_hooks_do_no_harm(project: Project, place: str) -> None:
    project.write(place, WATCH)
    project.write("test_a.py", "def test_a(): pass")
    plugin = () if place == "conftest.py" else ("-p", "watcher")
    assert project.pytest("test_a.py", *plugin).counts == {"passed": 1}


BACKEND = """
    from pytest_moderator import Backend, Problem, Severity, TaskResult, TaskStatus

    class Shout(Backend):
        name = "shout"

        def accepts(self, task):
            return "Shout" in task.notes

        def validate(self, task):
            if task.notes.get("Shout") == "nothing":
                return [Problem(Severity.ERROR, "no-shout", "there is nothing to shout", "say something")]
            return []

        def execute(self, task, context):
            assert context.environment["MODERATOR_TASK_ID"] == task.id
            if "boom" in task.title:
                raise RuntimeError("no voice")
            if "hoarse" in task.title:
                return TaskResult(task, exit_code=5, status=TaskStatus.FAILED, error_message="hoarse")
            return TaskResult(task, stdout=task.title.upper())

    def pytest_moderator_backends():
        return [Shout()]

    def pytest_moderator_select_backend(task, context):
        if task.story == "US1":
            return "shout"
        return Shout() if task.story == "US2" else None
"""


def test_a_conftest_brings_a_backend_and_chooses_it(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", BACKEND)
    project.tasks(
        """
        - [ ] T001 By its note
          - Shout: hello
        - [ ] T002 By its name
          - backend: shout
        - [ ] T003 [US1] Chosen by name
          - run: `exit 1`
        - [ ] T004 [US2] Chosen as it is
        - [ ] T005 [US1] Chosen in vain
          - backend: shell
          - run: `true`
        - [ ] T006 [US1] With a boom
        - [ ] T007 [US1] In a hoarse voice
        - [ ] T008 Nobody's
        """
    )
    session = project.run("tasks.md", "-rA", *workers)
    backends = {name: task["backend"] for name, task in session.tasks.items()}
    assert backends == {**dict.fromkeys(backends, "shout"), "T005": "shell", "T008": None}
    assert session.statuses == {
        **dict.fromkeys(("T001", "T002", "T003", "T004", "T005"), "completed"),
        "T006": "failed",
        "T007": "failed",
        "T008": "skipped",
    }
    assert "no voice" in session.reasons["T006"]
    assert session.reasons["T007"] == "hoarse"
    assert "CHOSEN BY NAME" in session.output


def test_what_a_backend_finds_wrong_keeps_the_run_from_starting(project: Project) -> None:
    project.write("conftest.py", BACKEND)
    project.tasks("- [ ] T001 One\n  - run: `touch never`\n- [ ] T002 Two\n  - Shout: nothing\n")
    session = project.run("tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "tasks.md:3: error no-shout: there is nothing to shout" in session.errors
    assert not (project.path / "never").exists()


def test_a_hook_may_change_the_plan(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        "conftest.py",
        """
        import dataclasses

        def pytest_moderator_modify_plan(plan):
            return dataclasses.replace(plan, depends_on={**plan.depends_on, "T001": ("T003",)})
        """,
    )
    project.tasks(
        "".join(
            f"- [ ] T00{number} [P] Task\n  - run: `echo T00{number} >> ran.txt`\n" for number in (1, 2, 3)
        )
    )
    session = project.run("tasks.md", *workers)
    assert session.counts == {"passed": 3}
    assert session.lines().index("T003") < session.lines().index("T001")


def test_a_plan_that_could_never_run_is_a_usage_error(project: Project, workers: tuple[str, ...]) -> None:
    project.write(
        "conftest.py",
        """
        import dataclasses

        def pytest_moderator_modify_plan(plan):
            return dataclasses.replace(plan, depends_on={"T001": ("T002",), "T002": ("T001",)})
        """,
    )
    project.tasks("- [ ] T001 [P] One\n  - run: `touch never`\n- [ ] T002 [P] Two\n  - run: `touch never`\n")
    session = project.run("tasks.md", *workers)
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "T001" in session.errors
    assert not (project.path / "never").exists()
