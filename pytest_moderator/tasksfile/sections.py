"""Sections that state what depends on what: prose, tables, mermaid graphs, stories."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.prerequisites import EMPHASIS, in_field, plain
from pytest_moderator.tasksfile.references import Mention
from pytest_moderator.tasksfile.statements import Statement, read_statements
from pytest_moderator.tasksfile.words import DEPENDS_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_moderator.tasksfile.document import Node
    from pytest_moderator.tasksfile.references import Mentions

_STORY = re.compile(
    r"(?<![\w-])(?:(?:US|User[ ]Stor(?:y|ies)|Story|用户故事|用戶故事|使用者故事|ユーザーストーリー|사용자[ ]스토리|"
    r"Historia(?:[ ]de[ ]Usuario)?|História(?:[ ]de[ ]Usuário)?)[ -]?(?P<us>\d{1,3})|"
    r"(?P<fr>FR)[ -]?(?P<number>\d{1,3}))"
    r"(?!\w|[.]\d)",
    re.IGNORECASE,
)
# An order that is only recommended, such as "or in priority order: US1 → US2", states no dependency.
_RECOMMENDED = re.compile(
    r"priority order|recommended|suggested|sequentially|우선순위|优先级|優先度|优先顺序|prioridad",
    re.IGNORECASE,
)
_NO_PREREQUISITE = re.compile(
    r"\b(?:not|no|same|parallel|benefits?|independent\w*|without|optional\w*)\b[^.;,—]*$", re.IGNORECASE
)
_DEPENDS_COLUMN = re.compile(
    r"(?<!in)depend|\bdeps?\b|requires|^\W*needs\W*$|pre-?requisite|\bprereqs?\b|predecessor|"
    r"blocked by|waits? (?:for|on)\b|依赖|依賴|相依|依存|前置|前提|先行|의존|선행|"
    r"dépend|prérequis|bloquead[oa] por|prerrequisito|pré-requisito|"
    r"abhängig|hängt|benötigt|voraussetzung|зависи|залеж|zależn|phụ thuộc|dipend",
    re.IGNORECASE,
)
_BLOCKS_COLUMN = re.compile(r"^\W*(?:blocks|unblocks|blocking|阻塞)\b", re.IGNORECASE)
_SUBJECT_COLUMN = re.compile(
    r"task|\bid\b|#|story|任务|任務|タスク|작업|tarea|tarefa|tâche|aufgabe|задача", re.IGNORECASE
)
_NAMED_BEHIND = re.compile(r"[(（]([^()（）]*)[)）]$")  # "The model (T003)"
_MERMAID_ARROW = re.compile(r"\s*(?:-{2,}>|={2,}>|-\.+->|-{2,}\s[^->|]{1,60}\s-{2,}>)(?:\|[^|]{0,80}\|)?\s*")
_MERMAID_NODE = re.compile(r"\s*([^\s\[({>&;-][^\s\[({>&;]{0,60}?)\s*(?:[\[({>].*)?;?\s*")
# Lines of a paragraph that are statements of their own: after a hard break, and before a label.
_NEW_STATEMENT = re.compile(
    r"(?:[ ]{2}|\\)\n|\n(?=\s*(?:(?:\*\*|__)[^*_\n]{1,80}(?:[:：](?:\*\*|__)|(?:\*\*|__)\s?[:：])|"
    r"[A-Z][^\n.,;:：()]{1,40}[:：]\s))"
)
_MAX_LINE = 20_000


def read_prose(node: Node, mentions: Mentions) -> Iterator[Statement]:
    """Yield what a paragraph or list item of such a section states about tasks."""
    if len(node.text) < _MAX_LINE:
        yield from read_statements(plain(_NEW_STATEMENT.sub(" ;\n", node.text), mentions), mentions.find)


def read_row(node: Node, mentions: Mentions) -> Iterator[Statement]:
    """Yield what a row of a table states that has a column for tasks and one for what they depend on."""
    depends = _column(node.header, _DEPENDS_COLUMN)
    blocks = _column(node.header, _BLOCKS_COLUMN)
    if depends is None and blocks is None:
        return
    subject = next(
        (
            n
            for n, text in enumerate(node.header)
            if n not in (depends, blocks) and _SUBJECT_COLUMN.search(text)
        ),
        0,
    )
    waiting = _of_row(node.cells[subject], mentions)
    if not waiting:
        return
    if depends is not None and depends != subject:
        yield Statement(waiting, tuple(in_field(node.cells[depends], mentions)))
    if blocks is not None and blocks != subject:
        yield Statement(tuple(in_field(node.cells[blocks], mentions)), waiting)


def _column(header: tuple[str, ...], pattern: re.Pattern[str]) -> int | None:
    return next((number for number, text in enumerate(header) if pattern.search(text)), None)


def _of_row(cell: str, mentions: Mentions) -> tuple[str, ...]:
    text = EMPHASIS.sub("", cell).strip(" `")
    listed, _ = mentions.list_at(text, 0, numbers=True)
    if not listed and (named := _NAMED_BEHIND.search(text)):
        listed, _ = mentions.list_at(named[1], 0, numbers=False)
    return tuple(task_id for mention in listed for task_id in mention.ids)


def read_mermaid(text: str, mentions: Mentions) -> Iterator[Statement]:
    """Yield the arrows of a mermaid graph whose nodes are tasks."""
    for line in text.splitlines():
        if len(line) > _MAX_LINE:
            continue
        sides = [_mermaid_nodes(side, mentions) for side in _MERMAID_ARROW.split(line)]
        for left, right in pairwise(sides):
            if left and right:
                yield Statement(right, left)


def _mermaid_nodes(text: str, mentions: Mentions) -> tuple[str, ...]:
    names = (_MERMAID_NODE.fullmatch(part) for part in text.split("&"))
    found = (mentions.index.resolve(name[1]) for name in names if name)
    return tuple(task_id for task_id in found if task_id)


class Stories:
    """Finds statements between stories, such as "US4 depends on US1"."""

    def __init__(self, labels: set[str]) -> None:
        """Take the labels that tasks carry, such as ``US1``."""
        self._labels = labels
        self.depends: dict[str, dict[str, None]] = {}

    def read(self, node: Node) -> None:
        """Take what a block of a section about dependencies says."""
        if node.kind == "row":
            self._row(node)
        elif len(node.text) < _MAX_LINE and not _RECOMMENDED.search(node.text):
            text = EMPHASIS.sub("", node.text.replace("\n", " ").replace("`", ""))
            self._add(read_statements(text, self.find))

    def read_field(self, node: Node, key: str, value: str) -> None:
        """Take a field such as ``**Depends on**: US1`` that stands right under a story's heading."""
        subjects = self.find(node.section[-1].text) if node.section else []
        if key in DEPENDS_KEYS and len(subjects) == 1:
            on = tuple(story for mention in self.find(value) for story in mention.ids)
            self._add([Statement(subjects[0].ids, on)])

    def find(self, text: str) -> list[Mention]:
        """Find the stories that a text mentions."""
        found = []
        for match in _STORY.finditer(text):
            number = match["us"] or match["number"]
            label = f"FR{int(number)}" if match["fr"] else f"US{int(number)}"
            if match["us"] or label in self._labels:
                found.append(Mention(match.start(), match.end(), (label,)))
        return found

    def _row(self, node: Node) -> None:
        columns = [n for n, text in enumerate(node.header) if n and _DEPENDS_COLUMN.search(text)]
        waiting = self.find(node.cells[0])
        if len(waiting) == 1:
            for cell in (node.cells[number] for number in columns):
                on = (m.ids[0] for m in self.find(cell) if not _NO_PREREQUISITE.search(cell, 0, m.start))
                self._add([Statement(waiting[0].ids, tuple(on))])

    def _add(self, statements: Iterator[Statement] | list[Statement]) -> None:
        for statement in statements:
            for story in statement.waiting:
                for other in statement.on:
                    if other != story:
                        self.depends.setdefault(story, {})[other] = None
