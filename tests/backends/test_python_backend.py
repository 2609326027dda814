"""The Python backend, with real interpreters."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import run_task
from pytest_moderator.backends import python_runner
from pytest_moderator.backends.python import PythonBackend
from pytest_moderator.model import Command, Severity, Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext


def fences(*sources: str, **values: Any) -> Task:
    commands = tuple(Command("python", source, 10 * number) for number, source in enumerate(sources, 1))
    return Task("T001", "A task", 3, commands=commands, **values)


def call(function: str, **values: Any) -> Task:
    return Task("T001", "A task", 3, call=function, **values)


def run(task: Task, place: AttemptContext) -> TaskResult:
    return run_task(task, PythonBackend(), place)


@pytest.fixture
def module(place: AttemptContext) -> Path:
    """A module in the project's root, to be filled by the test."""
    package = place.workspace / "package"
    package.mkdir()
    return package / "steps.py"


def test_a_fence(place: AttemptContext) -> None:
    result = run(
        fences("import os, sys\nprint(__name__, os.environ['MODERATOR_TASK_ID'], sys.argv)\n"), place
    )
    assert result.stdout == f"__main__ T001 {[str(place.tasks_file)]}\n"
    assert (result.status, result.exit_code, result.error_message) == (TaskStatus.COMPLETED, 0, None)


def test_fences_are_one_module(place: AttemptContext) -> None:
    first = "import pickle\nclass A:\n    pass\n"
    assert run(fences(first, "pickle.loads(pickle.dumps(A()))\nprint('ok')\n"), place).stdout == "ok\n"


def test_a_traceback_has_the_lines_of_the_file(place: AttemptContext) -> None:
    place.tasks_file.write_text("edited since\n")
    result = run(fences("def f():\n    return 1 / 0\n", "\nf()\n"), place)
    assert (result.status, result.exit_code) == (TaskStatus.FAILED, 1)
    assert f'"{place.tasks_file}", line 21, in <module>\n    f()' in result.stderr
    assert f'"{place.tasks_file}", line 11, in f\n    return 1 / 0' in result.stderr
    assert "python_runner" not in result.stderr
    assert result.error_message == "tasks.md:11: ZeroDivisionError: division by zero"


def test_a_syntax_error_has_its_line(place: AttemptContext) -> None:
    result = run(fences("x = 1\nx = (\n"), place)
    assert result.error_message == "tasks.md:11: SyntaxError: '(' was never closed"


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("import sys; sys.exit()", 0, None),
        ("import sys; sys.exit(3)", 3, "exit code 3"),
        ("import sys; sys.exit('no luck')", 1, "exit code 1"),
        ("import os; os._exit(4)", 4, "exit code 4"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 139, "exit code 139 (SIGSEGV)"),
        ("raise KeyboardInterrupt", 130, "exit code 130 (SIGINT)"),
        ("input()", 1, "tasks.md:10: EOFError: EOF when reading a line"),
        ("raise ValueError('\\x1b[31m\\ud800\\nx')", 1, "tasks.md:10: ValueError: ?\nx"),
    ],
)
def test_how_it_ends(place: AttemptContext, source: str, code: int, message: str | None) -> None:
    result = run(fences(source + "\n"), place)
    assert (result.exit_code, result.error_message) == (code, message)


@pytest.mark.parametrize(
    ("raised", "category"),
    [
        ("ConnectionResetError('gone')", "transient"),
        ("MemoryError()", "resource"),
        ("OSError(errno.ENOSPC, 'full')", "resource"),
        ("PermissionError(errno.EACCES, 'no')", "permission"),
        ("TimeoutError('late')", "timeout"),
        ("FileNotFoundError(errno.ENOENT, 'no')", "logic"),  # the file is the task's business
        ("OSError('odd')", "logic"),
        ("ValueError('odd')", "logic"),
    ],
)
def test_what_an_exception_tells_of(place: AttemptContext, raised: str, category: str) -> None:
    result = run(fences(f"import errno\nraise {raised}\n", retries=0), place)
    assert (result.exit_code, result.category) == (1, category)


def test_an_earlier_exception_tells_nothing(place: AttemptContext) -> None:
    source = "import os\nif os.environ['MODERATOR_ATTEMPT'] == '1':\n    raise PermissionError\nos._exit(1)\n"
    assert run(fences(source, retries=1), place).category == "logic"


def test_a_time_limit_and_what_was_printed_before(place: AttemptContext) -> None:
    for limit in (2.0, 20.0):  # a longer one where it was over before anything was printed
        result = run(fences("import time\nprint('begun')\ntime.sleep(600)\n", timeout=limit), place)
        if result.stdout:
            break
    assert (result.exit_code, result.stdout) == (124, "begun\n")
    assert result.error_message == f"timed out after {limit:g} s"


