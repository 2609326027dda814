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

from pytest_moderator.tasksfile.entries import Entry
from pytest_moderator.tasksfile.headings import are_sections, are_titles, headings_with_box, task_headings
from pytest_moderator.tasksfile.lines import find_box, read_box_line
from pytest_moderator.tasksfile.schemes import (
    NUMBERS,
    Schemes,
    conditions_heading,
    conditions_label,
    find_schemes,
    has_lone_id,
    is_nested,
)
from pytest_moderator.tasksfile.words import DEPENDENCIES_HEADING, is_about_dependencies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_moderator.tasksfile.document import Document, Node

_NUMBERED_HEADING = re.compile(r"\d+(?:\.\d+)*[.)]?\s")
_WORK_PACKAGE = re.compile(r"(?i:work package)|\bWP\d")

STEP = "they are steps of tasks"
NO_ID = "they have no id, while other boxes of this file have one"
CONDITIONS = "they stand under {heading}, which is no list of tasks"
REPEAT = "they repeat a task that is read elsewhere"


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
    _settle_dependencies(boxes)
    headings = task_headings(document)
    schemes = find_schemes(boxes)
    families = schemes.tasks
    of_headings = {entry.line.id.id for entry in headings if entry.line.id}
    known = families - {"bare"}  # "3 pages are shown" below a heading is a step
    of_boxes = {entry.line.id.id for entry in boxes if entry.line.id and entry.line.id.family in known}
    new = of_boxes - of_headings
    few = len(new) < len(headings) and not of_boxes & of_headings and "T" not in families
    are_tasks = headings and (not new or few) and not are_titles(headings, boxes)
    if are_tasks and not are_sections(headings, boxes, document):
        return _read_headings(headings, boxes)
    reading = _read_boxes(boxes, schemes, document)
    if not reading.entries and (packages := task_headings(document, work_packages=True)):
        return _read_headings(packages, boxes, "spec-kitty")
    if not boxes and (with_box := list(headings_with_box(document))):
        return _read_headings(with_box, boxes)
    return reading


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


def _settle_dependencies(boxes: Iterable[Entry]) -> None:
    """Take boxes below "Dependencies" for conditions only beside others, as in a file that describes one task."""
    conditions = [entry for entry in boxes if entry.conditions]
    if all(DEPENDENCIES_HEADING.match(entry.conditions.lower()) for entry in conditions):
        for entry in conditions:
            entry.conditions = ""


def _around(node: Node) -> int:
    return id(node.parent) if node.parent else 0


def _label(node: Node, labels: dict[int, str]) -> str:
    """Give the label above a box, or above an item that it is nested in."""
    while not labels.get(_around(node)) and node.parent:
        node = node.parent
    return labels.get(_around(node), "")


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
    sections = {_section(entry) for entry in boxes if entry.family in schemes.tasks}
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
        all_the_same = ("T", "1") if is_about_dependencies(entry.conditions) else ("T", "1", "word")
        conditions = line.id.family not in all_the_same and entry.conditions
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
        lists.setdefault(_section(entry), []).append(entry)
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
