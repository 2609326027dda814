"""Executing tasks from a program: real child sessions, real workers, real kills."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

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
from pytest_moderator.child import ChildRun
from pytest_moderator.errors import TaskFailedError, TasksFileError
from pytest_moderator.model import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 60
BOTH = pytest.mark.parametrize(
    "executor", [SequentialExecutor(), ParallelExecutor(max_workers=2)], ids=lambda e: e.get_execution_mode()
)
FOREVER = "echo $$ > pid.tmp; mv pid.tmp pid; while true; do sleep 0.05; done"
STUBBORN = f"trap 'touch asked' TERM; {FOREVER}"


def make(name: str, command: str = "true", **what: Any) -> Task:
    return Task(id=name, title=f"Do {name}", line=1, commands=(Command("sh", f"{command}\n", 1),), **what)


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.01)
    return value


def statuses(results: list[TaskResult]) -> dict[str, str]:
    return {result.task.id: result.status.value for result in results}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExecutionContext]:
    """A project; what is started from here carries its name, and none of it is left in the end."""
    monkeypatch.setenv("EXECUTOR_TEST", str(tmp_path))
    (tmp_path / "project").mkdir()
    yield ExecutionContext("shop", tmp_path / "project", None, tmp_path / "state")
    left = processes(tmp_path)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert left == []


def processes(path: Path) -> list[psutil.Process]:
    """Find what was started from a test and still lives."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get("EXECUTOR_TEST") == str(path)
            if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@dataclass
class Diary(ProgressCallback):
    """Writes down what it is told, and in which thread."""

    entries: list[tuple[str, str]] = field(default_factory=list)
    places: dict[str, ExecutionContext] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    threads: set[threading.Thread] = field(default_factory=set)

    def on_task_start(self, task: Task, context: ExecutionContext) -> None:
        self.places[task.id] = context
        self._add("start", task.id)

    def on_task_complete(self, result: TaskResult) -> None:
        self._add("complete", result.task.id)

    def on_task_error(self, task: Task, error: Exception) -> None:
        self.errors.append(error)
        self._add("error", task.id)

    def _add(self, what: str, name: str) -> None:
        self.entries.append((what, name))
        self.threads.add(threading.current_thread())

    def of(self, name: str) -> list[str]:
        return [what for what, other in self.entries if other == name]


class OnStart(ProgressCallback):
    """Does something when a task has started."""

    def __init__(self, do: Callable[[Task], None]) -> None:
        self._do = do

    def on_task_start(self, task: Task, context: ExecutionContext) -> None:
        self._do(task)


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
        ([make("")], "these ids cannot be used: ''"),
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


def test_a_run_that_is_killed_keeps_what_has_ended(context: ExecutionContext) -> None:
    stray = "setsid sh -c 'while true; do sleep 0.05; done' &"
    tasks = [
        make("ended", "echo done"),
        make("killer", f"{stray} kill -9 $PPID; {FOREVER}", depends_on=("ended",)),
        make("never", depends_on=("killer",)),
    ]
    diary = Diary()
    ended, killer, never = SequentialExecutor().execute_tasks(tasks, context, diary)

    assert (ended.success, ended.stdout) == (True, "done\n")
    assert (killer.status, killer.exit_code, killer.attempts) == (TaskStatus.FAILED, 137, 1)
    assert (never.status, never.exit_code, never.attempts) == (TaskStatus.FAILED, 137, 0)
    log = next(context.state_dir.glob("executions/*/output.log"))
    assert killer.error_message == f"the run was ended by signal 9 before this task had ended; see {log}"
    assert diary.of("killer") == ["start", "error"]
    assert diary.of("never") == ["error"]


def test_a_worker_that_is_killed_fails_its_task_or_starts_it_again(context: ExecutionContext) -> None:
    once = "[ -e once ] || { touch once; kill -9 $PPID; sleep 60; }"
    tasks = [make("lost", "kill -9 $PPID; sleep 60"), make("again", once, retries=1), make("other")]
    diary = Diary()
    results = ParallelExecutor(2).execute_tasks(tasks, context, diary)
    assert statuses(results) == {"lost": "failed", "again": "completed", "other": "completed"}
    assert "crashed" in (results[0].error_message or "")
    assert diary.of("again") == ["start", "complete"]


@pytest.mark.parametrize(
    ("hook", "code"),
    [
        ("def pytest_collection_modifyitems(): raise RuntimeError('broken')\n", 3),
        ("def pytest_collection_finish(session): import os; os.write({fd}, b'{{\"half'); os._exit(9)\n", 9),
    ],
    ids=["broken", "gone"],
)
def test_a_run_that_breaks_fails_its_tasks_and_names_the_log(
    context: ExecutionContext, caplog: pytest.LogCaptureFixture, hook: str, code: int
) -> None:
    fd = "int(str(session.config.option.moderator_events).rpartition('/')[2])"
    (context.working_directory / "conftest.py").write_text(hook.format(fd=fd))
    with pytest.raises(AggregateExecutionError, match=f"the run ended with exit code {code} before") as info:
        SequentialExecutor().execute_tasks([make("a"), make("b")], context)
    assert [result.exit_code for result in info.value.results] == [1, 1]
    log = re.search(r"see (\S+)", str(info.value.results[0].error_message))
    assert log
    assert ("broken" in Path(log[1]).read_text()) is (code == 3)
    assert ("half an event" in caplog.text) is (code == 9)