def test_an_earlier_failure_is_forgotten(place: AttemptContext) -> None:
    source = "import os\nif os.environ['MODERATOR_ATTEMPT'] == '1':\n    raise ValueError\nos._exit(2)\n"
    result = run(fences(source, retries=1), place)
    assert result.error_message == "exit code 2"


def test_a_function_takes_what_it_names(place: AttemptContext, module: Path) -> None:
    module.write_text(
        "class Steps:\n"
        "    @staticmethod\n"
        "    def go(context, *, task, other=1):\n"
        "        print(task.id, task.commands[0].text, context.attempt)\n"
        "        print(context.workspace, context.environment['X'])\n"
    )
    task = replace(fences("unused\n"), call="package.steps:Steps.go", env={"X": "x"})
    assert run(task, place).stdout == f"T001 unused\n 1\n{place.workspace} x\n"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("def go(): pass", 0, None),
        ("def go(): return 5", 0, None),
        ("def go(): return False", 1, "package.steps:go returned False"),
        ("async def go(task): return task.id == 'T1'", 1, "package.steps:go returned False"),
        ("async def go(): import asyncio; await asyncio.sleep(0); print('awaited')", 0, None),
        ("def go(needed): pass", 1, "TypeError: go() missing 1 required positional argument: 'needed'"),
        ("def stop(): pass", 1, "AttributeError: module 'package.steps' has no attribute 'go'"),
        ("import missing_module", 1, "ModuleNotFoundError: No module named 'missing_module'"),
    ],
)
def test_how_a_call_ends(
    place: AttemptContext, module: Path, body: str, code: int, message: str | None
) -> None:
    module.write_text(body + "\n")
    result = run(call("package.steps:go"), place)
    assert (result.exit_code, result.error_message) == (code, message)


def test_modules_come_from_the_project_not_from_the_runner(place: AttemptContext) -> None:
    (place.workspace / "shell.py").write_text("print('the project')\n")
    elsewhere = place.workspace / "elsewhere"
    elsewhere.mkdir()
    result = run(fences("import shell\n"), replace(place, working_directory=elsewhere))
    assert result.stdout == "the project\n"
    assert not run(fences("import routing\n"), place).success


@pytest.mark.parametrize(
    ("task", "accepted"),
    [
        (fences("x = 1\n"), True),
        (call("a:b"), True),
        (Task("T1", "", 3, commands=(Command("sh", "true\n", 4), Command("python", "x\n", 6))), False),
        (Task("T1", "In prose", 3), False),
    ],
)
def test_what_it_accepts(task: Task, accepted: bool) -> None:
    assert PythonBackend().accepts(task) is accepted


@pytest.mark.parametrize(
    "function", ["json:dumps", "os.path:join", "sys:exit", "pytest_moderator:Task.from_dict"]
)
def test_calls_that_are_fine(function: str) -> None:
    assert PythonBackend().validate(call(function)) == []


@pytest.mark.parametrize(
    "function", ["json", "json:", ":dumps", "json:dumps()", "-m:x", "a b:c", "a..b:c", "1a:b"]
)
def test_calls_that_name_no_function(function: str, place: AttemptContext) -> None:
    (problem,) = PythonBackend().validate(call(function))
    assert (problem.code, problem.severity, problem.line) == ("bad-call", Severity.ERROR, 3)
    assert "write package.module:function" in (run(call(function), place).error_message or "")


def test_a_module_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = PythonBackend().validate(call("nowhere_at_all.x:f"))
    assert (problem.code, problem.severity) == ("unknown-module", Severity.WARNING)
    (tmp_path / "nowhere_at_all.py").touch()
    monkeypatch.chdir(tmp_path)
    assert PythonBackend().validate(call("nowhere_at_all.x:f")) == []
    assert "nowhere_at_all" not in sys.modules


def test_nothing_to_run(place: AttemptContext) -> None:
    (problem,) = PythonBackend().validate(Task("T1", "In prose", 3))
    assert problem.code == "no-command"
    assert "nothing to run: no Python code" in (run(Task("T1", "", 3), place).error_message or "")


def test_code_that_cannot_be_read_is_named_with_its_line() -> None:
    (problem,) = PythonBackend().validate(fences("x = 1\n", "y = 1\nif y\n"))
    assert (problem.code, problem.severity, problem.line) == ("python-syntax", Severity.WARNING, 21)
    assert PythonBackend().validate(fences("x = '\\d'\nassert (x, 'always')\n")) == []


def test_the_runner_is_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner in this process, where one can look into it."""
    request = {
        "call": "",
        "fences": [],
        "failure": str(tmp_path / "failure"),
        "attempt": {"tasks_file": "tasks.md", "workspace": str(tmp_path)},
    }
    (tmp_path / "python.json").write_text(json.dumps(request))
    monkeypatch.setattr(sys, "argv", ["runner", str(tmp_path / "python.json")])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(python_runner.__file__, run_name="__main__")
    assert ended.value.code == 0
