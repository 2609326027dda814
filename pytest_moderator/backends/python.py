"""The ``python`` backend: code fences and functions, run in a Python process of their own."""

from __future__ import annotations

import importlib.machinery
import json
import re
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.backends.base import Backend, Health
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import ErrorCategory, Problem, Severity

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Command, Task, TaskResult

_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_CALL = re.compile(f"{_DOTTED}:{_DOTTED}")
_TOLD = (ErrorCategory.TRANSIENT, ErrorCategory.RESOURCE, ErrorCategory.PERMISSION, ErrorCategory.TIMEOUT)


class PythonBackend(Backend):
    """Runs the ``python`` fences of a task, or the function that its ``call:`` key names.

    They run in a process of their own, by the interpreter that runs pytest, with the project's root as first
    place to import from. The fences of a task are run in order as one ``__main__`` module; tracebacks name
    their lines in the tasks file.

    A function is given the task and the context when it has parameters called ``task`` and ``context``. An
    ``async`` one is awaited. The task fails when something is raised, when ``sys.exit`` is called with
    anything but 0 or ``None``, and when the function returns ``False``; no other return value has a meaning.
    """

    name = "python"
    needs_command = True

    def accepts(self, task: Task) -> bool:
        """Whether the task has a ``call:`` key, or the first thing to run in it is a ``python`` fence."""
        return bool(task.call) or (bool(task.commands) and task.commands[0].language == "python")

    def validate(self, task: Task) -> list[Problem]:
        """Name what can be seen to be wrong without running or importing anything."""
        if (problem := _form_problem(task)) is not None:
            return [problem]
        if task.call:
            return _module_problems(task.call, task.line)
        return [problem for fence in _fences(task) for problem in _syntax_problems(fence)]

    def health(self) -> Health:
        """Name the interpreter: it is the one that runs this."""
        import platform  # noqa: PLC0415 (most runs have no Python tasks)

        return Health(version=platform.python_version(), detail=sys.executable)

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """Run the function or the fences in a process."""
        from pytest_moderator.attempt.output import clean, excerpt  # noqa: PLC0415 (only where tasks run)
        from pytest_moderator.backends import python_runner  # noqa: PLC0415 (likewise)
        from pytest_moderator.backends.process import process_result, run_process  # noqa: PLC0415 (likewise)

        if (problem := _form_problem(task)) is not None:
            raise ModeratorError(f"{problem.message}: {problem.hint}")
        request = context.directory / "python.json"
        failure = context.directory / "python-failure.txt"
        kind = context.directory / "python-failure-kind.txt"
        failure.unlink(missing_ok=True)
        kind.unlink(missing_ok=True)
        request.write_text(json.dumps(_request(task, context, failure, kind)), encoding="utf-8")
        # Without -P, the modules beside the runner could be imported by their bare names.
        argv = (sys.executable, "-P", python_runner.__file__, str(request))
        outcome = run_process(context, argv)
        message = None
        if not outcome.timed_out:
            message = clean(excerpt(failure)).strip() or None
        result = process_result(task, context, [outcome], backend=self.name, error_message=message)
        return replace(result, category=_kind_of(kind)) if message and result.category is None else result


def _kind_of(path: Path) -> str | None:
    """Read what kind of failure an exception was; one that the task may have caused itself is for its exit code."""
    from pytest_moderator.attempt.output import excerpt  # noqa: PLC0415 (only where tasks run)

    found = excerpt(path).strip()
    return found if found in _TOLD else None


def _request(task: Task, context: AttemptContext, failure: Path, kind: Path) -> dict[str, object]:
    """Say to the runner what to do, in plain JSON types."""
    return {
        "call": task.call,
        "fences": [{"text": fence.text, "line": fence.line} for fence in _fences(task)],
        "failure": str(failure),
        "kind": str(kind),
        "secrets": list(task.secrets),
        "task": task.to_dict(),
        "context": context.to_dict(),
        "attempt": {
            "run_id": context.run_id,
            "attempt": context.attempt,
            "worker": context.worker,
            "timeout": context.timeout,
            "grace": context.grace,
            "directory": str(context.directory),
            "workspace": str(context.workspace),
            "tasks_file": str(context.tasks_file),
            "worker_directory": str(context.worker_directory),
        },
    }


def _fences(task: Task) -> list[Command]:
    """List what is for Python in a task; a ``call:`` comes in place of fences."""
    return [] if task.call else [command for command in task.commands if command.language == "python"]


def _form_problem(task: Task) -> Problem | None:
    """Say what makes it impossible to start."""
    if task.call and not _CALL.fullmatch(task.call):
        message, hint = f"{task.call!r} does not name a function", "write package.module:function"
        return Problem(Severity.ERROR, "bad-call", message, hint, line=task.line)
    if not task.call and not _fences(task):
        message, hint = "nothing to run: no Python code", "add a ```python fence, or a 'call:' line"
        return Problem(Severity.ERROR, "no-command", message, hint, line=task.line)
    return None


def _module_problems(call: str, line: int) -> list[Problem]:
    """Look for the top-level package of a call, without importing it."""
    top = re.split(r"[.:]", call)[0]
    if top in sys.builtin_module_names or importlib.machinery.PathFinder.find_spec(
        top, [str(Path.cwd()), *sys.path]
    ):
        return []
    message = f"no module {top!r} was found for the call {call!r}"
    hint = "it has to be installed, or to lie in the project's root"
    return [Problem(Severity.WARNING, "unknown-module", message, hint, line=line)]


def _syntax_problems(fence: Command) -> list[Problem]:
    """Read the code of a fence. A warning only: the rest of the file can still be run."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(fence.text, "tasks file", "exec", dont_inherit=True)
    except SyntaxError as error:
        message = f"the Python code cannot be read: {error.msg}"
        line = fence.line + (error.lineno or 1) - 1
        return [Problem(Severity.WARNING, "python-syntax", message, "correct it", line=line)]
    return []
