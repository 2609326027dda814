"""A task as it is found in a text, before anything is made of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_moderator.tasksfile.document import Node
    from pytest_moderator.tasksfile.lines import Box, TaskLine

_ID_KEY = re.compile(r"id:\s")


@dataclass(slots=True, eq=False, repr=False)
class Entry:
    """A task as found: the block that introduces it and what its line says.

    Attributes:
        node: the block.
        line: what its line says.
        box: its box; ``None`` for a heading.
        conditions: the heading above that makes a box a condition, empty where there is none.
    """

    node: Node
    line: TaskLine
    box: Box | None = None
    conditions: str = ""

    @property
    def family(self) -> str:
        """The family of its id; empty where it has none."""
        return self.line.id.family if self.line.id else ""

    @property
    def has_id_key(self) -> bool:
        """Whether an ``id:`` is nested in it, which makes it a task wherever it stands."""
        return any(child.kind == "item" and _ID_KEY.match(child.text) for child in self.node.children)
