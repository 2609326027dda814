"""Tasks from what was found: bodies, keys, commands, ids, parents."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from pytest_moderator.model import Command, Problem, Severity
from pytest_moderator.tasksfile.fields import Field, fields_of
from pytest_moderator.tasksfile.ids import leading_id, make_unique, slug
from pytest_moderator.tasksfile.keys import Said, is_done_among, take_field
from pytest_moderator.tasksfile.lines import find_box
from pytest_moderator.tasksfile.words import LISTED_KEYS, STATUS_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_moderator.tasksfile.document import Document, Node
    from pytest_moderator.tasksfile.entries import Entry

SHELLS = {
    "sh": "sh", "bash": "bash", "shell": "shell", "zsh": "zsh", "console": "console",
    "shell-session": "console", "shellsession": "console", "sh-session": "console",
}  # fmt: skip
_SEVERAL = 3
PYTHONS = {"python": "python", "py": "python", "python3": "python"}


class Draft:
    """A task in the making.

    Attributes:
        entry: what introduces it.
        body: the blocks that stand below it, in order.
        behind: further blocks that belong to it, in order.
        said: what its body says in fields.
        prose: the texts of its body that are no fields.
        nested_in: the draft whose list item it stands in.
        id: its id, once given.
        has_own_id: whether the file gives it, so that other texts can refer to it.
    """

    __slots__ = ("behind", "body", "entry", "has_own_id", "id", "nested_in", "prose", "said")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.body: list[Node] = []
        self.behind: list[Node] = []
        self.said = Said()
        self.prose: list[str] = []
        self.nested_in: Draft | None = None
        self.id = ""
        self.has_own_id = False

    @property
    def blocks(self) -> list[Node]:
        """All blocks that belong to it, in order."""
        return [*self.body, *self.behind]

    @property
    def end_line(self) -> int:
        """The last line that belongs to the task and to no other."""
        return max([self.entry.node.end, *(node.end for node in self.blocks)])


def make_drafts(document: Document, entries: Sequence[Entry]) -> list[Draft]:
    """Give every block to the task that it belongs to, and read what it says there."""
    drafts = {id(entry.node): Draft(entry) for entry in entries}
    owners: dict[int, Draft] = {}
    heading: Draft | None = None
    behind = _Behind(document, drafts)
    for node in document.nodes:
        behind.pass_by(node)
        if node.kind == "heading" and node.parent is None and not node.quoted:
            own = drafts.get(id(node))
            if own is not None or (heading is not None and node.level <= heading.entry.node.level):
                heading = own
                continue
        owner = owners.get(id(node.parent)) if node.parent is not None else heading
        own = drafts.get(id(node))
        if own is not None:
            own.nested_in = owner if own.entry.box else None
        elif owner is not None:
            owner.body.append(node)
        else:
            behind.take(node)
        current = own or owner
        if current is not None and node.kind == "item":
            owners[id(node)] = current
    found = list(drafts.values())
    for draft in found:
        _read_body(draft)
        _read_behind(draft)
    return found


class _Behind:
    """Finds the task of what stands behind a box instead of below it.

    That is the task of the box above where the heading over both carries its id, and wherever most boxes of a file
    are followed by such notes.
    """

    def __init__(self, document: Document, drafts: Mapping[int, Draft]) -> None:
        self._drafts = drafts
        self._last: Draft | None = None
        self._title: Node | None = None
        self._owners: dict[int, Draft] = {}
        followed, boxes = set[int](), 0
        for node in document.nodes:
            self.pass_by(node)
            if self._last is not None and node.parent is None:
                boxes += self._last.entry.node is node
                if self._last.entry.node is not node:
                    followed.add(id(self._last))
        self._always = boxes >= _SEVERAL and len(followed) > boxes / 2
        self._last = self._title = None

    def pass_by(self, node: Node) -> None:
        """Take notice of the next block."""
        if node.parent is not None:
            return
        if node.kind == "heading":
            self._last, self._title = None, node
        elif (own := self._drafts.get(id(node))) is not None:
            self._last = own

    def take(self, node: Node) -> None:
        """Give a block that stands in no task to the one that it belongs to, if there is one."""
        owner = self._owners.get(id(node.parent)) if node.parent is not None else self._last
        if owner is None or node.kind == "heading" or node.quoted:
            return
        if node.parent is not None or self._always or self._is_titled(owner):
            owner.behind.append(node)
            self._owners[id(node)] = owner

    def _is_titled(self, draft: Draft) -> bool:
        own = draft.entry.line.id
        title = leading_id(self._title.text) if own and self._title else None
        return own is not None and title is not None and title.id == own.id


def _read_body(draft: Draft) -> None:
    is_heading = draft.entry.box is None
    top = None if is_heading else draft.entry.node
    label: Field | None = None
    for node in draft.body:
        if node.kind == "fence":
            _take_fence(node, draft.said)
        elif node.kind == "heading" and node.parent is top:
            label = _label(Field(node.text.strip("*_ :："), "", node.line, plain=False), in_heading=True)
        elif node.kind in ("item", "text") or (node.kind == "row" and is_heading):
            fields = list(fields_of(node))
            if not fields and node.kind != "row":
                draft.prose.append(node.text)
            if node.parent is not top:
                continue
            if fields and find_box(node.text) is None:
                for found in fields:
                    take_field(found, draft.said)
            if label is not None and (node.kind == "item" or label.node is None):
                take_field(label._replace(value=node.text, line=node.line), draft.said)
            if node.kind == "text" and (label is None or label.node is not None or fields):
                label = _label(fields[-1], last=node.end) if fields else None
    if is_heading and draft.said.done is None and draft.body and draft.body[0].kind == "text":
        draft.said.done = is_done_among(draft.body[0].text.partition("\n")[0])
    _check_commands(draft)


def _read_behind(draft: Draft) -> None:
    """Read what stands behind a box: our own keys and commands count only below it."""
    for node in draft.behind:
        if node.kind in ("item", "text"):
            fields = [found for found in fields_of(node) if not found.plain]
            for found in fields if node.parent is None else ():
                take_field(found, draft.said)
            if not fields:
                draft.prose.append(node.text)


def _label(found: Field, *, last: int = 0, in_heading: bool = False) -> Field | None:
    """Give a field without a value that what follows it goes on with: a list, below a heading also paragraphs."""
    keys = LISTED_KEYS | STATUS_KEYS if in_heading else LISTED_KEYS
    is_label = found.key in keys and not found.value and (in_heading or found.line == last)
    return found if is_label else None


def _take_fence(node: Node, said: Said) -> None:
    first = node.info.split()[0].lower() if node.info.strip() else ""
    language = SHELLS.get(first) or PYTHONS.get(first)
    if language is not None:
        said.commands.append(Command(language, node.text, node.line + 1))


def _check_commands(draft: Draft) -> None:
    said = draft.said
    said.commands.sort(key=lambda command: command.line)
    for command in said.commands:
        if not command.text.strip():
            said.problems.append(
                Problem(
                    Severity.ERROR,
                    "empty-command",
                    "the task has a command that is empty",
                    "write what to run, or remove it",
                    line=max(command.line - 1, draft.entry.node.line),
                )
            )
    languages = {command.language in PYTHONS for command in said.commands}
    if "call" in said.values:
        languages |= {True}
    if len(languages) > 1 and not said.values.get("backend"):  # a backend that is named knows what is for it
        said.problems.append(
            Problem(
                Severity.ERROR,
                "mixed-languages",
                "the task has both shell and Python commands, and one backend runs a task",
                "make two tasks of it, or name the backend that does it, such as 'backend: claude'",
                line=draft.entry.node.line,
            )
        )


def give_ids(drafts: Sequence[Draft]) -> list[Problem]:
    """Give every task its id: its key, what its line says, or one made from its title."""
    problems = []
    lines: dict[str, int] = {}
    for draft in drafts:
        found = draft.entry.line.id
        draft.id = draft.said.values.pop("id", None) or (found.id if found else "")
        draft.has_own_id = bool(draft.id)
        line = draft.entry.node.line
        if draft.id in lines:
            problems.append(
                Problem(
                    Severity.ERROR,
                    "duplicate-id",
                    f"{draft.id} is already defined at line {lines[draft.id]}",
                    "give one of the two another id",
                    line=line,
                )
            )
        elif draft.id:
            lines[draft.id] = line
    taken, counts = set(lines), dict[str, int]()
    for draft in drafts:
        if not draft.id:
            draft.id = make_unique(slug(draft.entry.line.title), taken, counts)
    return problems


def parent_of(draft: Draft, ids: set[str]) -> str | None:
    """Give the id of the task that a task belongs to, by its number or by where it stands."""
    above, dot, _ = draft.id.rpartition(".")
    if dot and above in ids:
        return above
    return draft.nested_in.id if draft.nested_in else None


def description(draft: Draft, document: Document, *, has_nested: bool) -> str:
    """Give the text of a task with its notes and fences, without the tasks nested in it."""
    node = draft.entry.node
    first = node.text.partition("\n")[0]
    if draft.entry.box is not None:
        first = first[draft.entry.box.end :]
    end = draft.end_line
    if end == node.line:
        return first
    lines = document.lines[node.line : end]
    if has_nested:
        own = {node.line, *range(node.line, node.end + 1)}
        for block in draft.blocks:
            own.update(range(block.line, block.end + 1))
        lines = tuple(line for number, line in enumerate(lines, node.line + 1) if number in own)
    return inspect.cleandoc("\n".join([first, *lines]))
