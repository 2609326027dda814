"""What a file states about which task depends on which: collects it from everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.model import Problem, Severity
from pytest_moderator.tasksfile.ids import IdIndex
from pytest_moderator.tasksfile.prerequisites import in_field, in_key, in_line, in_note
from pytest_moderator.tasksfile.references import Mentions
from pytest_moderator.tasksfile.sections import is_dependencies, read_mermaid, read_prose, read_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_moderator.tasksfile.assemble import Draft
    from pytest_moderator.tasksfile.document import Document, Node
    from pytest_moderator.tasksfile.statements import Statement

MAX_EDGES = 500_000


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
        self._index = IdIndex(draft.id for draft in drafts)
        self._mentions = Mentions(IdIndex(draft.id for draft in drafts if draft.has_own_id))
        self._edges = 0
        self._is_full = False

    def read_task(self, draft: Draft) -> None:
        """Take what a task says itself."""
        if self._is_full:
            return
        mentions = self._mentions
        found = in_line(draft.entry.node.text, mentions, draft.id)
        for node in draft.body:
            if node.kind in ("item", "text"):
                found += in_note(node.text, mentions, draft.id)
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
            if node.kind == "row":
                self._take(read_row(node, self._mentions), node)
            elif is_dependencies(node):
                if node.kind in ("item", "text"):
                    self._take(read_prose(node, self._mentions), node)
                elif node.kind == "fence" and node.info.strip().lower() == "mermaid":
                    self._take(read_mermaid(node.text, self._mentions), node)

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
