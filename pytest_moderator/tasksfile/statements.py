"""Prose that says what depends on what: ``T003 blocks T010, T031-T033``, ``Tests (T004-T007) before T008``.

A sentence is read as mentions of tasks with words between them. Mentions that commas and the like join are
a group; the last relation between two groups says which of them waits for the other. What stands in brackets
belongs to its mention: ids alone are read in place, a statement is read by itself, all else is dropped.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.tasksfile.references import JOINS, Mention
from pytest_moderator.tasksfile.relations import (
    ARROW,
    MAX_GAP,
    NEGATION,
    POSTPOSITION,
    RELATION,
    SEQUENTIAL,
    leading_relation,
    relation_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SENTENCE = re.compile(r"(?<=[.!?])\s+|[;；。]\s*|\s[—–-]\s(?!\s*\(?(?:[A-Z]+-?)?\d)")
_BRACKETS = re.compile(r"[(（]([^()（）]*)[)）]")
_TRAILING_VERB = re.compile(
    r"\W*(?:(?:which|and|these|they|it|all|both|also|then|but|in turn)\s+)*"
    r"(?:must|should|can|cannot|may|needs?|is|are|blocks?|unblocks?|depends?|requires?|waits?|(?-i:after|before)|follow\w*)\b",
    re.IGNORECASE,
)
_SAME_SUBJECT = re.compile(
    r"[\s)]*(?:(?:,|;|&|\b(?:and|but|then)\b)\s*)+"
    r"(?:(?:also|must|should|can|is|are|be|itself|only|sequenced|scheduled|runs?|starts?|comes?)\s+)*",
    re.IGNORECASE,
)
_NEW_CLAUSE = re.compile(r"\b(?:with|while|whereas|but|where)\b", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(?:which|that|who)\b", re.IGNORECASE)
_BESIDE = re.compile(r"\s*(?:∥|‖|\|{1,2}|⇉)\s*")
_ALL = re.compile(r"\W*(?:all|both|each|these)\b", re.IGNORECASE)
# "After T003, T004 and T005 can start": the comma is no part of the list, for what follows has a verb.
_STARTS = re.compile(
    r"\W*(?:can|may|must|should|will|starts?|begins?|runs?|proceeds?|follows?|podem?|pueden?|peut|peuvent|kann|können|может|могут)\b",
    re.IGNORECASE,
)
_TIGHT = re.compile(rf"(?:{ARROW.pattern}|[=-]+>)\ufe0f?")
_COMMA = re.compile(r",\s+|[，、]\s*")
_MAX_JOIN = 80
_MAX_ASIDE = 40


class Statement(NamedTuple):
    """The tasks of ``waiting`` depend on those of ``on``; mentions that mean nothing are in ``unknown``."""

    waiting: tuple[str, ...]
    on: tuple[str, ...]
    unknown: tuple[str, ...] = ()


class _Group:
    """Mentions that are joined, and the words after them."""

    __slots__ = ("end", "mentions", "start")

    def __init__(self, mention: Mention) -> None:
        self.mentions = [mention]
        self.start, self.end = mention.start, mention.end

    def add(self, mention: Mention) -> None:
        self.mentions.append(mention)
        self.end = mention.end

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(task_id for mention in self.mentions for task_id in mention.ids))

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(text for mention in self.mentions for text in mention.unknown)


def read_statements(text: str, find: Callable[[str], list[Mention]]) -> Iterator[Statement]:
    """Yield what a paragraph says about which tasks wait for which.

    Args:
        text: the paragraph, in one line, without emphasis and inline code.
        find: finds mentions in a text.
    """
    subject: _Group | None = None
    for sentence in _SENTENCE.split(text):
        main, asides = _open_brackets(sentence, find)
        groups = _groups(main, find(main))
        yield from asides
        if not groups:
            continue
        before = main[: groups[0].start]
        leading = leading_relation(before)
        if leading and (first := _condition(main, groups)):
            yield from _statement(first, groups[0], leading)
        elif subject is not None and _TRAILING_VERB.match(before):
            kind = relation_of(before)
            if kind:
                yield from _statement(subject, groups[0], kind)
        elif len(groups) > 1 and leading and not _between(main, groups[0], groups[1]):
            yield from _statement(groups[0], groups[1], leading)
        for clause in _clauses(main, groups):
            yield from _chain(main, clause, of_story=_is_object(before))
        yield from _sequences(main, groups)
        if not _TRAILING_VERB.match(before):
            subject = None if _is_object(before) else groups[0]


def _is_object(before: str) -> bool:
    """Whether the words before the first mention already relate something to it: "US3 depends on T002"."""
    return leading_relation(before) != "forward" and relation_of(before) == "backward"


def _condition(text: str, groups: list[_Group]) -> _Group | None:
    """Take off a list what its rest waits for: "after T003, T004 and T005 can start"."""
    mentions = groups[0].mentions
    joins = [text[left.end : right.start].strip() for left, right in pairwise(mentions)]
    if "," not in joins or not _STARTS.match(text, groups[0].end):
        return None
    ends = [
        number
        for number, join in enumerate(joins, 1)
        if join == "," and (number == 1 or joins[number - 2] != ",")
    ]
    condition = _Group(mentions[0])
    for mention in mentions[1 : ends[-1]]:
        condition.add(mention)
    del mentions[: ends[-1]]
    return condition


def _open_brackets(sentence: str, find: Callable[[str], list[Mention]]) -> tuple[str, list[Statement]]:
    """Read what stands in brackets; give the sentence without it, or with the ids alone."""
    asides: list[Statement] = []
    pieces: list[str] = []
    position = 0
    for match in _BRACKETS.finditer(sentence):
        pieces.append(sentence[position : match.start()])
        position = match.end()
        inner = find(match[1])
        if not inner:
            continue
        if _is_one_step(match[1], inner):
            pieces.append(f" {', '.join(match[1][mention.start : mention.end] for mention in inner)} ")
        elif RELATION.search(match[1]) or POSTPOSITION.match(match[1], inner[-1].end):
            asides.extend(_aside(match[1], _groups(match[1], inner), "".join(pieces)[-MAX_GAP:], find))
        elif not _follows_mention(pieces[-1], find):
            pieces.append(f" {match[1]} ")  # "Tests (T004-T007)"; not "T004 (as T003)"
    return "".join([*pieces, sentence[position:]]), asides


def _is_one_step(text: str, mentions: list[Mention]) -> bool:
    """Whether brackets hold nothing but tasks that run at the same time: "(T003 ∥ T004)"."""
    position = 0
    for number, mention in enumerate(mentions):
        between = text[position : mention.start].strip()
        if between and not (number and _BESIDE.fullmatch(between)):
            return False
        position = mention.end
    return len(mentions) > 1 and not text[position:].strip() and _BESIDE.search(text) is not None


def _aside(
    text: str, groups: list[_Group], earlier: str, find: Callable[[str], list[Mention]]
) -> Iterator[Statement]:
    """Read a statement in brackets: "T009 (after T008)" or "US1 (T001 before T002)"."""
    before = text[: groups[0].start]
    if before.strip():
        kind = relation_of(before)
    else:  # "T009 (T008 の後)"
        behind = POSTPOSITION.match(text, groups[0].end) if len(groups) == 1 else None
        kind = "backward" if behind and behind.lastgroup == "backward" else ""
    if kind:
        for subject in _subjects(earlier, find, all_of_them=_ALL.match(before) is not None):
            yield from _statement(subject, groups[0], kind)
    for clause in _clauses(text, groups):
        yield from _chain(text, clause)


def _subjects(text: str, find: Callable[[str], list[Mention]], *, all_of_them: bool) -> list[_Group]:
    """Find what brackets behind a text are about: the last mention, with those that run beside it."""
    found: list[_Group] = []
    mentions = find(text)
    side_by_side = RELATION.search(text, mentions[-1].end) if mentions else None
    all_of_them = all_of_them or (side_by_side is not None and side_by_side.lastgroup == "parallel")
    for mention in mentions:
        gap = (found[-1].end, mention.start) if found else (0, 0)
        if not _BESIDE.fullmatch(text, *gap) and not (all_of_them and JOINS.fullmatch(text, *gap)):
            found.clear()
        found.append(_Group(mention))
    return found


def _follows_mention(words: str, find: Callable[[str], list[Mention]]) -> bool:
    tail = words[-_MAX_ASIDE:]
    before = find(tail)
    return bool(before) and not tail[before[-1].end :].strip(" *_")


def _groups(text: str, mentions: list[Mention]) -> list[_Group]:
    groups: list[_Group] = []
    for mention in mentions:
        if groups and JOINS.fullmatch(text, groups[-1].end, mention.start):
            groups[-1].add(mention)
        else:
            groups.append(_Group(mention))
    return groups


def _postposition(text: str, words: str, group: _Group) -> str:
    if RELATION.search(words) or len(words) > _MAX_ASIDE or JOINS.match(words):
        return ""
    match = POSTPOSITION.match(text, group.end)
    return (match.lastgroup or "") if match and not NEGATION.search(words) else ""


def _between(text: str, left: _Group, right: _Group) -> str:
    return relation_of(text[left.end : right.start])


def _statement(left: _Group, right: _Group, kind: str) -> Iterator[Statement]:
    waiting, on = (right, left) if kind == "forward" else (left, right)
    unknown = (*waiting.unknown, *on.unknown)
    if (waiting.ids and on.ids) or unknown:
        yield Statement(waiting.ids, on.ids, unknown)


def _clauses(text: str, groups: list[_Group]) -> Iterator[list[_Group]]:
    """Part "A blocks B, C blocks D" and "A→B, C→D", where B and C look joined."""
    clause = [groups[0]]
    for index, group in enumerate(groups[1:], 1):
        clause.append(group)
        if len(group.mentions) == 1 or index + 1 == len(groups):
            continue
        before = text[clause[-2].end : group.start]
        after = text[group.end : groups[index + 1].start]
        in_words = _in_words(before) and _in_words(after)
        if (in_words and not _goes_on(after) and not _RELATIVE.search(after)) or (
            _TIGHT.fullmatch(before) and _TIGHT.fullmatch(after) and _is_pair(text, group)
        ):
            last = group.mentions.pop()
            group.end = group.mentions[-1].end
            yield clause
            clause = [_Group(last)]
    yield clause


def _is_pair(text: str, group: _Group) -> bool:
    """Whether a comma and a space part two mentions, which arrows without spaces bind more closely to others."""
    first, *others = group.mentions
    return len(others) == 1 and _COMMA.fullmatch(text, first.end, others[0].start) is not None


def _in_words(words: str) -> bool:
    return bool(relation_of(words)) and not ARROW.search(words)


def _goes_on(words: str) -> bool:
    """Whether a relation has the subject of the one before: "A depends on B and blocks C"."""
    joined = _SAME_SUBJECT.match(words)
    return bool(joined and RELATION.match(words, joined.end()))


def _chain(text: str, groups: list[_Group], *, of_story: bool = False) -> Iterator[Statement]:
    """Read the relations between neighbours, from left to right.

    With ``of_story`` the subject of the sentence is none of them: "US3 depends on T002 and needs T003".
    """
    left, right, kind = [groups[0]], list[_Group](), ""
    for previous, group in pairwise(groups):
        words = text[previous.end : group.start]
        if of_story and _goes_on(words):
            left, right, kind = [group], [], ""
            continue
        found = relation_of(words) or _postposition(text, words, group)
        if found:
            if right and not _goes_on(words):
                left = right
            right, kind = [group], found
        elif len(words) <= _MAX_JOIN and JOINS.match(words) and not _starts_anew(words):
            if not kind:  # "models (T001) and services (T002) before ..."
                left.append(group)
                continue
            right.append(group)  # "... depends on models (T001) and services (T002)"
        else:
            left, right, kind = [group], [], ""
            continue
        for start in left:
            yield from _statement(start, group, kind)


def _starts_anew(words: str) -> bool:
    """Whether words behind a comma or an "and" say more than that the next mention is of the same list."""
    return bool(RELATION.search(words) or _NEW_CLAUSE.search(words))


def _sequences(text: str, groups: list[_Group]) -> Iterator[Statement]:
    """Read "T013-T016 must be sequential": each waits for the one before it."""
    for index, group in enumerate(groups):
        end = groups[index + 1].start if index + 1 < len(groups) else len(text)
        words = text[group.end : min(end, group.end + _MAX_ASIDE)]
        found = SEQUENTIAL.search(words)
        if found and not NEGATION.search(words, 0, found.start()):
            ids = group.ids
            for left, right in pairwise(ids):
                yield Statement((right,), (left,))
