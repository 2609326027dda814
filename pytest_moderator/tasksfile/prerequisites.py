"""The prerequisites that a task states itself: on its line, in its notes, in its fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.announced import ANNOUNCED, BEHIND, lowered
from pytest_moderator.tasksfile.fields import split_list
from pytest_moderator.tasksfile.ids import is_usable
from pytest_moderator.tasksfile.inline import bare, only_code, without_code
from pytest_moderator.tasksfile.references import GLOSS, JOINS
from pytest_moderator.tasksfile.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_moderator.tasksfile.ids import IdIndex
    from pytest_moderator.tasksfile.references import Mention, Mentions

EMPHASIS = re.compile(r"\*\*|~~|(?<!\w)[*_]|[*_](?!\w)")
_FILLER = re.compile(
    r"[\s:：*_(\[]*(?:(?:on|all|both|of|the|completion|only|que|la|las|el|los)\s){0,4}[\s:：*_(\[]*",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:\b(?:no(?: longer)?|not|never|without|non|in)|n't|無|无|不|没有)[\s-]*$", re.IGNORECASE
)
_AND = re.compile(r"\s(?:and|&|\+)\s")
_NOTHING = "|".join(re.escape(word) for word in sorted(NOTHING - {""}, key=len, reverse=True))
_STARTS_WITH_NOTHING = re.compile(rf"(?:{_NOTHING})(?=\s*$|\s*[(（,.;—–-])", re.IGNORECASE)
# What ends the list of ids in a field; a dash or semicolon before a further id does not.
_ID_AND_END = r"\s?(?:[A-Z][A-Za-z]*-?)?\d[\d.]*[a-z]?\s*(?:$|[,;；(（)\]_])"
_ASIDE = re.compile(
    rf"[;；](?!{_ID_AND_END})|。|\.\s|[—–](?!\d|\s?[A-Z][A-Za-z]*-?\d|{_ID_AND_END})|"
    r"\b(?:in\s)?parallel\b|\bblocks\b|\balongside\b|\bbefore\b|\bindependent\b|并行|並行|병렬",
    re.IGNORECASE,
)


def in_line(text: str, mentions: Mentions, own: str = "") -> list[str]:
    """Give the ids that a text which announces prerequisites names, also unknown ones.

    A range that the task's own id lies in does not mean the task itself.
    """
    text = plain(text, mentions)
    found: list[str] = []
    for match in _announcements(text):
        sure = match.lastgroup in ("sure", "script")
        filler = _FILLER.match(text, match.end())
        start = filler.end() if filler else match.end()
        found += _ids(mentions.list_at(text, start, numbers=sure)[0], with_unknown=sure, own=own)
    if BEHIND.search(text):
        others = [mention for mention in mentions.find(text) if mention.ids != (own,)]
        found += _ids(_behind(text, others), with_unknown=False, own=own)
    return found


def _behind(text: str, mentions: list[Mention]) -> Iterator[Mention]:
    """Yield the mentions that an announcement stands behind: "T001、T002 の後"."""
    listed: list[Mention] = []
    for mention in mentions:
        if listed and not JOINS.fullmatch(text, listed[-1].end, mention.start):
            listed.clear()
        listed.append(mention)
        if BEHIND.match(text, mention.end):
            yield from listed
            listed.clear()


def _announcements(text: str) -> Iterator[re.Match[str]]:
    for match in ANNOUNCED.finditer(lowered(text)):
        start = match.start()
        inside_word = match.lastgroup not in ("script", "loose") and start > 0 and text[start - 1].isalnum()
        if not inside_word and not _NEGATED.search(text, max(0, start - 12), start):
            yield match


def in_field(value: str, mentions: Mentions, own: str = "") -> list[str]:
    """Give the ids that the value of a field such as ``**Dependencies**:`` names."""
    text = plain(value, mentions).strip()
    if text.lower() in NOTHING or _STARTS_WITH_NOTHING.match(text):
        return []
    aside = _ASIDE.search(GLOSS.sub(lambda match: " " * len(match[0]), text))
    text = text[: aside.start()] if aside else text
    filler = _FILLER.match(text)
    listed, _ = mentions.list_at(text, filler.end() if filler else 0, numbers=True)
    found = _ids(listed, with_unknown=True, own=own)
    found += _ids(mentions.find(GLOSS.sub(" ", text)), with_unknown=not mentions.numbered, own=own)
    return found or _ids(mentions.find(text), with_unknown=False, own=own)


def in_key(value: str, mentions: Mentions, index: IdIndex) -> list[str]:
    """Give the ids that the value of our own key lists, also unknown ones.

    Raises:
        ValueError: a part of it cannot be an id.
    """
    found: list[str] = []
    for piece in split_list(_AND.sub(", ", GLOSS.sub(" ", value)) if only_code(value) is None else value):
        verbatim = only_code(piece)
        if verbatim is not None and is_usable(verbatim):
            found.append(verbatim)
            continue
        text = EMPHASIS.sub("", bare(piece) or piece).strip("[] ")
        if not text or text.lower() in NOTHING:
            continue
        known = index.resolve(text)
        listed, end = mentions.list_at(text, 0, numbers=True)
        if known is not None:
            found.append(known)
        elif listed and end == len(text):
            found += _ids(listed, with_unknown=True)
        elif is_usable(text):
            found.append(text)
        else:
            raise ValueError(f"{text!r} is no id of a task")
    return found


def plain(text: str, mentions: Mentions) -> str:
    """Give a text in one line without emphasis and inline code; ids and statements in backticks stay."""
    return EMPHASIS.sub("", without_code(text, mentions.in_code).replace("\n", " "))


def _ids(mentions: Iterable[Mention], *, with_unknown: bool, own: str = "") -> list[str]:
    return [
        task_id
        for mention in mentions
        for task_id in (*mention.ids, *(mention.unknown if with_unknown else ()))
        if task_id != own or len(mention.ids) == 1
    ]
