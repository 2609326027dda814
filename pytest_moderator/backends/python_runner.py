"""Runs the Python code of a task. The ``python`` backend starts this file as a program of its own.

Its only argument is a JSON file, which the backend writes. It imports little, because every task pays for it.
"""

from __future__ import annotations

import json
import linecache
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


def main(request_file: str) -> int:
    """Do what a request says.

    Returns:
        The exit code: 1 after an exception, which is printed without the frames of this file.
    """
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    sys.argv = [request["attempt"]["tasks_file"]]
    sys.path.insert(0, request["attempt"]["workspace"])
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a killed task is to have a log
    mask = _mask(request.get("secrets", []))
    try:
        if request["call"]:
            return _call(request)
        _run_fences(request)
    except Exception as error:  # noqa: BLE001 (whatever the task raises is its failure)
        trace = _without_us(error.__traceback__)
        traceback.print_exception(error.with_traceback(trace))
        _say_why(request, trace, mask(traceback.format_exception_only(error)[-1].strip()), error)
        _say_what_kind(request, error)
        return 1
    return 0


def _run_fences(request: dict[str, Any]) -> None:
    """Run all fences as one main module, with the line numbers that they have in the tasks file."""
    file = request["attempt"]["tasks_file"]
    lines: list[str] = []
    for fence in request["fences"]:
        lines += ["\n"] * (fence["line"] - 1 - len(lines))
        lines += fence["text"].splitlines(keepends=True)
    # Tracebacks quote from here, not from the file, which may have been edited since.
    linecache.cache[file] = (0, None, lines, file)
    module = sys.modules["__main__"] = ModuleType("__main__")
    for fence in request["fences"]:
        source = "\n" * (fence["line"] - 1) + fence["text"]
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (it is the task)


def _call(request: dict[str, Any]) -> int:
    """Call the function of a ``call:`` key with what it asks for by name."""
    import importlib  # noqa: PLC0415 (fences do without)
    import inspect  # noqa: PLC0415 (likewise)

    module, _, path = request["call"].partition(":")
    function: Any = importlib.import_module(module)
    for name in path.split("."):
        function = getattr(function, name)
    offered = {"task": _task, "context": _context}
    wanted = inspect.signature(function).parameters
    result = function(**{name: make(request) for name, make in offered.items() if name in wanted})
    if inspect.iscoroutine(result):
        import asyncio  # noqa: PLC0415 (few functions are asynchronous)

        result = asyncio.run(result)
    if result is False:
        print(f"{request['call']} returned False", file=sys.stderr)  # noqa: T201 (our standard error is its log)
        Path(request["failure"]).write_text(f"{request['call']} returned False", encoding="utf-8")
        return 1
    return 0


def _task(request: dict[str, Any]) -> object:
    from pytest_moderator.model import Task  # noqa: PLC0415 (only for those who ask for it)

    return Task.from_dict(request["task"])


def _context(request: dict[str, Any]) -> object:
    import os  # noqa: PLC0415 (only for those who ask for it)

    from pytest_moderator.backends.base import AttemptContext  # noqa: PLC0415 (likewise)
    from pytest_moderator.model import ExecutionContext  # noqa: PLC0415 (likewise)

    place = ExecutionContext.from_dict(request["context"])
    attempt = request["attempt"]
    paths = {
        name: Path(attempt[name]) for name in ("directory", "workspace", "tasks_file", "worker_directory")
    }
    return AttemptContext(**{**attempt, **paths}, **vars(place), environment=dict(os.environ))


def _without_us(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of this file."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _mask(secrets: list[str]) -> Callable[[str], str]:
    """Give what takes the secrets out of what goes into a file of ours; before the task changes its environment."""
    if not secrets:
        return str
    from pytest_moderator.attempt.secrecy import masker_of  # noqa: PLC0415 (few tasks have secrets)

    masker = masker_of(secrets)
    return masker.mask if masker else str


def _say_why(request: dict[str, Any], trace: TracebackType | None, why: str, error: Exception) -> None:
    """Leave the exception in a line, with its place in the tasks file, for the result."""
    lines = [
        line
        for frame, line in traceback.walk_tb(trace)
        if frame.f_code.co_filename == request["attempt"]["tasks_file"]
    ]
    if isinstance(error, SyntaxError) and error.filename == request["attempt"]["tasks_file"]:
        lines.append(error.lineno or 0)
    if lines:
        why = f"{Path(request['attempt']['tasks_file']).name}:{lines[-1]}: {why}"
    Path(request["failure"]).write_text(why, encoding="utf-8", errors="replace")


def _say_what_kind(request: dict[str, Any], error: Exception) -> None:
    """Leave what kind of failure the exception tells of, where it is none of the task's own logic."""
    if not isinstance(error, (OSError, MemoryError)):
        return
    from pytest_moderator.attempt.categories import category_of_error  # noqa: PLC0415 (only for a few exceptions)

    Path(request["kind"]).write_text(category_of_error(error), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
