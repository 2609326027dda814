"""Tasks to Markdown text that reads back as the same tasks."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.assemble import PYTHONS, SHELLS
from pytest_moderator.tasksfile.inline import as_code
from pytest_moderator.tasksfile.reader import parse_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_moderator.model import Command, Task

_BACKTICKS = re.compile(r"`+")
_INDENT = "  "


def render_tasks(tasks: Sequence[Task], order: str = "explicit") -> str:
    """Write tasks as a Markdown check-list with everything that the reader can read back.

    A title that would be read as something else (a tag, an id, a dependency) is written as the key ``title``.

    Args:
        tasks: the tasks.
        order: the order mode that the file asks for in its front matter.

    Returns:
        The text; line ends in commands are LF.

    Raises:
        ValueError: a command is in a language that no code fence of a task can hold.
    """
    apart: set[str] = set()
    while True:
        text = _render(tasks, order, apart)
        read = {task.id: task for task in parse_tasks(text, Path(), "").tasks}
        differing = {task.id for task in tasks if task.id not in apart and _differs(task, read.get(task.id))}
        if not differing:
            return text
        apart |= differing  # what one title looked like may have decided how another was read


def _differs(task: Task, read: Task | None) -> bool:
    if read is None:
        return True
    names = ("title", "parallel", "story", "optional", "done", "depends_on")
    return any(getattr(task, name) != getattr(read, name) for name in names)


def _render(tasks: Sequence[Task], order: str, apart: set[str]) -> str:
    lines = ["---", "moderator:", f"{_INDENT}order: {json.dumps(order)}", "---", "", "# Tasks", ""]
    for task in tasks:
        lines.extend(_task_lines(task, title_apart=task.id in apart))
    return "\n".join(lines) + "\n"


def _task_lines(task: Task, *, title_apart: bool) -> Iterator[str]:
    box = f"[{'x' if task.done else ' '}]{'*' if task.optional else ''}"
    tags = f"{'[P] ' if task.parallel else ''}{f'[{task.story}] ' if task.story else ''}"
    yield f"- {box} {tags}{'task' if title_apart else task.title}"
    yield f"{_INDENT}- id: {as_code(task.id)}"
    if title_apart:
        yield f"{_INDENT}- title: {json.dumps(task.title)}"
    for key, values in _lists(task):
        if values:
            yield f"{_INDENT}- {key}:"
            yield from (f"{_INDENT * 2}- {as_code(value)}" for value in values)
    for key, value in _values(task):
        if value is not None:
            yield f"{_INDENT}- {key}: {as_code(value)}"
    for command in task.commands:
        yield from _fence(command)
    yield ""


def _lists(task: Task) -> Iterator[tuple[str, Sequence[str]]]:
    yield "depends on", task.depends_on
    yield "files", task.files
    yield "verify", task.verify
    yield "env", [f"{name}={value}" for name, value in task.env.items()]
    yield "reduced", [f"{name}={value}" for name, value in task.reduced.items()]
    yield "secrets", task.secrets
    yield "fixtures", task.fixtures
    yield "resources", task.resources


def _values(task: Task) -> Iterator[tuple[str, str | None]]:
    yield "critical", "yes" if task.critical else None
    yield "backend", task.backend
    yield "call", task.call
    yield "timeout", _seconds(task.timeout)
    yield "retries", None if task.retries is None else str(task.retries)
    yield "refresh", task.refresh
    yield "approve", None if task.approve is None else ("yes" if task.approve else "no")
    yield "isolation", None if task.isolation is None else task.isolation.value
    yield "memory", None if task.memory is None else str(task.memory)
    yield "estimate", _seconds(task.estimate)
    yield "budget", task.budget


def _seconds(value: float | None) -> str | None:
    """Write a float without an exponent, digit by digit what it is."""
    return None if value is None else f"{Decimal(repr(value)):f}s"


def _fence(command: Command) -> Iterator[str]:
    if command.language not in SHELLS.values() and command.language not in PYTHONS.values():
        raise ValueError(f"a task cannot hold a command in {command.language!r}; use sh or python")
    longest = max((len(run) for run in _BACKTICKS.findall(command.text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{_INDENT}{fence}{command.language}"
    for line in command.text.removesuffix("\n").split("\n"):
        yield f"{_INDENT}{line}" if line else ""
    yield f"{_INDENT}{fence}"
