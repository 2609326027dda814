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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FORWARD = (
    r"→|⟶|➔|➜|⇒|➡️?|⟹|↦|[─—-]+[>►▶]|=+>|►|▶|\A\s*>{1,2}\s*\Z|\bblock(?:s|ing)\b|\bunblock(?:s|ing)?\b|"
    r"\bbefore\b|\bprecedes?\b|\bprior to\b|\benables?\b|\b(?:required|needed) (?:by|for|before)\b|"
    r"\b(?:prerequisites?|gates?) (?:for|of|to)\b|\bfollowed by\b|\bunlocks?\b|\bthen\b|"
    # "a design gate" and "a code block" are things: as verbs they stand right behind a task, or behind such words
    r"(?:\A|\b(?:must|should|will|can|may|to|also|both|all|together|directly|which))\W*(?:block|gates?|feeds?)\b|"
    r"阻塞|阻断|阻擋|先于|先於|より先|ブロック|차단|[之以][后後]|完成[后後]|完了後|完了してから|の後|이후|"
    r"[后後](?:才|再|方可|即可|可以?)|완료 ?후|\bbloquean?\b|\bbloqueiam?\b|\bbloque(?:nt)?\b|"
    r"\bantes d[eao]s?\b|\bavant\b|\bvor\b|\bblockier(?:t|en)\b|\bблокиру[ею]т\b|\bперед\b|"
    r"\b(?:заверш|выполн)\w+ до\b|\bchặn\b|\btrước\b"
)
_BACKWARD = (
    r"←|⟵|⇐|<[─—-]+|"
    r"\b(?:cannot|can't|must not|should not|may not) (?:be )?(?:start|begin|run)\w*\b[^.]{0,20}?\b(?:before|until)\b|"
    r"\bdepend(?:s|ed|ent|ing)?(?: up)?(?:[ _-]?on)?\b|\bdependenc(?:y|ies) on\b|\bafter\b|\brequires?\b|\bneeds?\b|"
    r"\b(?:blocked|gated)[ _-]?(?:by|on|until|behind)\b|\bas soon as\b|\buntil\b|\bdependenc(?:y|ies)\s?:|"
    r"\bunblocked by\b|\bwaits?(?: for| on| until)?\b|\bfollows?\b|\bbuilds? (?:up)?on\b|"
    r"\brel(?:y|ies) on\b|\bonce\b|\bonly when\b|\bprerequisites?:|\bdeps?:|"
    r"依赖|依賴|依存|의존|需要|等[待到]|[须須需]等|[之以]前|より前|前に|전에|이전에|"
    r"\bdepende[nm]? d[eao]s?\b|\bdépend(?:ent)? d(?:e|es|u)\b|"
    r"\bпосле\b|"
    r"\bзавис[яи]т от\b|\bhäng(?:t|en) (?:ab )?von\b|\babhängig von\b|"
    r"\b(?:benötig|brauch|erforder)(?:t|en)\b|\bnach\b|\bphụ thuộc(?: vào)?\b|\bsau\b|"
    r"\bdespués de\b|\b(?:depois|após) d?[eao]?s?\b|\baprès\b|\brequier(?:en?|t)\b|\brequer(?:em)?\b|"
    r"\bneces?sitan?\b|\bnecessitam?\b|\bnécessite(?:nt)?\b|\bтребу[ею]т\b|\bзалеж[иа]ть від\b|\bпісля\b|"
    r"\bzależ[yą] od\b|\bwymaga(?:ją)?\b|\bcần\b|\bbergantung pada\b|\bmembutuhkan\b|\bsetelah\b|[يت]عتمد على|"
    r"\bdipend(?:e|ono) da\b"
)
_PARALLEL = (
    r"∥|‖|\|\||⇉|\bparallel\w*|\bconcurrent\w*|\balongside\b|\bindependent\w*|\bsimultaneous\w*|\btogether\b|"
    r"\bsame file as\b|并行|並行|平行|并发|並列|병렬|\bparalel\w*|\bparall[èe]l\w*|\bпараллельн\w*|\bsong song\b"
)
_RELATION = re.compile(
    rf"(?P<backward>{_BACKWARD})|(?P<forward>{_FORWARD})|(?P<parallel>{_PARALLEL})", re.IGNORECASE
)
# In some languages the word that relates two tasks stands behind the second one: "T002 在 T001 之后".
_POSTPOSITION = re.compile(
    r"\s?(?:全部|都|의|の|が|に|を|에|을|를|이|가)?\s?(?:"
    r"(?:完成|完了|완료)?\s?(?P<backward>[之以]?[后後]|이후|후(?!\w)|다음|依存|必要|의존|필요)|"
    r"(?P<forward>[之以]前|より?前|より先|の?前に|이?전에|전까지|보다 먼저|[的の의]\s?(?:前置|前提|선행)))"
)
_ARROW = re.compile(r"[→⟶➔➜⇒➡⟹►▶←⟵⇐>]|<[─—-]")
_NEGATION = re.compile(
    r"\b(?:no|not|never|without|non|nor|none|independent|isn't|doesn't|don't|sans|sin|sem|kein\w*|nicht|нет|не|không)\b|"
    r"无需|不在|无依赖|無依賴|不依赖|不依賴|没有|沒有|なし|しない|없",
    re.IGNORECASE,
)
_SEQUENTIAL = re.compile(
    r"\bsequential(?:ly)?\b|\bin (?:order|sequence)\b|\bone after (?:another|the other)\b|\bserial(?:ly)?\b|"
    r"顺序|順序|顺次|順次|串行|直列|순차|\bsecuencial\w*|\bsequencial\w*|\bséquentiel\w*|\bпоследовательно\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|[;；。]\s*|\s[—–-]\s(?!\s*\(?(?:[A-Z]+-?)?\d)")