def test_a_process_that_holds_the_pipe_open_holds_up_nobody(context: ExecutionContext) -> None:
    root = context.working_directory
    (root / "conftest.py").write_text(
        "import os, pathlib, time\n"
        "def pytest_sessionfinish():\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        time.sleep(60)\n"
        "        os._exit(0)\n"
        "    pathlib.Path('holder').write_text(str(child))\n"
    )
    [result] = SequentialExecutor().execute_tasks([make("a")], context)
    assert result.success
    os.kill(int((root / "holder").read_text()), signal.SIGKILL)
    until(lambda: not processes(context.state_dir.parent))


@BOTH
def test_shutdown_from_another_thread_ends_what_runs(
    context: ExecutionContext, executor: TaskExecutor
) -> None:
    executor = type(executor)()
    tasks = [make("quick"), make("runs", FOREVER, depends_on=("quick",)), make("waits", depends_on=("runs",))]

    def end_it() -> None:
        until((context.working_directory / "pid").exists)
        executor.shutdown()

    thread = threading.Thread(target=end_it)
    thread.start()
    quick, runs, waits = executor.execute_tasks(tasks, context)
    thread.join()
    assert quick.success
    assert (runs.status, runs.exit_code, runs.attempts) == (TaskStatus.FAILED, 130, 1)
    assert (waits.status, waits.exit_code, waits.attempts) == (TaskStatus.FAILED, 130, 0)
    assert str(runs.error_message).startswith("the executor was shut down before this task had ended; see /")

    executor.shutdown()
    with pytest.raises(ModeratorError, match="this executor has been shut down: make a new one"):
        executor.execute_tasks([make("a")], context)


def test_shutdown_from_a_callback_kills_what_does_not_end_in_time(context: ExecutionContext) -> None:
    executor = SequentialExecutor()

    def end_it(task: Task) -> None:
        until((context.working_directory / "pid").exists)
        executor.shutdown(timeout=0)

    with executor, pytest.raises(AggregateExecutionError) as info:
        executor.execute_tasks([make("stubborn", STUBBORN)], context, OnStart(end_it))
    assert info.value.results[0].exit_code in {130, 137, 143}  # it may have been about to end
    assert "the executor was shut down" in str(info.value)


def test_shutdown_reaches_a_call_that_has_not_started_its_run_yet(
    context: ExecutionContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = SequentialExecutor()
    render = "pytest_moderator.executor.render_tasks"
    monkeypatch.setattr(render, lambda tasks, order: executor.shutdown() or "- [ ] T1 a\n  - run: `true`\n")
    with pytest.raises(ModeratorError, match="has been shut down"):
        executor.execute_tasks([make("T1")], context)


def test_an_exception_that_is_none_of_a_callback_ends_the_run(context: ExecutionContext) -> None:
    def interrupt(task: Task) -> None:
        until((context.working_directory / "pid").exists)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SequentialExecutor().execute_tasks([make("a", FOREVER)], context, OnStart(interrupt))
    assert processes(context.state_dir.parent) == []


def test_a_second_interrupt_kills_at_once(context: ExecutionContext) -> None:
    root = context.working_directory

    def first(task: Task) -> None:
        until((root / "pid").exists)
        raise KeyboardInterrupt("first")

    def second(number: int, frame: object) -> None:
        raise KeyboardInterrupt("second")

    def interrupt_again() -> None:
        until((root / "asked").exists)
        os.kill(os.getpid(), signal.SIGUSR1)

    (root / "moderator.yaml").write_text("grace: 1h\n")
    before = signal.signal(signal.SIGUSR1, second)
    thread = threading.Thread(target=interrupt_again)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt, match="second"):
            SequentialExecutor().execute_tasks([make("a", STUBBORN)], context, OnStart(first))
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    until(lambda: not processes(context.state_dir.parent))


def test_an_interrupt_just_when_the_run_is_asked_to_end_kills_it(
    context: ExecutionContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(task: Task) -> None:
        until((context.working_directory / "pid").exists)
        raise KeyboardInterrupt("first")

    def ask_to_end(child: ChildRun) -> None:
        raise KeyboardInterrupt("second")

    monkeypatch.setattr(ChildRun, "ask_to_end", ask_to_end)
    with pytest.raises(KeyboardInterrupt, match="second"):
        SequentialExecutor().execute_tasks([make("a", FOREVER)], context, OnStart(interrupt))
    assert processes(context.state_dir.parent) == []


def test_ctrl_c_in_a_program_ends_its_tasks(context: ExecutionContext, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from pathlib import Path\n"
        "from pytest_moderator import ExecutionContext, ParallelExecutor, Task\n"
        "from pytest_moderator.model import Command\n"
        f"task = Task('a', 'A', 1, commands=(Command('sh', {FOREVER + chr(10)!r}, 1),))\n"
        f"place = ExecutionContext('p', Path({str(context.working_directory)!r}), None, Path('state'))\n"
        "try:\n"
        "    ParallelExecutor(1).execute_tasks([task], place)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    ours = ("PYTEST_", "MODERATOR_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with subprocess.Popen(
        [sys.executable, program], cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        until((context.working_directory / "pid").exists)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE)
    assert (output, process.returncode) == ("interrupted\n", 0)
    assert processes(tmp_path) == []


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
    text = (Path(__file__).parents[1] / "docs" / "library.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example
    ran = subprocess.run(
        [sys.executable, "-c", example[1]], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "build completed \ntest completed built\n\n"
