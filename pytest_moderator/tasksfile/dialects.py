"""Which boxes and headings of a file are its tasks.

The rules, in the order in which they are applied:

- Headings that carry a task's id (``### Task 1:``, ``### T001:``) are the tasks where no boxes carry ids of
  their own; boxes below them are steps, boxes that repeat their ids are summaries.
- Where boxes carry ids such as ``T001`` or ``#425``, only those boxes are tasks.
- Where they carry numbers (``1.2``), boxes without one are tasks too, unless they are nested in a task or
  stand under a heading such as "Definition of Done".
- Where no box carries an id, all boxes are tasks, except under such a heading.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.fields import fields_of
from pytest_moderator.tasksfile.lines import (
    Box,
    TaskLine,
    find_box,
    read_box_line,
    read_boxed_heading,
    read_heading_line,
)
from pytest_moderator.tasksfile.schemes import (
    NUMBERS,
    Schemes,
    conditions_heading,
    conditions_label,
    find_schemes,
    has_lone_id,
    is_about_conditions,
    is_nested,
    is_scheme,
    with_alike,
)
from pytest_moderator.tasksfile.words import CONTAINER_HEADING, DEPENDS_KEYS, STATUS_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_moderator.tasksfile.document import Document, Node

_NUMBERED_HEADING = re.compile(r"\d+(?:\.\d+)*[.)]?\s")
_NO_TASKS_BELOW = re.compile(
    r"\b(?:decisions?|risks?|requirements?|assumptions?|constraints?|questions?|principles?)\b"
)
_ID_KEY = re.compile(r"id:\s")
_GROUP = re.compile(r"(?i:epic|m|ms|milestone|phase|sprint|stage|wave|iteration)-?")
_SURELY_TASKS = frozenset({"T", "1", "word", "WP"})
_WORK_PACKAGE = re.compile(r"(?i:work package)|\bWP\d")

STEP = "they are steps of tasks"
NO_ID = "they have no id, while other boxes of this file have one"
CONDITIONS = "they stand under {heading}, which is no list of tasks"
REPEAT = "they repeat a task that is read elsewhere"


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
    def has_id_key(self) -> bool:
        """Whether an ``id:`` is nested in it, which makes it a task wherever it stands."""
        return any(child.kind == "item" and _ID_KEY.match(child.text) for child in self.node.children)


@dataclass(slots=True, eq=False, repr=False)
class Reading:
    """The tasks of a file.

    Attributes:
        dialect: how the file is written.
        entries: its tasks, in order.
        passed_over: for every reason the lines of boxes that were not read as tasks.
        repeats: by id, as the file writes it, the lines that show the same task once more.
    """

    dialect: str = ""
    entries: list[Entry] = field(default_factory=list)
    passed_over: dict[str, list[int]] = field(default_factory=dict)
    repeats: dict[str, list[int]] = field(default_factory=dict)

    def pass_over(self, entry: Entry, reason: str) -> None:
        """Note that a box is no task."""
        if reason is CONDITIONS:
            reason = reason.format(heading=repr(entry.conditions))
        self.passed_over.setdefault(reason, []).append(entry.node.line)

    def repeat(self, entry: Entry) -> None:
        """Note that an entry shows a task that is read elsewhere."""
        if entry.line.id:
            self.repeats.setdefault(entry.line.id.id, []).append(entry.node.line)


def find_tasks(document: Document) -> Reading:
    """Decide which boxes and headings of a document are tasks."""
    boxes = list(_boxes(document))
    headings = _task_headings(document)
    schemes = find_schemes(boxes)
    families = schemes.tasks
    of_headings = {entry.line.id.id for entry in headings if entry.line.id}
    known = families - {"bare"}  # "3 pages are shown" below a heading is a step
    of_boxes = {entry.line.id.id for entry in boxes if entry.line.id and entry.line.id.family in known}
    new = of_boxes - of_headings
    few = len(new) < len(headings) and not of_boxes & of_headings and "T" not in families
    are_tasks = headings and (not new or few) and not _are_titles(headings, boxes)
    if are_tasks and not _are_sections(headings, boxes, document):
        return _read_headings(headings, boxes)
    reading = _read_boxes(boxes, schemes, document)
    if not reading.entries and (packages := _task_headings(document, work_packages=True)):
        return _read_headings(packages, boxes, "spec-kitty")
    if not boxes and (with_box := list(_headings_with_box(document))):
        return _read_headings(with_box, boxes)
    return reading


def _are_titles(headings: list[Entry], boxes: list[Entry]) -> bool:
    """Whether each heading stands over the one box that carries its id, so that the box is the task."""
    ids = {id(entry.node): entry.line.id.id for entry in headings if entry.line.id}
    below = [
        id(entry.node.section[-1])
        for entry in boxes
        if entry.line.id and entry.node.section and ids.get(id(entry.node.section[-1])) == entry.line.id.id
    ]
    return len(below) == len(set(below)) == len(headings)


def _headings_with_box(document: Document) -> Iterable[Entry]:
    """Find the headings that have a box and no id: a file without any list of boxes may write its tasks so."""
    for node in document.nodes:
        if node.kind == "heading" and node.parent is None and not node.quoted:
            line = read_boxed_heading(node.text)
            if line is not None and not is_about_conditions(node.text) and not conditions_heading(node):
                yield Entry(node, line)


def _boxes(document: Document) -> Iterable[Entry]:
    titles = [
        node for node in document.nodes if node.kind == "heading" and node.level == 1 and not node.parent
    ]
    title = titles[0] if len(titles) == 1 else None
    above: dict[tuple[Node, ...], str] = {}
    labels: dict[int, str] = {}  # by list item (0 for none around), what the last label in it says
    for node in document.nodes:
        if node.kind == "heading":
            labels[_around(node)] = ""
        elif node.kind == "text":
            labels[_around(node)] = conditions_label(node.text)
        elif node.kind == "item" and not node.quoted:
            box = find_box(node.text)
            if box is None:
                labels[id(node)] = conditions_label(node.text)
                continue
            if node.section not in above:
                above[node.section] = conditions_heading(node, title)
            conditions = above[node.section] or _label(node, labels)
            yield Entry(node, read_box_line(node.text, box), box, conditions)


def _around(node: Node) -> int:
    return id(node.parent) if node.parent else 0


def _label(node: Node, labels: dict[int, str]) -> str:
    """Give the label above a box, or above an item that it is nested in."""
    while not labels.get(_around(node)) and node.parent:
        node = node.parent
    return labels.get(_around(node), "")


def _task_headings(document: Document, *, work_packages: bool = False) -> list[Entry]:
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
    counts = Counter(entry.line.id.family for entry in found if entry.line.id)
    if counts["1"]:
        numbered = _headings_with_fields(document) | _headings_in_container(document)
        numbered |= {id(entry.node) for entry in found if read_boxed_heading(entry.node.text)}
        found = [
            e
            for e in found
            if e.line.id
            and (
                e.line.id.family != "1"
                or (id(e.node) in numbered and not CONTAINER_HEADING.fullmatch(e.line.title.lower()))
            )
        ]
    counts = with_alike(counts)
    found = [entry for entry in found if entry.line.id and is_scheme(entry.line.id.family, counts)]
    tasks = {id(e.node) for e in found if e.line.id and e.line.id.family in _SURELY_TASKS - {"1"}}
    found = [e for e in found if id(e.node) in tasks or not any(id(h) in tasks for h in e.node.section)]
    return [entry for entry in found if not _is_group(entry)] or found


def _is_group(heading: Entry) -> bool:
    return heading.line.id is not None and _GROUP.fullmatch(heading.line.id.family) is not None


def _are_sections(headings: list[Entry], boxes: list[Entry], document: Document) -> bool:
    """Whether headings such as "M6 - Search" or "EPIC-1" only group boxes, most of which may even stand elsewhere."""
    nodes = {id(entry.node) for entry in headings}
    if {entry.line.id.family for entry in headings if entry.line.id} & _SURELY_TASKS:
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


def _read_headings(headings: list[Entry], boxes: list[Entry], dialect: str = "headings") -> Reading:
    reading = Reading(dialect, _without_repeats(headings))
    ticked: dict[str, bool] = {}
    known = {entry.line.id.id for entry in headings if entry.line.id}
    for entry in _others(headings, reading.entries):
        reading.repeat(entry)
    for entry in boxes:
        if entry.line.id and entry.line.id.id in known:
            ticked[entry.line.id.id] = entry.line.done
            reading.repeat(entry)
            reading.pass_over(entry, REPEAT)
        else:
            reading.pass_over(entry, STEP)
    for entry in reading.entries:
        if entry.line.id and ticked.get(entry.line.id.id):
            entry.line = entry.line._replace(done=True)
    return reading


def _read_boxes(boxes: list[Entry], schemes: Schemes, document: Document) -> Reading:
    reading = Reading()
    tasks: set[int] = set()
    sections = {_section(e) for e in boxes if e.line.id and e.line.id.family in schemes.tasks}
    for entry in boxes:
        alone = schemes.lettered and _section(entry) in sections and has_lone_id(entry)
        reason = _why_no_task(entry, schemes, tasks, alone=alone)
        if reason:
            reading.pass_over(entry, reason)
        else:
            if not alone and entry.line.id and entry.line.id.family not in schemes.tasks | schemes.names:
                entry.line = read_box_line(entry.node.text, entry.box, with_id=False)  # type: ignore[arg-type]
            tasks.add(id(entry.node))
            reading.entries.append(entry)
    kept = _without_repeats(_without_repeated_list(reading.entries))
    for entry in _others(reading.entries, kept):
        reading.repeat(entry)
        reading.pass_over(entry, REPEAT)
    reading.entries = kept
    reading.dialect = _dialect_of_boxes(kept, schemes.tasks, document)
    return reading


def _others(entries: list[Entry], kept: list[Entry]) -> list[Entry]:
    left = {id(entry) for entry in kept}
    return [entry for entry in entries if id(entry) not in left]


def _section(entry: Entry) -> int:
    return id(entry.node.section[-1]) if entry.node.section else 0


def _why_no_task(entry: Entry, schemes: Schemes, tasks: set[int], *, alone: bool) -> str:
    """Say why a box is no task; empty when it is one. ``alone`` are ids that stand among the tasks of a scheme."""
    line, families = entry.line, schemes.tasks
    if entry.has_id_key:
        return ""
    if not line.title and not line.id:
        return "they are empty"
    if line.id and line.id.family in families and not _is_step_of_its_like(entry, tasks):
        conditions = line.id.family not in ("T", "1", "word") and entry.conditions
        if line.id.family != "bare" or (not is_nested(entry.node, tasks) and not entry.conditions):
            return CONDITIONS if conditions else ""
    if is_nested(entry.node, tasks) and families:
        return STEP
    if entry.conditions:
        return CONDITIONS
    return NO_ID if schemes.lettered and not alone else ""


def _is_step_of_its_like(entry: Entry, tasks: set[int]) -> bool:
    """Whether a box stands in a task and carries that task's id: "1.2 Checkpoint: ..." nested in 1.2."""
    parent = entry.node.parent
    while parent is not None and id(parent) not in tasks:
        parent = parent.parent
    if parent is None or entry.line.id is None:
        return False
    box = find_box(parent.text)
    above = read_box_line(parent.text, box).id if box else None
    return above is not None and above.id == entry.line.id.id


