"""What looks like a task and was not read as one: said loudly, never passed over in silence."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from pytest_moderator.model import Problem, Severity
from pytest_moderator.tasksfile.ids import leading_id
from pytest_moderator.tasksfile.lines import find_box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_moderator.tasksfile.dialects import Reading
    from pytest_moderator.tasksfile.document import Document, Node

_BOX_LINE = re.compile(r"[\s>]{0,200}(?:[-*+]|\d{1,9}[.)])?\s{0,20}\[[ \txX~-]{0,3}\](?![(\[:])\s*")
_MAX_RANGES = 12
_LETTER_BOX = re.compile(r"\[[^\W\d_]\]\s+")
UNKNOWN_STATE = "the letter in their box is none that says whether they are done"
UNREAD = "they stand where Markdown sees no list item"


def passed_over(reading: Reading, document: Document, skip: int) -> list[Problem]:
    """Say which boxes were not read as tasks, one warning a reason; where one is written badly, that is an error."""
    reasons = dict(reading.passed_over)
    seen = {entry.node.line for entry in reading.entries} | {
        line for lines in reasons.values() for line in lines
    }
    if lettered := [node.line for node in document.nodes if _has_letter_box(node)]:
        reasons[UNKNOWN_STATE] = lettered
    unread = [line for line in _unread_boxes(document, skip) if line not in seen]
    broken = _broken_boxes(document, unread)
    if rest := [line for line in unread if line not in broken]:
        reasons[UNREAD] = rest
    return [
        *(_broken(line, task_id) for line, task_id in broken.items()),
        *(_not_read(lines, reason) for reason, lines in reasons.items()),
    ]


def _has_letter_box(node: Node) -> bool:
    """Whether a list item with an id has such as ``[C]``, or a tag in place of its box."""
    box = _LETTER_BOX.match(node.text) if node.kind == "item" and not node.quoted else None
    if box is None or find_box(node.text) is not None:
        return False
    found = leading_id(node.text, box.end())
    return found is not None and found.family in ("T", "#")


def _not_read(lines: Sequence[int], reason: str) -> Problem:
    several = len(lines) > 1
    return Problem(
        Severity.WARNING,
        "passed-over",
        f"{len(lines)} check-box{'es' if several else ''} at {_ranges(lines)} "
        f"{'were' if several else 'was'} not read as tasks: {reason}",
        _HINTS.get(reason.split(" ")[1], ""),
        line=lines[0],
    )


def _broken(line: int, task_id: str) -> Problem:
    message = f"{task_id} was not read as a task: Markdown sees no check-box in front of it"
    hint = f"write it as '- [ ] {task_id} …', with one space behind the dash, in the box, and behind it"
    return Problem(Severity.ERROR, "broken-box", message, hint, line=line)


def no_tasks(reading: Reading, document: Document, text: str) -> Problem:
    """Say that a file has no tasks, and what may be the cause."""
    ledger = _with_ids(document, "item")
    in_table = not ledger
    ledger = ledger or _with_ids(document, "row")
    if not text.strip():
        message, hint = "the file is empty", "write tasks as '- [ ] T001 What to do'"
    elif text.lstrip().startswith(("{", "[{")):
        message, hint = (
            "the file is JSON, not Markdown",
            "write its tasks as a Markdown list with check-boxes",
        )
    elif ledger:
        kind = "rows of tables" if in_table else "list items"
        message = f"no task was found: {len(ledger)} {kind} at {_ranges(ledger)} have an id but no check-box"
        hint = "write them as '- [ ] T001 What to do'"
    elif reading.passed_over:
        message, hint = "no check-box was read as a task", "see the warnings about this file"
    else:
        message, hint = (
            "no task was found",
            "write tasks as '- [ ] T001 What to do', or as headings '### Task 1: …'",
        )
    return Problem(Severity.ERROR, "no-tasks", message, hint, line=ledger[0] if ledger else 0)


def _with_ids(document: Document, kind: str) -> list[int]:
    nodes = (node for node in document.nodes if node.kind == kind)
    return [node.line for node in nodes if (found := leading_id(node.text)) and found.family == "T"]


_HINTS = {
    "have": "give them an id, or leave them as notes",
    "letter": "write '[ ]' or '[x]'",
    "stand": "move them under a heading of a phase if they are tasks",
}


def _broken_boxes(document: Document, lines: Iterable[int]) -> dict[int, str]:
    """Find the boxes that lack a space, or have one too many, before an id; quotes and code are not meant."""
    other = {
        number
        for node in document.nodes
        if node.kind in ("code", "html") or node.quoted
        for number in range(node.line, node.end + 1)
    }
    broken: dict[int, str] = {}
    for number in lines:
        line = document.lines[number - 1]
        box = _BOX_LINE.match(line)
        found = leading_id(line[box.end() :]) if box else None
        if found and found.family == "T" and number not in other:
            broken[number] = found.id
    return broken


def _unread_boxes(document: Document, skip: int) -> Iterator[int]:
    """Yield the lines that look like boxes and are neither in a fence nor in a comment."""
    hidden = {
        number
        for node in document.nodes
        if node.kind == "fence" or (node.kind == "html" and node.text.lstrip().startswith("<!--"))
        for number in range(node.line, node.end + 1)
    }
    for number, line in enumerate(document.lines[skip:], skip + 1):
        if "[" in line and number not in hidden and _BOX_LINE.match(line):
            yield number


def _ranges(lines: Iterable[int]) -> str:
    """Write line numbers as ``lines 3, 8-12``."""
    ordered = sorted(set(lines))
    runs = [
        [number for _, number in group]
        for _, group in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])
    ]
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:_MAX_RANGES]]
    more = ", …" if len(runs) > _MAX_RANGES else ""
    return f"line{'s' if len(ordered) > 1 else ''} {', '.join(shown)}{more}"
