"""Executing tasks from a program: real child sessions and workers, and what comes back from them."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from programs import BOTH, Diary, make, statuses
from waiting import until

from pytest_moderator import (
    AggregateExecutionError,
    ExecutionContext,
    IsolationLevel,
    ModeratorError,
    ParallelExecutor,
    ProgressCallback,
    SequentialExecutor,
    Task,
    TaskExecutor,
    TaskResult,
    TaskStatus,
)
from pytest_moderator.errors import TaskFailedError, TasksFileError
from pytest_moderator.model import Command


@BOTH
def test_tasks_run_after_what_they_need_and_come_back_as_they_were_given(
    context: ExecutionContext, executor: TaskExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    tasks = [
        make("last", "cat out; echo oops >&2", depends_on=("first",)),
        make("fails", "exit 3"),
        make("blocked", depends_on=("fails",)),
        make("ticked", "exit 1", done=True),
        make("first", "echo made > out"),
    ]
    diary = Diary()
    results = executor.execute_tasks(tasks, context, diary)

    assert all(result.task is task for result, task in zip(results, tasks, strict=True))
    last, fails, blocked, ticked, first = results
    assert (last.stdout, last.stderr, last.success) == ("made\n", "oops\n", True)
    assert (last.worker == "main") is (executor.get_execution_mode() == "sequential")
    assert (fails.status, fails.exit_code, fails.error_message) == (TaskStatus.FAILED, 3, "exit code 3")
    assert (blocked.status, blocked.blocked_by, blocked.success) == (TaskStatus.SKIPPED, ("fails",), False)
    assert (ticked.status, ticked.error_message, ticked.success) == (TaskStatus.SKIPPED, "already done", True)
    assert first.artifacts_path is not None
    assert first.artifacts_path.is_relative_to(context.state_dir / "runs")

    assert diary.entries.index(("complete", "first")) < diary.entries.index(("start", "last"))
    assert {name: diary.of(name) for name in ("last", "fails", "blocked", "ticked", "first")} == {
        "last": ["start", "complete"],
        "fails": ["start", "error"],
        "blocked": ["complete"],
        "ticked": ["complete"],
        "first": ["start", "complete"],
    }
    assert diary.threads == {threading.current_thread()}
    [error] = diary.errors
    assert isinstance(error, TaskFailedError)
    assert error.result == fails
    assert diary.places["first"].project_id == "shop"
    assert diary.places["first"].working_directory == context.working_directory
    assert capfd.readouterr() == ("", "")


def test_several_tasks_run_at_once_in_places_of_their_own(context: ExecutionContext) -> None:
    wait = "touch ../../{0}; until [ -e ../../{1} ]; do sleep 0.01; done; pwd"
    diary = Diary()
    with ParallelExecutor(max_workers=2) as executor:
        results = executor.execute_tasks(
            [make("a", wait.format("a", "b")), make("b", wait.format("b", "a"))],
            ExecutionContext(
                "shop", context.working_directory, None, context.state_dir, IsolationLevel.DIRECTORY
            ),
            diary,
        )
    assert [result.stdout.strip() for result in results] == [
        str(context.working_directory / "tasks" / name) for name in "ab"
    ]
    assert diary.places["a"].working_directory == context.working_directory / "tasks" / "a"
    assert diary.places["a"].isolation_level is IsolationLevel.DIRECTORY


def test_callbacks_that_are_wrong_or_slow_disturb_nothing(
    context: ExecutionContext, caplog: pytest.LogCaptureFixture
) -> None:
    class Bad(ProgressCallback):
        def on_task_start(self, task: Task, context: ExecutionContext) -> None:
            until((context.working_directory / "b").exists)  # as slow as all tasks together
            raise RuntimeError("bad start")

        def on_task_complete(self, result: TaskResult) -> None:
            raise RuntimeError("bad end")

        def on_task_error(self, task: Task, error: Exception) -> None:
            raise RuntimeError("bad error")

    noise = "head -c 60000 /dev/zero | tr '\\0' x"  # more than a pipe holds
    tasks = [make("a", f"{noise}; {noise} >&2"), make("f", "false", depends_on=("a",)), make("b", "touch b")]
    results = SequentialExecutor().execute_tasks(tasks, context, Bad())
    assert statuses(results) == {"a": "completed", "f": "failed", "b": "completed"}
    logged = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert sorted(logged) == ["bad end"] * 2 + ["bad error"] + ["bad start"] * 3


def test_when_all_have_failed_the_error_carries_the_results(context: ExecutionContext) -> None:
    tasks = [make("a", "exit 7"), make("b", depends_on=("a",))]
    with pytest.raises(
        AggregateExecutionError, match="all 2 tasks failed: a: exit code 7; b: blocked"
    ) as info:
        SequentialExecutor().execute_tasks(tasks, context)
    assert [result.task for result in info.value.results] == tasks
    assert [result.exit_code for result in info.value.results] == [7, 0]


def test_an_optional_failure_is_none_of_all(context: ExecutionContext) -> None:
    tasks = [make("a", "false", optional=True), Task(id="b", title="Nothing to run", line=1)]
    results = SequentialExecutor().execute_tasks(tasks, context)
    assert statuses(results) == {"a": "failed", "b": "skipped"}


def test_a_time_limit_and_a_critical_failure(context: ExecutionContext) -> None:
    tasks = [
        make("own", "sleep 0.5", timeout=60),
        make("long", "sleep 60", depends_on=("own",), critical=True),
        make("late", depends_on=("own",)),
    ]
    own, long, late = SequentialExecutor(timeout=0.3).execute_tasks(tasks, context)
    assert own.success
    assert (long.status, long.exit_code) == (TaskStatus.FAILED, 124)
    assert (late.status, late.error_message) == (
        TaskStatus.SKIPPED,
        "not started: critical task long failed",
    )


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([make("a"), make("b"), make("a")], "several tasks have one id: a;"),
        ([make("")], "id: a value is missing"),
        ([make("\0")], r"these ids cannot be used: '\x00'"),
        ([make("two words")], "'two words' cannot be an id"),
        ([make("a", depends_on=("nobody",))], "unknown-dependency: a depends on nobody"),
        ([make("a", depends_on=("b",)), make("b", depends_on=("a",))], "cycle"),
        (
            [Task(id="a", title="A", line=1, commands=(Command("cobol", "STOP RUN.\n", 1),))],
            "cannot hold a command in 'cobol'",
        ),
    ],
)
def test_tasks_that_cannot_be_executed_are_refused(
    context: ExecutionContext, tasks: list[Task], message: str
) -> None:
    with pytest.raises(ModeratorError, match=re.escape(message)) as info:
        SequentialExecutor().execute_tasks(tasks, context)
    assert not isinstance(info.value, AggregateExecutionError)
    if isinstance(info.value, TasksFileError):
        assert info.value.problems
    assert not (context.state_dir / "runs").exists()


def test_what_pytest_refuses_is_refused(context: ExecutionContext) -> None:
    with pytest.raises(ModeratorError, match=r"^nothing was run:\n.*unknown-backend: .*'nobody'") as info:
        SequentialExecutor().execute_tasks([make("a", backend="nobody")], context)
    assert not isinstance(info.value, AggregateExecutionError)


def test_places_that_cannot_be_used_are_refused(context: ExecutionContext, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = ExecutionContext("p", tmp_path / "nowhere", None, context.state_dir)
    no_state = ExecutionContext("p", context.working_directory, None, tmp_path / "file" / "state")
    for place, message in ((nowhere, "cannot start pytest in"), (no_state, "cannot write to")):
        with pytest.raises(ModeratorError, match=message):
            SequentialExecutor().execute_tasks([make("a")], place)


def test_nothing_to_do_is_done_at_once(context: ExecutionContext) -> None:
    assert ParallelExecutor().execute_tasks([], context) == []
    assert not context.state_dir.exists()


@pytest.mark.parametrize("workers", [0, 33, -1, 2.5, True, "4"])
def test_the_number_of_workers_is_checked(workers: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"from 1 to 32, not {workers!r}")):
        ParallelExecutor(max_workers=workers)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), 366 * 86400])
def test_the_timeout_is_checked(timeout: float) -> None:
    for kind in (SequentialExecutor, ParallelExecutor):
        with pytest.raises(ValueError, match="above 0"):
            kind(timeout=timeout)


@pytest.mark.parametrize("inside", [True, False])
def test_the_project_gives_fixtures_and_nothing_gets_in_the_way(
    context: ExecutionContext, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    root = context.working_directory
    (root / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\npython_files = *.py\n")
    (root / "moderator.yaml").write_text("env: {SAID: in-yaml}\norder: stories\n")
    (root / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def place(tmp_path): return {'GIVEN': 'by-fixture'}\n"
        "def test_of_the_project(): assert 0\n"
    )
    (root.parent / "conftest.py").write_text("raise RuntimeError('above the root')\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option-either")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("MODERATOR_JSON", str(root / "mine.json"))
    executor: TaskExecutor = ParallelExecutor(1)
    if inside:
        context = ExecutionContext("p", root, None, root / ".moderator")
        (root / "queue.py").write_text("raise RuntimeError('not the one of the library')\n")
        executor = SequentialExecutor()
    [result] = executor.execute_tasks(
        [make("a", "echo $SAID $GIVEN; env | grep PYTEST_ || true", fixtures=("place",))], context
    )
    assert result.stdout.split("\n")[0] == "in-yaml by-fixture"
    assert "no_such" not in result.stdout
    [directory] = (context.state_dir / "executions").iterdir()
    assert (directory / "report.json").exists()
    assert "1 passed" in (directory / "output.log").read_text()
    assert not (root / "mine.json").exists()
    assert not (root / ".pytest_cache").exists()


def test_others_can_bring_executors_of_their_own(context: ExecutionContext) -> None:
    class Pretending(TaskExecutor):
        is_shut_down = False

        def execute_tasks(self, tasks, context, progress_callback=None):
            return [TaskResult(task) for task in tasks]

        def get_execution_mode(self):
            return "pretending"

        def shutdown(self, timeout=30):
            self.is_shut_down = True

    with Pretending() as executor:
        assert executor.execute_tasks([make("a")], context)[0].success
    assert executor.is_shut_down
    with pytest.raises(TypeError, match="abstract"):
        TaskExecutor()  # type: ignore[abstract]


def test_the_example_of_the_docs_works(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "library.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example
    ran = subprocess.run(
        [sys.executable, "-c", example[1]], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "build completed \ntest completed built\n\n"
