"""``key: value`` lines under a task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.tasksfile.inline import bare, without_code
from pytest_moderator.tasksfile.words import LISTED_KEYS, STATUS_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_moderator.tasksfile.document import Node

_FIELD = re.compile(
    r"(?P<open>[*_]{0,3})(?P<name>\w[\w \-/()&.]{0,40}?)(?P<mid>[*_]{0,3})\s?"
    r"(?:：|:(?=[*_]{0,3}(?:\s|$)|[*_]{1,3}:\s))(?P<after>[*_]{0,3})(?:(?<=[*_]):)?\s*(?P<value>.*)"
)
# **Phase**: 1 | **Depends**: T001; without emphasis, what follows a bar may be part of a command.
# Fields that end with their emphasis may stand in a row: _Boundary: parser_ _Depends: 1.2_
_NEXT_FIELD = re.compile(
    r"\s+[|·•]\s+(?=(?:\*\*|__)\w|(?i:depends(?: on)?|dependenc(?:y|ies)|deps|blocked by)\s?:\s)"
    r"|(?<=_)(?:\s*[|·•,;、])?\s+(?=_\w[\w ]{0,30}[:：])"
)
# Keys of scripts without capital letters: nothing but their colon tells them from prose.
_WITHOUT_CASE = frozenset(key for key in LISTED_KEYS | STATUS_KEYS if key == key.upper())
_COMMA = re.compile(r"[,;、，،]")
_MAX_WORDS = 4


class Field(NamedTuple):
    """A line that says ``key: value``.

    Attributes:
        name: the key as written, without marks of emphasis.
        value: what follows; may be empty.
        line: 1-based line.
        plain: whether the key is written the way our own keys are: lower case, no emphasis.
        items: the lines of a list nested under it, each with its line number.
        node: the block that it stands in.
    """

    name: str
    value: str
    line: int
    plain: bool
    items: tuple[tuple[str, int], ...] = ()
    node: Node | None = None

    @property
    def key(self) -> str:
        """The key in lower case, words separated by one space."""
        return " ".join(self.name.lower().replace("_", " ").replace("-", " ").split())


def read_field(text: str, line: int, node: Node | None = None) -> Field | None:
    """Read one line as ``key: value``; ``None`` when it is prose."""
    match = _FIELD.match(text)
    if match is None or len(match["name"].split()) > _MAX_WORDS:
        return None
    value = match["value"].strip()
    opened = match["open"]
    if opened and not (match["mid"] or match["after"]):  # the emphasis ends with the line: _Depends: 1.2_
        value = value.removesuffix(opened).rstrip()
    emphasis = opened or match["mid"] or match["after"]
    name = match["name"].strip()
    return Field(name, value, line, not emphasis and name == name.lower(), node=node)


def fields_of(node: Node) -> Iterator[Field]:
    """Yield the fields of a list item, a paragraph or a row of a table."""
    return {"item": _of_item, "text": _of_text, "row": _of_row}[node.kind](node)


def _of_item(node: Node) -> Iterator[Field]:
    """Yield the fields that a list item is, the last one with what is nested in it."""
    first, _, more = node.text.partition("\n")
    *others, last = _parts(first)
    fields = (read_field(text, node.line, node) for text in others)
    yield from (field for field in fields if field is not None)
    found = read_field(last, node.line, node)
    if found is None:
        return
    if more:
        found = found._replace(value=f"{found.value} {' '.join(more.split())}".strip())
    items = tuple((child.text, child.line) for child in node.children if child.kind == "item")
    yield found._replace(items=items)


def _parts(line: str) -> list[str]:
    return _NEXT_FIELD.split(line) if any(mark in line for mark in ("|", "·", "•", "_ ", "_,")) else [line]


def _of_text(node: Node) -> Iterator[Field]:
    """Yield the fields of a paragraph, one a line; plain ones are prose there."""
    for number, line in enumerate(node.text.split("\n"), node.line):
        for text in _parts(line.strip()):
            found = read_field(text, number, node)
            if found is not None and (not found.plain or found.key in _WITHOUT_CASE):
                yield found


def _of_row(node: Node) -> Iterator[Field]:
    """Yield the field that a row of a two-column table is."""
    for cells in (node.header, node.cells):
        if len(cells) == 2:  # noqa: PLR2004 (key and value)
            yield Field(cells[0].strip("*_ :："), cells[1], node.line, plain=False, node=node)


def split_list(value: str) -> list[str]:
    """Split a value at its commas and the like; inline code stays whole."""
    pieces, start = [], 0
    for match in _COMMA.finditer(without_code(value)):
        pieces.append(value[start : match.start()])
        start = match.end()
    return [piece.strip() for piece in (*pieces, value[start:]) if piece.strip()]


def entries(found: Field) -> list[tuple[str, int]]:
    """Give the values of a list: what commas separate, and the lines nested under it."""
    listed = [(bare(piece), found.line) for piece in split_list(found.value)]
    return listed + [(bare(text), line) for text, line in found.items]
