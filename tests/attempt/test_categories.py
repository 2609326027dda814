"""What kind of failure it was: every row of the table in docs/retries.md."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import CANCELLED, run_task
from pytest_moderator.attempt.categories import (
    category_of_error,
    category_of_exit,
    category_of_start,
    hint_of,
)
from pytest_moderator.backends.base import AttemptContext, Backend, ProcessOutcome
from pytest_moderator.backends.process import process_result, run_process
from pytest_moderator.backends.python import PythonBackend
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.merging import ConflictError
from pytest_moderator.model import Command, ErrorCategory, Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

CONFLICT = ConflictError(["a.txt"], ("one", "two"))
DOCUMENT = Path(__file__).parents[2] / "docs" / "retries.md"


def shell(script: str, **values: Any) -> Callable[[AttemptContext], TaskResult]:
    task = Task("T001", "A task", 3, commands=(Command("sh", f"{script}\n", 4),), **values)
    return lambda place: run_task(task, ShellBackend(), place, retries=0)


def python(source: str) -> Callable[[AttemptContext], TaskResult]:
    task = Task("T001", "A task", 3, commands=(Command("python", f"{source}\n", 4),))
    return lambda place: run_task(task, PythonBackend(), place, retries=0)


class Doing(Backend):
    """Does what it is told."""

    name = "doing"

    def __init__(self, action: Callable[[Task, AttemptContext], TaskResult]) -> None:
        self.execute = action  # type: ignore[method-assign]

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        raise NotImplementedError


def doing(action: Callable[[Task, AttemptContext], TaskResult]) -> Callable[[AttemptContext], TaskResult]:
    return lambda place: run_task(Task("T001", "A task", 3), Doing(action), place, retries=0)


def starting(make: Callable[[Path], str]) -> Callable[[AttemptContext], TaskResult]:
    def action(task: Task, context: AttemptContext) -> TaskResult:
        outcome = run_process(context, [make(context.working_directory)])
        return process_result(task, context, [outcome], backend="doing")

    return doing(action)


def raising(error: Exception) -> Callable[[AttemptContext], TaskResult]:
    def action(task: Task, context: AttemptContext) -> TaskResult:
        raise error

    return doing(action)


def no_program(directory: Path) -> str:
    path = directory / "text"
    path.write_text("no program\n")
    path.chmod(0o755)
    return str(path)


def not_allowed(directory: Path) -> str:
    path = directory / "not-allowed"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)
    return str(path)


def out_of(number: int) -> Callable[[AttemptContext], TaskResult]:
    """A launcher for which the system has no room; it cannot be made to happen without harm to others."""

    class Full:
        clock = staticmethod(time.monotonic)

        def run(self, spec: object) -> ProcessOutcome:
            return ProcessOutcome(126, 0.0, error="cannot start 'x': no room", errno=number)

    return lambda place: shell("true")(dataclasses.replace(place, launcher=Full()))


def cancelled(task: Task, context: AttemptContext) -> TaskResult:
    (context.directory / CANCELLED).touch()
    return TaskResult(task, exit_code=143, status=TaskStatus.FAILED)


ROWS = [
    ("exit code 1 to 123, but 75", "logic", [shell("exit 1"), shell("exit 3"), shell("exit 123")]),
    ("exit code 75 (`EX_TEMPFAIL`: try later)", "transient", [shell("exit 75")]),
    ("exit code 124, the time limit", "timeout", [shell("sleep 60", timeout=0.3), shell("exit 124")]),
    ("exit code 126 or 127: no program, or not one", "configuration", [shell("no-such-program"), shell("/")]),
    (
        "ended by SIGHUP, SIGINT, SIGQUIT, SIGTERM",
        "cancelled",
        [shell(f"kill -{name} $$; sleep 9") for name in ("HUP", "QUIT", "TERM")] + [shell("exit 130")],
    ),
    ("killed (SIGKILL), and not by us: mostly for want of memory", "resource", [shell("kill -KILL $$")]),
    (
        "its processes use more than its [`memory`](#memory)",
        "resource",
        [shell("trap 'exit 0' TERM; while :; do sleep 0.05; done", memory=1000)],
    ),
    ("ended by SIGXCPU, SIGXFSZ", "resource", [shell("kill -XCPU $$"), shell("kill -XFSZ $$")]),
    ("crashed (SIGSEGV, SIGABRT, SIGBUS, SIGFPE, …)", "logic", [shell(f"kill -{n} $$") for n in ("SEGV", "ABRT")]),
    ("cannot be started: no permission", "permission", [starting(not_allowed)]),
    (
        "cannot be started: no disk space, memory, processes, descriptors",
        "resource",
        [out_of(number) for number in (errno.ENOSPC, errno.ENOMEM, errno.EAGAIN, errno.EMFILE)],
    ),
    (
        "cannot be started: not there, not a program",
        "configuration",
        [starting(lambda directory: str(directory / "none")), starting(no_program), out_of(errno.EINVAL)],
    ),
    ("the backend cannot do it as it is set", "configuration", [raising(ModeratorError("set it"))]),
    ("a connection of the backend is lost", "transient", [raising(ConnectionResetError("gone"))]),
    ("a Python task raises a `ConnectionError`", "transient", [python("raise ConnectionResetError('gone')")]),
    ("a Python task raises `PermissionError`", "permission", [python("raise PermissionError(13, 'no')")]),
    ("a Python task raises `TimeoutError`", "timeout", [python("raise TimeoutError('late')")]),
    (
        "a Python task raises `MemoryError`, or an `OSError` for want of disk space or the like",
        "resource",
        [python("raise MemoryError"), python("raise OSError(28, 'full')")],
    ),
    ("the backend raises anything else", "logic", [raising(KeyError("x")), raising(OSError("odd"))]),
    ("`verify:` fails ([verification.md](verification.md))", "verification", [shell("true", verify=("false",))]),
    ("its work cannot be merged ([isolation.md](isolation.md))", "conflict", [raising(CONFLICT)]),
    ("`moderator cancel`", "cancelled", [doing(cancelled)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("category", "run"),
    [
        pytest.param(category, run, id=f"{row[:24]}-{n}")
        for row, category, runs in ROWS
        for n, run in enumerate(runs)
    ],
)
def test_a_row(place: AttemptContext, category: str, run: Callable[[AttemptContext], TaskResult]) -> None:
    result = run(place)
    assert (result.status, result.category) == (TaskStatus.FAILED, category)
    assert result.hint == hint_of(category) != ""


def test_the_document_has_these_rows() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").split("\n\n")[2]
    rows = re.findall(r"^\| (.*) \| `(.*)` \|$", table, re.MULTILINE)
    assert rows == [(row, category) for row, category, _ in ROWS]


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (MemoryError(), "resource"),
        (TimeoutError(), "timeout"),
        (PermissionError(errno.EACCES, "no"), "permission"),
        (OSError(errno.ENOSPC, "full"), "resource"),
        (FileNotFoundError(errno.ENOENT, "none"), "configuration"),
        (OSError(errno.EHOSTUNREACH, "away"), "transient"),
        (ValueError("x"), "logic"),
    ],
)
def test_what_was_raised(error: Exception, category: str) -> None:
    assert category_of_error(error) == category


@pytest.mark.parametrize(
    ("code", "category"), [(0, "logic"), (192, "logic"), (193, "logic"), (255, "logic"), (142, "timeout")]
)
def test_odd_exit_codes(code: int, category: str) -> None:
    assert category_of_exit(code) == category


def test_what_a_backend_says_itself_wins(place: AttemptContext) -> None:
    said = TaskResult(Task("T", "t", 1), 143, status=TaskStatus.FAILED, category="permission")
    assert doing(lambda task, context: said)(place).category == "permission"
    strange = dataclasses.replace(said, category="cosmic")
    result = doing(lambda task, context: strange)(place)
    assert (result.category, result.hint) == ("cosmic", "")


def test_a_process_that_was_started() -> None:
    assert category_of_start(ProcessOutcome(1, 0.0)) is None
    assert category_of_start(ProcessOutcome(1, 0.0, error="somebody took its exit status")) is None


def test_every_category_has_a_hint() -> None:
    hints = [hint_of(category) for category in ErrorCategory]
    assert all(hints)
    assert len(set(hints)) == len(hints)
    assert os.linesep not in "".join(hints)
