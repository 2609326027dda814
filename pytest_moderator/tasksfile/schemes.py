"""Which ids of a file are ids of tasks, and not words or numbers that happen to look like one."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.tasksfile.words import NOT_TASKS_HEADING, PHASE_HEADING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_moderator.tasksfile.document import Node
    from pytest_moderator.tasksfile.entries import Entry

NUMBERS = frozenset({"1", "word", "bare"})
_REQUIREMENTS = re.compile(
    r"(?:FR|NFR|NF|SC|AC|REQ|UC|TC|TI|CV|UX|DF|EH|EC|CHK|DOD|BR|US|AT|VC|CR|RISK|Q|R|A|AD|ADR|RFC|UTF|ISO|SHA|AES)-?"
)
_NAME_OF_PHASE = re.compile(r"[:：—–-]\s.*[^\W\d_]{3}")
_OF_TOOLS = frozenset({"T", "#", "WP", ".md"})  # these give every task an id
_NUMBER = re.compile(r"\d+")
_BOLD = re.compile(r"(\*\*|__)[^*_]+\1[:：]?")
_MAX_LABEL = 80
_ALONE = ("#", ".md")  # beside these, what else looks like a task is only a preview


class Schemes(NamedTuple):
    """The families of ids that the boxes of a file use.

    Attributes:
        tasks: those whose boxes are tasks, while others may be none; empty where boxes need no id.
        names: further ones that are only names of tasks.
    """

    tasks: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def lettered(self) -> bool:
        """Whether a task needs an id, and one with letters."""
        return bool(self.tasks) and not self.tasks & NUMBERS


def conditions_heading(node: Node, title: Node | None = None) -> str:
    """Give the heading above a box that makes it a condition, empty where there is none.

    Args:
        node: the box.
        title: the title of the whole file, which says nothing about single boxes.
    """
    return next(
        (h.text for h in reversed(node.section) if h is not title and is_about_conditions(h.text)), ""
    )


def conditions_label(text: str) -> str:
    """Give a paragraph or an item that makes the boxes below it conditions: ``**Acceptance Criteria**:``.

    Args:
        text: what it says; empty is given where it is no such label.
    """
    label = text.strip()
    bare = label.rstrip("*_ ")
    if len(label) > _MAX_LABEL or "\n" in label or not (bare.endswith((":", "：")) or _BOLD.fullmatch(label)):
        return ""
    return label if is_about_conditions(label) else ""


def is_about_conditions(heading: str) -> bool:
    """Whether a heading announces conditions, such as a definition of done, and no tasks."""
    text = heading.lower()
    found = NOT_TASKS_HEADING.search(text)
    if found is None:
        return False
    # "Phase 3: Build it without external dependencies" is a phase all the same
    phase = PHASE_HEADING.match(text)
    return phase is None or not _NAME_OF_PHASE.search(text, phase.end(), found.start())


def with_alike(counts: Counter[str]) -> Counter[str]:
    """Count for every family all those that differ from it only in their numbers, such as ``P1-`` and ``P2-``."""
    shapes: Counter[str] = Counter()
    for family, count in counts.items():
        shapes[_NUMBER.sub("0", family)] += count
    return Counter({family: shapes[_NUMBER.sub("0", family)] for family in counts})


def is_scheme(family: str, counts: Counter[str]) -> bool:
    """Whether ids of a family are a file's own, and not a word that happens to look like one.

    Args:
        family: the family.
        counts: how often each occurs, as :func:`with_alike` gives it.
    """
    if family in ("T", "WP", "1", "word", ".md"):
        return True
    return counts[family] > 1 and not is_requirement(family)


def is_requirement(family: str) -> bool:
    """Whether ids of a family are those of requirements, risks and the like."""
    return _REQUIREMENTS.fullmatch(family) is not None


def find_schemes(boxes: Sequence[Entry]) -> Schemes:
    """Find the schemes whose boxes are tasks: one main scheme and those that go along with it."""
    _settle_dashes(boxes)
    free = [entry for entry in boxes if not entry.conditions]
    counts = Counter(e.line.id.family for e in free or boxes if e.line.id)
    counts.update({"T": sum(1 for e in boxes if e.line.id and e.line.id.family == "T") - counts["T"]})
    grouped = {e.line.id.family for e in boxes if e.line.id and "." in e.line.id.id}
    if counts["B"]:
        grouped.add("A")  # A1, A2 … and B1, B2 … are parts of a list, not what is assumed or accepted
    alike = with_alike(counts)
    schemes = {
        family
        for family in counts
        if counts[family] and (is_scheme(family, alike) or (family == "A" and family in grouped))
    }
    numbers = counts["1"] + counts["word"]
    letters = {family for family in schemes if family not in NUMBERS}
    names = frozenset(letters) if _are_unique(boxes, letters) else frozenset[str]()
    if letters and 3 * sum(counts[family] for family in letters) >= numbers:
        if not letters & _OF_TOOLS - {"#"} and _are_few(free, letters):
            return Schemes(NUMBERS if numbers else frozenset(), names)
        main = max(sorted(letters), key=lambda family: (counts[family], family in _ALONE))
        return Schemes(frozenset({main} if main in _ALONE else letters - {*_ALONE}))
    return Schemes(NUMBERS, names) if numbers else Schemes()


def _settle_dashes(boxes: Sequence[Entry]) -> None:
    """Decide whether "3 - Build" has an id: where several boxes are written so."""
    dashed = [entry for entry in boxes if entry.line.id and entry.line.id.family == "dash"]
    family = "1" if len(dashed) > 1 else "bare"
    for entry in dashed:
        if entry.line.id:
            entry.line = entry.line._replace(id=entry.line.id._replace(family=family))


def _are_unique(boxes: Sequence[Entry], families: Collection[str]) -> bool:
    ids = [entry.line.id.id for entry in boxes if entry.line.id and entry.line.id.family in families]
    return len(ids) == len(set(ids))


def _are_few(boxes: Sequence[Entry], families: Collection[str]) -> bool:
    """Whether most boxes, those nested in one with an id left out, have no id with letters."""
    named = {id(e.node) for e in boxes if e.line.id is not None and e.line.id.family in families}
    others = [e for e in boxes if id(e.node) not in named and not is_nested(e.node, named)]
    return len(named) < sum(1 for entry in others if not has_lone_id(entry))


def has_lone_id(entry: Entry) -> bool:
    """Whether a box has an id with letters that is no requirement's, be it the only one of its family."""
    found = entry.line.id
    return found is not None and found.family not in {*NUMBERS, *_ALONE} and not is_requirement(found.family)


def is_nested(node: Node, tasks: Collection[int]) -> bool:
    """Whether a block stands in one of the given ones."""
    parent = node.parent
    while parent is not None:
        if id(parent) in tasks:
            return True
        parent = parent.parent
    return False
