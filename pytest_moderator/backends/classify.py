"""What kind of task a task is, by the words that people use, and which word has said so.

A title says at its beginning what is to be done: "Write tests for the guide" is about tests. So the first word or
phrase of a kind counts, and only up to a word such as "for" or "with": what comes behind it is what the work is for,
or done with. "Add a parser with tests", "Configure CI to run tests" are not about tests. Code, paths and what stands
in brackets is left out, apart from the names of a few documents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_moderator.model import TaskKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_moderator.model import Task

_LONGEST = 500  # characters; what is to be done is said by then
_LEVELS = (
    "acceptance|accessibility|api|component|concurrency|contract|database|e2e|end-to-end|functional|fuzz|golden"
    "|integration|load|manual|mutation|performance|property-based|property|regression|security|smoke|snapshot"
    "|stress|system|ui|unit|visual|widget"
)
_GUIDES = (
    "admin|api|contribution|contributor|deployment|developer|development|getting[ -]started|installation"
    "|integration|migration|onboarding|operations|operator|quick[ -]?start|reference|setup|style|troubleshooting"
    "|upgrade|usage|user"
)
_NOT_TESTS = "account|data ?base|drive|environment|mode|net|network|server|user"
_DOCUMENTS = (
    "docs?|documentation|docstrings?|doc comments?|javadocs?|jsdocs?|tsdocs?|read-?me|change-?log|release notes"
    "|tutorials?|how-?tos?|runbooks?|walk-?through|quick-?start|(?:architecture )?decision records?|adrs?"
    f"|(?:code|inline) comments|(?:architecture|sequence) diagrams?|(?:{_GUIDES}) guides?"
)
_ANYWHERE = {
    TaskKind.PROTOTYPING: (
        "prototypes?(?! (?:chain|pollution))|prototyped|prototyping|proofs?[ -]of[ -]concept|pocs?|throw-?away"
        "|mock-?ups?|wire-?frames?|technical spike|feasibility"
    ),
    TaskKind.REFACTORING: (
        "refactor|refactors|refactored|refactoring|refactorings|restructure|restructuring|reorgani[sz]e"
        "|reorgani[sz]ing|decouple|decoupling|code clean-?up|clean(?:ing)?[ -]?up (?:the )?code(?:base)?|dead code"
        "|unused (?:code|imports|variables)|legacy code|duplicated? code|code duplication|tech(?:nical)? debt"
        "|extract (?:common|shared|duplicated?|helpers?|method|function|class|interface|module)"
    ),
    TaskKind.TESTING: (
        rf"(?:(?:{_LEVELS})(?:[ ,/&]|\band\b|\bor\b)+)*(?:tests?|testing)(?! (?:{_NOT_TESTS}))"
        "|test[ -](?:suite|case|plan|fixture|harness)s?|(?:code|test) coverage|e2e"
        "|quick-?start (?:manual )?validation|(?:end-to-end|final|full|manual) (?:validation|verification)"
    ),
    # "Add an example to the docs": this "to" does not end what is to be done
    TaskKind.DOCUMENTATION: f"(?:(?:in)?to (?:the )?)?(?:{_DOCUMENTS})|documenting",
}
# Further in, these too often mean something else: "handle a traffic spike", "the document store".
_AT_FIRST = {
    TaskKind.PROTOTYPING: "spikes?|experiment|sketch",
    TaskKind.REFACTORING: "rename|simplify|simplification|consolidate|consolidation|moderni[sz]e|tidy",
    TaskKind.TESTING: "verify|validate|verification",
    TaskKind.DOCUMENTATION: "document",
}
_PATTERNS = tuple(
    (kind, re.compile(rf"(?<![\w-])(?:{words})(?![\w-])|^(?:{_AT_FIRST[kind]})(?![\w-])"))
    for kind, words in _ANYWHERE.items()
)
_NAMES = re.compile(r"`?[\w./-]*\b(readme|changelog|contributing|quickstart)\.(?:md|rst|txt)\b`?")
_LEFT_OUT = re.compile(
    r"`[^`]*`|\([^()]*\)|\[[^\[\]]*\]|\ba/b test(?:s|ing)?\b|[^\s,;]*[/\\@#=<>{}][^\s,;]*|\w[\w-]*(?:\.\w+)+(?:\(\))?"
)
_EMPHASIS = re.compile(r"[*~\"\u00ab\u00bb\u201c-\u201f]+")
_LABEL = re.compile(r"([\w-]+(?: [\w-]+){0,2})(?:: | [-\u2013\u2014] )")
_BEFORE_WORDS = re.compile(r"^[\W\d_]+")
# "And" ends it where something that is done has been named: "implement the login and tests", but not "write and run
# tests".
_END = re.compile(
    r"(?<![\w-])(?:after|against|as|based|because|before|by|during|for|from|if|including|into|like|once|per|plus"
    r"|since|so|that|through|to|under|unless|until|using|via|when|where|which|while|with|within|without)(?![\w-])"
    r"|(?<=\w )(?:and|&) |[;.?!] | [-\u2013\u2014] "
)
_SAYS_KIND = frozenset(
    {"category", "kind", "label", "labels", "tag", "tags", "task type", "type", "work type"}
)
_SAYS_WHEN_DONE = re.compile(
    r"\b(?:accept\w*|check\w*|criteria|done|require\w*|tests?|testing|verif\w*|valid\w*)\b"
)


@dataclass(frozen=True, slots=True)
class Classified:
    """The kind of a task, and how it is known.

    Attributes:
        kind: the kind.
        evidence: the word or phrase and where it stands, such as ``'unit tests' in the title``.
    """

    kind: TaskKind
    evidence: str

    def __str__(self) -> str:
        """Give both, such as ``testing: 'unit tests' in the title``."""
        return f"{self.kind}: {self.evidence}"


def classify(task: Task) -> Classified:
    """Say what kind of task a task is.

    A note that is about this very thing (``Type: refactoring``) decides, then the title, then the other notes, apart
    from those that say when the task is done (``Acceptance: all tests pass``). The words are English ones; a task
    without any of them is ``general``.

    Args:
        task: the task.
    """
    return _classify(task.title, tuple(task.notes.items()))


@lru_cache(maxsize=4096)
def _classify(title: str, notes: tuple[tuple[str, str], ...]) -> Classified:
    for text, place in _texts(title, notes):
        if found := _find(text):
            return Classified(found[0], f"{found[1]!r} in {place}")
    where = "the title and the notes" if notes else "the title"
    return Classified(TaskKind.GENERAL, f"no word of another kind in {where}")


def _texts(title: str, notes: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    """Give the texts that may say it, the most telling one first, with what they are called."""
    named = [(key.casefold(), value, f"the note {key!r}") for key, value in notes]
    yield from ((value, place) for key, value, place in named if key in _SAYS_KIND)
    yield title, "the title"
    yield from (
        (value, place)
        for key, value, place in named
        if key not in _SAYS_KIND and not _SAYS_WHEN_DONE.search(key)
    )


def _find(text: str) -> tuple[TaskKind, str] | None:
    """Find the first word or phrase of a kind in what a text says is to be done."""
    for part in _parts(text):
        end = _end(part)
        found = [(match, kind) for kind, pattern in _PATTERNS if (match := pattern.search(part))]
        found = [(match, kind) for match, kind in found if match.start() <= end]
        if found:
            match, kind = min(found, key=lambda pair: (pair[0].start(), -pair[0].end()))
            return kind, match[0]
    return None


def _parts(text: str) -> Iterator[str]:
    """Give a text without what does not count; of ``Label: text`` both parts."""
    text = _LEFT_OUT.sub("0", _NAMES.sub(r"\1", text[:_LONGEST].casefold()))
    text = _BEFORE_WORDS.sub("", " ".join(_EMPHASIS.sub("", text).split()))
    if label := _LABEL.match(text):
        yield label[1]
        text = _BEFORE_WORDS.sub("", text[label.end() :])
    yield text


def _end(text: str) -> int:
    """Say where what is to be done ends in a text, and what it is for begins."""
    for match in _END.finditer(text):
        if not match[0].startswith(("and ", "& ")) or len(text[: match.start()].split()) > 1:
            return match.start()
    return len(text)