_BRACKETS = re.compile(r"[(（]([^()（）]*)[)）]")
_TRAILING_VERB = re.compile(
    r"\W*(?:(?:which|and|these|they|it|all|both|also|then|but|in turn)\s+)*"
    r"(?:must|should|can|cannot|may|needs?|is|are|blocks?|unblocks?|depends?|requires?|waits?|(?-i:after|before)|follow\w*)\b",
    re.IGNORECASE,
)
_LEADING_AFTER = re.compile(
    r"\W*(?:after|once|when|upon|après|después de|após|depois de|nach|после|sau)\b", re.IGNORECASE
)
_LEADING_BEFORE = re.compile(r"\W*(?:before|prior to|avant|antes d[eao]s?|bevor|перед)\b", re.IGNORECASE)
# "can start after Phase 4 — T007 is ...": what is related is the phase.
_OF_PHASE = re.compile(
    r"\s(?:all |the )*(?:Phases?|Stages?|Sprints?|Waves?|User Stor(?:y|ies)|US\d*|Setup|Foundational)\b"
    r"[^—–]*\s[—–-]\s",
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
    r"\W*(?:can|may|must|should|will|starts?|begins?|runs?|proceeds?|follows?)\b", re.IGNORECASE
)
_MAX_GAP = 400
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
        leading = _leading(before)
        if leading and (first := _condition(main, groups)):
            yield from _statement(first, groups[0], leading)
        elif subject is not None and _TRAILING_VERB.match(before):
            kind = _relation(before)
            if kind:
                yield from _statement(subject, groups[0], kind)
        elif len(groups) > 1 and leading and not _between(main, groups[0], groups[1]):
            yield from _statement(groups[0], groups[1], leading)
        for clause in _clauses(main, groups):
            yield from _chain(main, clause, of_story=_is_object(before))
        yield from _sequences(main, groups)
        if not _TRAILING_VERB.match(before):
            subject = None if _is_object(before) else groups[0]


def _leading(before: str) -> str:
    """Say how a sentence relates its first tasks to the next ones: "After T003, do T004"."""
    if _LEADING_AFTER.match(before):
        return "forward"
    return "backward" if _LEADING_BEFORE.match(before) else ""