def _without_repeated_list(entries: list[Entry]) -> list[Entry]:
    """Keep one of two lists that have the very same ids: a preview and the list that was made of it later."""
    lists: dict[int, list[Entry]] = {}
    for entry in entries:
        section = entry.node.section
        lists.setdefault(id(section[-1]) if section else 0, []).append(entry)
    seen: dict[tuple[str, ...], int] = {}
    for key, listed in lists.items():
        ids = tuple(entry.line.id.id for entry in listed if entry.line.id)
        if len(ids) > 1 and len(ids) == len(listed) and _same_states(lists.get(seen.get(ids, -1)), listed):
            lists[seen[ids]] = []
        seen[ids] = key
    return [entry for listed in lists.values() for entry in listed]


def _same_states(first: list[Entry] | None, second: list[Entry]) -> bool:
    return first is not None and [e.line.done for e in first] == [e.line.done for e in second]


def _without_repeats(entries: list[Entry]) -> list[Entry]:
    """Drop entries that say the very same as an earlier one; others with its id are a problem, and stay."""
    counts = Counter(entry.line.id.id for entry in entries if entry.line.id)
    seen: set[tuple[str, str, bool]] = set()
    kept = []
    for entry in entries:
        if entry.line.id and counts[entry.line.id.id] > 1:
            key = (entry.line.id.id, re.sub(r"[\W_]+", "", entry.line.title).lower(), entry.line.done)
            if key in seen:
                continue
            seen.add(key)
        kept.append(entry)
    return kept


def _dialect_of_boxes(entries: list[Entry], families: frozenset[str], document: Document) -> str:
    if not entries:
        return ""
    headings = [node.text for node in document.nodes if node.kind == "heading"]
    if "T" in families or "WP" in families:
        return "spec-kitty" if any(map(_WORK_PACKAGE.search, headings)) else "spec-kit"
    if families & {"#", ".md"}:
        return "ccpm"
    numbered_headings = sum(1 for text in headings if _NUMBERED_HEADING.match(text))
    if families & NUMBERS:
        counts = Counter(entry.line.id.family for entry in entries if entry.line.id)
        if counts["word"] > counts["1"]:
            return "bmad"
        whole = any(entry.line.id and entry.line.id.id.isdigit() for entry in entries)
        return "openspec" if numbered_headings and not whole else "kiro"
    return "openspec" if numbered_headings > 1 and not families else "checklist"
