"""Markdown text as a flat list of nodes that know their lines.

Everything that the reader looks at comes from here, so what is not a list item or a heading for Markdown
(a fence, a comment, inline code, front matter) can never be taken for a task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MAX_NESTING = 100  # lists and quotes nested deeper than this are left unread
_RULE = "---"
# What a text holds wherever such a block is: without it, nothing is gained by looking for the block on every line.
_HELD_BY = {
    rule: re.compile(pattern, re.MULTILINE)
    for rule, pattern in {
        "table": r"\|",
        "fence": r"`{3}|~{3}",
        "blockquote": r">",
        "hr": r"([-*_])[ \t]*\1[ \t]*\1[ \t]*$",
        "html_block": r"<",
        "heading": r"#",
        "lheading": r"^[ \t>]*(?:=+|-+)[ \t]*$",
    }.items()
}


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """One block of the text.

    Attributes:
        kind: ``heading``, ``item``, ``text``, ``fence``, ``code``, ``html`` or ``row`` (of a table).
        line: 1-based first line.
        end: 1-based last line, trailing blank lines left out; of an item that of its first paragraph, for
            what is nested in it has lines of its own.
        text: what it says; of an item its first paragraph, of a fence what it holds.
        level: of a heading 1 to 6; of an item how many items it is nested in.
        info: what follows the backticks of a fence.
        parent: the list item around it.
        section: the headings that it stands under, outermost first.
        quoted: whether it stands in a block quote.
        children: nodes nested in an item.
        cells: of a row of a table; ``header`` are those of the table's first row.
        header: see ``cells``.
    """

    kind: str
    line: int
    end: int
    text: str = ""
    level: int = 0
    info: str = ""
    parent: Node | None = None
    section: tuple[Node, ...] = ()
    quoted: bool = False
    children: list[Node] = field(default_factory=list)
    cells: tuple[str, ...] = ()
    header: tuple[str, ...] = ()


class Document(NamedTuple):
    """A text and its blocks.

    Attributes:
        lines: the text's lines; ``lines[0]`` is line 1.
        nodes: all blocks in order, nested ones too.
    """

    lines: tuple[str, ...]
    nodes: tuple[Node, ...]


def split_lines(text: str) -> list[str]:
    """Split where Markdown does: at CRLF, CR and LF and nowhere else."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def parse_document(lines: Sequence[str], skip: int = 0) -> Document:
    """Find the blocks of a text.

    Args:
        lines: the text's lines.
        skip: how many of the first lines are front matter.
    """
    text = "\n" * skip + "\n".join(lines[skip:])
    builder = _Builder(lines)
    for token in parser_for(text).parse(text):
        builder.feed(token)
    return Document(tuple(lines), tuple(builder.nodes))


def parser_for(text: str) -> MarkdownIt:
    """Make a parser that finds the blocks of a text, and does not look for those that it cannot have."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 (much looks at tasks and reads no file)

    markdown = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable("table").disable("reference")
    markdown.core.ruler.enableOnly(["normalize", "block"])  # inline markup is not needed
    return markdown.disable([rule for rule, pattern in _HELD_BY.items() if not pattern.search(text)])


class _Builder:
    """Turns tokens into nodes, one after another."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.nodes: list[Node] = []
        self.items: list[Node] = []
        self.headings: list[Node] = []
        self.section: tuple[Node, ...] = ()
        self.quotes = 0
        self.opened: Token | None = None
        self.header: tuple[str, ...] = ()
        self.cells: list[str] | None = None

    def feed(self, token: Token) -> None:
        """Take the next token."""
        kind = token.type
        if kind == "inline":
            self._inline(token)
        elif kind in ("paragraph_open", "heading_open"):
            self.opened = token
        elif kind == "list_item_open":
            self.items.append(self._add("item", token, level=len(self.items)))
        elif kind == "list_item_close":
            self.items.pop()
        elif kind in ("fence", "code_block", "html_block"):
            self._add(kind.removesuffix("_block"), token, text=token.content, info=token.info)
        elif kind == "blockquote_open":
            self.quotes += 1
        elif kind == "blockquote_close":
            self.quotes -= 1
        else:
            self._table(token)

    def _inline(self, token: Token) -> None:
        if self.cells is not None:
            self.cells.append(token.content)
            return
        opened = self.opened
        if opened is not None and opened.type == "heading_open" and not self._is_rule(opened):
            self._heading(opened, token)
            return
        owner = self.items[-1] if self.items else None
        if owner is not None and not owner.children and not owner.text:
            owner.text = token.content
            owner.end = (token.map or (0, owner.end))[1]
        else:
            self._add("text", token, text=token.content)

    def _is_rule(self, heading: Token) -> bool:
        """Whether the underline of a heading is a ``---`` that its author meant as a rule."""
        return heading.markup == "-" and self.lines[(heading.map or [0, 1])[1] - 1].strip() == _RULE

    def _heading(self, opened: Token, token: Token) -> None:
        level = int(opened.tag[1])
        node = self._add("heading", opened, text=token.content, level=level)
        if self.items or self.quotes:
            return  # a heading in a list or a quote opens no section
        while self.headings and self.headings[-1].level >= level:
            self.headings.pop()
        node.section = tuple(self.headings)
        self.headings.append(node)
        self.section = tuple(self.headings)

    def _table(self, token: Token) -> None:
        if token.type == "table_open":
            self.header = ()
        elif token.type == "tr_open":
            self.cells = []
            self.opened = token
        elif token.type == "tr_close" and self.opened is not None and self.cells is not None:
            cells, self.cells = tuple(self.cells), None
            if self.header:
                row = self._add("row", self.opened, text=" | ".join(cells))
                row.cells, row.header = cells, self.header
            else:
                self.header = cells

    def _add(self, kind: str, token: Token, *, text: str = "", level: int = 0, info: str = "") -> Node:
        start, end = token.map or (0, 1)
        end = start + 1 if kind == "item" else end
        while end > start + 1 and not self.lines[end - 1].strip():
            end -= 1
        parent = self.items[-1] if self.items else None
        node = Node(kind, start + 1, end, text, level, info, parent, self.section, self.quotes > 0)
        if parent is not None:
            parent.children.append(node)
        self.nodes.append(node)
        return node
