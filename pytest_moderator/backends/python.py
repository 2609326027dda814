"""The ``python`` backend: code fences and functions, run in a Python process of their own."""

from __future__ import annotations

import contextlib
import importlib.machinery
import json
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.attempt.output import clean, excerpt
from pytest_moderator.backends import python_runner
from pytest_moderator.backends.base import Backend
from pytest_moderator.backends.process import process_result, run_process
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Task, TaskResult

_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_CALL = re.compile(f"(?P<module>{_DOTTED}):(?P<function>{_DOTTED})")


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

    def accepts(self, task: Task) -> bool:
        """Whether the task has a ``call:`` key, or the first thing to run in it is a ``python`` fence."""
        return bool(task.call) or (bool(task.commands) and task.commands[0].language == "python")

    def validate(self, task: Task) -> list[Problem]:
        """Name what can be seen to be wrong without running or importing anything."""
        if task.call:
            return _call_problems(task.call, task.line)
        fences = [command for command in task.commands if command.language == "python"]
        if not fences:
            return [
                _problem("empty-command", "nothing to run: no 'python' fence and no 'call:'", line=task.line)
            ]
        problems = []
        for fence in fences:
            try:
                with warnings.catch_warnings(action="ignore"):
                    compile(fence.text, "tasks file", "exec", dont_inherit=True)
            except SyntaxError as error:
                line = fence.line + (error.lineno or 1) - 1
                message = f"the Python code cannot be read: {error.msg}"
                problems.append(_problem("python-syntax", message, severity=Severity.WARNING, line=line))
        return problems

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """Run the function or the fences in a process."""
        problems = [
            problem for problem in self.validate(task) if problem.code in ("empty-command", "bad-call")
        ]
        if problems:
            raise ModeratorError(problems[0].message)
        request = context.directory / "python.json"
        failure = context.directory / "python-failure.txt"
        failure.unlink(missing_ok=True)
        request.write_text(json.dumps(_request(task, context, failure)), encoding="utf-8")
        # Without -P, the modules beside the runner could be imported by their bare names.
        argv = (sys.executable, "-P", python_runner.__file__, str(request))
        outcome = run_process(context, argv)
        message = None
        if not outcome.timed_out:
            message = clean(excerpt(failure)).strip() or None
        return process_result(task, context, [outcome], backend=self.name, error_message=message)


def _request(task: Task, context: AttemptContext, failure: Path) -> dict[str, object]:
    """Say to the runner what to do, in plain JSON types."""
    fences = [] if task.call else [fence for fence in task.commands if fence.language == "python"]
    return {
        "call": task.call,
        "fences": [{"text": fence.text, "line": fence.line} for fence in fences],
        "failure": str(failure),
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


def _call_problems(call: str, line: int) -> list[Problem]:
    """Check the form of a call, and whether its top-level package is anywhere."""
    match = _CALL.fullmatch(call)
    if match is None:
        hint = "write package.module:function"
        return [_problem("bad-call", f"{call!r} does not name a function", hint, line=line)]
    top = match["module"].partition(".")[0]
    if top in sys.builtin_module_names or top in sys.modules:
        return []
    with contextlib.suppress(ImportError, ValueError):
        if importlib.machinery.PathFinder.find_spec(top, [str(Path.cwd()), *sys.path]) is not None:
            return []
    hint = "the project's root has to hold it, or it has to be installed"
    message = f"no module {top!r} was found for the call {call!r}"
    return [_problem("unknown-module", message, hint, Severity.WARNING, line=line)]


def _problem(
    code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR, *, line: int
) -> Problem:
    return Problem(severity, code, message, hint, line=line)
