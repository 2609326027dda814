"""Which heading is the phase of a task."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.words import CONTAINER_HEADING, PHASE_HEADING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_moderator.tasksfile.assemble import Draft
    from pytest_moderator.tasksfile.document import Node


def phases_of(drafts: Sequence[Draft]) -> list[Node | None]:
    """Give for every task the heading that is its phase, ``None`` where there is none.

    It is the nearest heading of level 2; the one below it where that only says "here are the tasks", or
    where only the lower one is called a phase; and of level 1 where a file has several of them.
    """
    task_headings = {id(draft.entry.node) for draft in drafts if draft.entry.box is None}
    titles = {id(heading) for draft in drafts for heading in draft.entry.node.section if heading.level == 1}
    known: dict[int, Node | None] = {}
    found = []
    for draft in drafts:
        section = draft.entry.node.section
        key = id(section[-1]) if section else 0
        if key not in known:
            headings = [heading for heading in section if id(heading) not in task_headings]
            known[key] = _phase(headings, several_titles=len(titles) > 1)
        found.append(known[key])
    return found


def _phase(section: list[Node], *, several_titles: bool) -> Node | None:
    below = [heading for heading in section if heading.level > 1]
    if not below:
        title = section[0] if section else None
        return title if title and (several_titles or _is_phase(title)) else None
    for upper, lower in pairwise(below):
        is_container = CONTAINER_HEADING.fullmatch(upper.text.lower())
        if not is_container and (_is_phase(upper) or not _is_phase(lower)):
            return upper
    return below[-1]


def _is_phase(heading: Node) -> bool:
    return bool(PHASE_HEADING.match(heading.text.lower()))