def _is_object(before: str) -> bool:
    """Whether the words before the first mention already relate something to it: "US3 depends on T002"."""
    return not _LEADING_AFTER.match(before) and _relation(before) == "backward"


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
        elif _RELATION.search(match[1]):
            asides.extend(_aside(match[1], _groups(match[1], inner), "".join(pieces)[-_MAX_GAP:], find))
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
    kind = _relation(before) if before.strip() else ""
    if kind:
        for subject in _subjects(earlier, find, all_of_them=_ALL.match(before) is not None):
            yield from _statement(subject, groups[0], kind)
    for clause in _clauses(text, groups):
        yield from _chain(text, clause)


def _subjects(text: str, find: Callable[[str], list[Mention]], *, all_of_them: bool) -> list[_Group]:
    """Find what brackets behind a text are about: the last mention, with those that run beside it."""
    found: list[_Group] = []
    for mention in find(text):
        between = text[found[-1].end : mention.start] if found else ""
        if not _BESIDE.fullmatch(between) and not (all_of_them and JOINS.fullmatch(between)):
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


def _relation(words: str) -> str:
    """Say which relation words between two groups state: ``forward``, ``backward`` or none."""
    last: re.Match[str] | None = None
    for match in _RELATION.finditer(words[:_MAX_GAP]):
        last = match
    if last is None or last.lastgroup == "parallel":
        return ""
    if _NEGATION.search(words, 0, last.start()) or _OF_PHASE.match(words, last.end()):
        return ""
    return last.lastgroup or ""


def _postposition(text: str, words: str, group: _Group) -> str:
    if _RELATION.search(words) or len(words) > _MAX_ASIDE or JOINS.match(words):
        return ""
    match = _POSTPOSITION.match(text, group.end)
    return (match.lastgroup or "") if match and not _NEGATION.search(words) else ""


def _between(text: str, left: _Group, right: _Group) -> str:
    return _relation(text[left.end : right.start])


def _statement(left: _Group, right: _Group, kind: str) -> Iterator[Statement]:
    waiting, on = (right, left) if kind == "forward" else (left, right)
    unknown = (*waiting.unknown, *on.unknown)
    if (waiting.ids and on.ids) or unknown:
        yield Statement(waiting.ids, on.ids, unknown)


def _clauses(text: str, groups: list[_Group]) -> Iterator[list[_Group]]:
    """Part "A blocks B, C blocks D", where B and C look joined."""
    clause = [groups[0]]
    for index, group in enumerate(groups[1:], 1):
        clause.append(group)
        if len(group.mentions) == 1 or index + 1 == len(groups):
            continue
        before = text[groups[index - 1].end : group.start]
        after = text[group.end : groups[index + 1].start]
        if _in_words(before) and _in_words(after) and not _goes_on(after) and not _RELATIVE.search(after):
            last = group.mentions.pop()
            group.end = group.mentions[-1].end
            yield clause
            clause = [_Group(last)]
    yield clause


def _in_words(words: str) -> bool:
    return bool(_relation(words)) and not _ARROW.search(words)


def _goes_on(words: str) -> bool:
    """Whether a relation has the subject of the one before: "A depends on B and blocks C"."""
    joined = _SAME_SUBJECT.match(words)
    return bool(joined and _RELATION.match(words, joined.end()))


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
        found = _relation(words) or _postposition(text, words, group)
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
    return bool(_RELATION.search(words) or _NEW_CLAUSE.search(words))


def _sequences(text: str, groups: list[_Group]) -> Iterator[Statement]:
    """Read "T013-T016 must be sequential": each waits for the one before it."""
    for index, group in enumerate(groups):
        end = groups[index + 1].start if index + 1 < len(groups) else len(text)
        words = text[group.end : min(end, group.end + _MAX_ASIDE)]
        found = _SEQUENTIAL.search(words)
        if found and not _NEGATION.search(words, 0, found.start()):
            ids = group.ids
            for left, right in pairwise(ids):
                yield Statement((right,), (left,))
