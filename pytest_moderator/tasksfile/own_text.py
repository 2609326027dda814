"""What a task says in its own words, whatever is ticked and wherever it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.fields import Field, read_field
from pytest_moderator.tasksfile.words import STATUS_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_moderator.model import Task

_BOX = re.compile(r"(?<![\w\])])\\?\[(?:[^\w\[\]]|[xX_]|)\\?\](?=[\s*_|:]|$)")
_MARK = re.compile(r"[✅☑✔]\ufe0f?")
_BULLET = re.compile(r"(?:(?:[-+*>]|\d{1,9}[.)])\s+)*")
_STATUS_WORD = re.compile("|".join(sorted(STATUS_KEYS)), re.IGNORECASE)
_NO_WORD = re.compile(r"[\W_]+")


def own_text(task: Task) -> tuple[str, ...]:
    """Give the title of a task, and the lines below it that say anything.

    What only shows how far the task is makes no difference: whether its box and those of its steps are ticked, what
    its status says. Neither do indentation and empty lines.

    Args:
        task: a task as the reader gave it; title and description count, and nothing else.
    """
    first, _, rest = task.description.partition("\n")
    # the first line is the title with tags around it; where the title stands elsewhere, it is a line like others
    title, first = _stateless(task.title), _stateless(first)
    is_title = title in first or _letters(title) in _letters(first)
    return (title, *said_in(rest if is_title else task.description))


def said_in(text: str) -> Iterator[str]:
    """Yield the lines of a text that say anything, with all boxes open and without any that is a status."""
    may_hold_status = _STATUS_WORD.search(text) is not None
    for raw in text.split("\n"):
        line = _stateless(raw)
        if line and not (may_hold_status and _says_status(line)):
            yield line


def is_status(name: str) -> bool:
    """Whether the name of a field says that its value is how far the task is."""
    return Field(name, "", 0, plain=False).key in STATUS_KEYS


def _stateless(line: str) -> str:
    if "[" in line:
        line = _BOX.sub("[ ]", line)
    if not line.isascii():
        line = _MARK.sub("", line)
    return " ".join(line.split())


def _says_status(line: str) -> bool:
    if line.startswith("|"):  # a row of a table
        return is_status(line.split("|")[1].strip("*_ :："))
    bullet = _BULLET.match(line)
    found = read_field(line[bullet.end() :] if bullet else line, 0)
    return found is not None and is_status(found.name)


def _letters(text: str) -> str:
    return _NO_WORD.sub("", text)
