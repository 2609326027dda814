"""Executions that come to no good end: killed, broken, shut down, interrupted. Nothing is left running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from programs import BOTH, FOREVER, STUBBORN, Diary, OnStart, make, processes, statuses
from waiting import PATIENCE, until

from pytest_moderator import (
    AggregateExecutionError,
    ExecutionContext,
    ModeratorError,
    ParallelExecutor,
    SequentialExecutor,
    Task,
    TaskExecutor,
    TaskStatus,
)
from pytest_moderator.child import ChildRun


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
        output, _ = process.communicate(timeout=PATIENCE)
    assert (output, process.returncode) == ("interrupted\n", 0)
    assert processes(tmp_path) == []
