"""What a file states about which task depends on which: collects it from everywhere."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_moderator.model import Problem, Severity
from pytest_moderator.tasksfile.announced import announces, begins_with_announcement
from pytest_moderator.tasksfile.ids import IdIndex
from pytest_moderator.tasksfile.words import is_about_dependencies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_moderator.tasksfile.assemble import Draft
    from pytest_moderator.tasksfile.document import Document, Node
    from pytest_moderator.tasksfile.references import Mentions
    from pytest_moderator.tasksfile.statements import Statement

MAX_EDGES = 500_000


def is_dependencies(node: Node) -> bool:
    """Whether a block stands in a section about dependencies."""
    return any(is_about_dependencies(heading.text) for heading in node.section)


class Dependencies:
    """Collects the prerequisites of all tasks.

    Attributes:
        of: for every task its prerequisites, in order of mention.
        problems: what is wrong with the statements.
    """

    def __init__(self, drafts: Sequence[Draft]) -> None:
        """Start with tasks whose ids are given."""
        self.of: dict[str, dict[str, None]] = {draft.id: {} for draft in drafts}
        self.problems: list[Problem] = []
        self._own_ids = tuple(draft.id for draft in drafts if draft.has_own_id)
        self._edges = 0
        self._is_full = False

    @cached_property
    def _index(self) -> IdIndex:
        return IdIndex(self.of)

    @cached_property
    def _mentions(self) -> Mentions:
        from pytest_moderator.tasksfile.references import Mentions  # noqa: PLC0415 (many files refer to no task)

        return Mentions(IdIndex(self._own_ids))

    def read_task(self, draft: Draft) -> None:
        """Take what a task says itself."""
        if self._is_full:
            return
        notes = (node.text for node in draft.blocks if node.kind in ("item", "text"))
        texts = [text for text in notes if begins_with_announcement(text)]
        if announces(draft.entry.node.text):
            texts.insert(0, draft.entry.node.text)
        if texts or draft.said.depends or draft.said.blocks:
            self._read_statements(draft, texts)

    def _read_statements(self, draft: Draft, texts: Sequence[str]) -> None:
        from pytest_moderator.tasksfile.prerequisites import (  # noqa: PLC0415 (many files have none)
            in_field,
            in_key,
            in_line,
        )

        mentions = self._mentions
        found = [task_id for text in texts for task_id in in_line(text, mentions, draft.id)]
        for value, line, is_own in draft.said.depends:
            try:
                found += (
                    in_key(value, mentions, self._index) if is_own else in_field(value, mentions, draft.id)
                )
            except ValueError as error:
                hint = "write the ids of tasks, such as 'depends on: T012, T013'"
                self.problems.append(
                    Problem(Severity.ERROR, "bad-value", f"depends on: {error}", hint, line=line)
                )
        self._add((draft.id,), found, draft.entry.node.line)
        for value in draft.said.blocks:
            waiting = [task_id for task_id in in_field(value, mentions) if task_id in self.of]
            self._add(waiting, [draft.id], draft.entry.node.line)

    def read_sections(self, document: Document, owned: set[int]) -> None:
        """Take what sections about dependencies say; ``owned`` are the blocks that belong to tasks."""
        for node in document.nodes:
            if id(node) in owned or self._is_full:
                continue
            if node.kind == "row" or (node.kind in ("item", "text", "fence") and is_dependencies(node)):
                self._take(self._read_block(node), node)

    def _read_block(self, node: Node) -> Iterable[Statement]:
        from pytest_moderator.tasksfile.sections import (  # noqa: PLC0415 (many files have no such section)
            read_mermaid,
            read_prose,
            read_row,
        )

        if node.kind == "row":
            return read_row(node, self._mentions)
        if node.kind != "fence":
            return read_prose(node, self._mentions)
        return read_mermaid(node.text, self._mentions) if node.info.strip().lower() == "mermaid" else ()

    def _take(self, statements: Iterable[Statement], node: Node) -> None:
        for statement in statements:
            unknown = statement.unknown
            if unknown:
                self.problems.append(
                    Problem(
                        Severity.WARNING,
                        "unknown-id",
                        f"{', '.join(unknown)}: no such task, so this statement counts only for the others",
                        "correct the id, or remove it",
                        line=node.line,
                    )
                )
            waiting = [task_id for task_id in statement.waiting if task_id in self._index]
            on = [task_id for task_id in statement.on if task_id in self._index]
            # where two ranges overlap, what is in both waits for the others, not for its like
            others = [task_id for task_id in on if task_id not in waiting]
            if others:
                self._add(waiting, others, node.line)
            else:
                self._add([task_id for task_id in waiting if task_id not in on], on, node.line)

    def _add(self, waiting: Sequence[str], on: Sequence[str], line: int) -> None:
        self._edges += len(waiting) * len(on)
        if self._edges <= MAX_EDGES:
            for task_id in waiting:
                self.of[task_id].update(dict.fromkeys(on))
        elif not self._is_full:
            self._is_full = True
            message = f"the file states more than {MAX_EDGES} dependencies"
            hint = "state them between fewer tasks, such as one that all others wait for"
            self.problems.append(Problem(Severity.ERROR, "too-many-dependencies", message, hint, line=line))
