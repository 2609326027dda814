"""Which headings of a file are its tasks, and which only group or repeat them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.entries import Entry
from pytest_moderator.tasksfile.fields import fields_of
from pytest_moderator.tasksfile.lines import find_box, read_boxed_heading, read_heading_line
from pytest_moderator.tasksfile.schemes import conditions_heading, is_about_conditions, is_scheme, with_alike
from pytest_moderator.tasksfile.words import CONTAINER_HEADING, DEPENDS_KEYS, STATUS_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_moderator.tasksfile.document import Document, Node

_NO_TASKS_BELOW = re.compile(
    r"\b(?:decisions?|risks?|requirements?|assumptions?|constraints?|questions?|principles?)\b"
)
_FEW = 2
_GROUP = re.compile(r"(?i:epic|m|ms|milestone|phase|sprint|stage|wave|ws|workstream|iteration)-?")
_SURELY_TASKS = frozenset({"T", "1", "word", "WP"})


def are_titles(headings: list[Entry], boxes: list[Entry]) -> bool:
    """Whether each heading stands over the one box that carries its id, so that the box is the task."""
    ids = {id(entry.node): entry.line.id.id for entry in headings if entry.line.id}
    below = [
        id(entry.node.section[-1])
        for entry in boxes
        if entry.line.id and entry.node.section and ids.get(id(entry.node.section[-1])) == entry.line.id.id
    ]
    return len(below) == len(set(below)) == len(headings)


def headings_with_box(document: Document) -> Iterable[Entry]:
    """Find the headings that have a box and no id: a file without any list of boxes may write its tasks so."""
    for node in document.nodes:
        if node.kind == "heading" and node.parent is None and not node.quoted:
            line = read_boxed_heading(node.text)
            if line is not None and not is_about_conditions(node.text) and not conditions_heading(node):
                yield Entry(node, line)


def task_headings(document: Document, *, work_packages: bool = False) -> list[Entry]:
    """Find the headings that carry an id; a bare number counts only above fields such as Dependencies.

    Work packages are tasks only where they hold none.
    """
    ignored = {"bare", "dash", "#", ".md"} if work_packages else {"bare", "dash", "#", ".md", "WP"}
    found = []
    for node in document.nodes:
        if node.kind == "heading" and node.parent is None and not node.quoted:
            line = read_heading_line(node.text)
            if line is None or line.id is None or line.id.family in ignored:
                continue
            if line.id.family in _SURELY_TASKS or not _NO_TASKS_BELOW.search(_above(node)):
                found.append(Entry(node, line))
    counts = Counter(entry.family for entry in found)
    if counts["1"]:
        numbered = _headings_with_fields(document) | _headings_in_container(document)
        numbered |= {id(entry.node) for entry in found if read_boxed_heading(entry.node.text)}
        found = [
            entry
            for entry in found
            if entry.family != "1"
            or (id(entry.node) in numbered and not CONTAINER_HEADING.fullmatch(entry.line.title.lower()))
        ]
    counts = with_alike(counts)
    found = [entry for entry in found if is_scheme(entry.family, counts)]
    return _without_titles([entry for entry in found if not _is_group(entry)] or found)


def _without_titles(headings: list[Entry]) -> list[Entry]:
    """Leave out parts of a task such as "C1. Pens", and a title of the file that has tasks of its own below it."""
    tasks = {id(entry.node) for entry in headings if entry.family in _SURELY_TASKS - {"1"}}
    found = [
        entry
        for entry in headings
        if entry.family in _SURELY_TASKS or not any(id(above) in tasks for above in entry.node.section)
    ]
    families = {entry.family for entry in found[1:]}
    title = found[0] if found and found[0].node.level == 1 and len(found) > _FEW else None
    if title is None or title.family in families:
        return found
    return found[1:] if all(title.node in entry.node.section for entry in found[1:]) else found


def _is_group(heading: Entry) -> bool:
    return _GROUP.fullmatch(heading.family) is not None


def are_sections(headings: list[Entry], boxes: list[Entry], document: Document) -> bool:
    """Whether headings such as "M6 - Search" or "EPIC-1" only group boxes, most of which may even stand elsewhere."""
    nodes = {id(entry.node) for entry in headings}
    if {entry.family for entry in headings} & _SURELY_TASKS:
        return False
    if nodes & _headings_with_fields(document):
        return False
    free = [entry for entry in boxes if entry.node.parent is None and not entry.conditions]
    inside = sum(any(id(heading) in nodes for heading in entry.node.section) for entry in free)
    return inside > 0 and (all(map(_is_group, headings)) or len(free) - inside >= inside)


def _above(heading: Node) -> str:
    return heading.section[-1].text.lower() if heading.section else ""


def _headings_with_fields(document: Document) -> set[int]:
    found: set[int] = set()
    for node in document.nodes:
        if node.kind not in ("item", "text") or node.parent is not None or not node.section:
            continue
        if any(line.key in DEPENDS_KEYS | STATUS_KEYS for line in fields_of(node)):
            found.add(id(node.section[-1]))
    return found


def _headings_in_container(document: Document) -> set[int]:
    """Find the headings right below one that says "here are the tasks", and below which there is no box."""
    found: dict[int, set[int]] = {}
    for node in document.nodes:
        if node.kind == "heading" and node.section and CONTAINER_HEADING.fullmatch(_above(node)):
            found.setdefault(id(node.section[-1]), set()).add(id(node))
        elif node.kind == "item" and found and find_box(node.text) is not None:
            for heading in node.section:
                found.pop(id(heading), None)
    return {heading for headings in found.values() for heading in headings}
