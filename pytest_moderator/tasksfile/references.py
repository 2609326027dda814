"""Mentions of tasks in a text: ``T003``, ``T004-T008``, ``T013+``, ``Task 1.2``, ``Tasks 1, 2 and 4-6``."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_moderator.tasksfile.ids import TASK_WORD, IdIndex

_NUMBER = r"\d{1,6}(?:\.\d{1,6}){0,5}"
# Such as 2a.1 and 1.b: looked for only where a file has any.
_WITH_LETTERS = (
    r"\d{1,6}[a-zA-Z](?:\.\d{1,6}){1,3}|\d{1,6}(?:\.\d{1,6}){0,5}\.[a-zA-Z](?:\.\d{1,6})?(?![A-Za-z0-9])"
)
_SUFFIX = r"(?:[a-zA-Z](?![A-Za-z0-9]))?(?:-[A-Z]{1,12}(?![A-Za-z0-9-]))?"
_RANGE = r"\s?(?:[-–—~～〜‐‑]|\.{2,3}|…|(?:to|through|thru|bis|até|à|hasta)(?=\s)|至|到|から|부터)\s?"
_SCHEME = re.compile(r"(?:[A-Z][A-Za-z0-9]*-?)(?:[A-Z0-9]+-?)*|[A-Z]\.|#")
_MAX_PREFIXES = 50
# Numbers after these words are no tasks.
_OTHER_NUMBER = re.compile(
    r"(?:requirements?|reqs?\.?|phases?|versions?|\bv|propert(?:y|ies)|sections?|steps?|python|node(?:\.js)?|"
    r"stor(?:y|ies)|weeks?|days?|要件|需求|要求|フェーズ|阶段|§|\$|~)\s*:?\s*$",
    re.IGNORECASE,
)
_QUANTITY = re.compile(r"\s+(?!(?:and|or|plus|y|e|et|und|и|và|to)\b)[^\W\d_]{2,}", re.IGNORECASE)
# After these words, and a task before them, a plain number is a task: "Task 1 before 2 and 3".
_BEFORE_NUMBER = re.compile(
    r"(?:→|[-=]+>|\b(?:before|after|blocks|depends on|requires|antes d[eao]s?|depois d[eao]s?|después de|depende de|"
    r"avant|après|vor|nach|перед|после)|依赖|依賴|阻塞)\s*$",
    re.IGNORECASE,
)
_MAX_GAP = 60
_STATEMENT_IN_CODE = r"[\[(](?:deps?|depends(?: on)?|requires|blocked by|after)\b.*"
GLOSS = re.compile(r"\s*\([^()]*\)|\s*（[^（）]*）")  # a remark in brackets
# How far a task of a list has to be: "T003 done, T004 merged".
_STATE = re.compile(
    r"(?:\s(?:is|are|be|completed?|completes|done|finished|merged|ready|approved|green|red|pass(?:es|ing)?|confirmed)\b)+",
    re.IGNORECASE,
)
# What joins the members of a list of mentions.
JOINS = re.compile(
    r"[\s)\]]*(?:[,，、،/&+;]|(?<=\S)[·・･]|\b(?:and|or|plus|as well as|y|e|et|und|sowie|и|і|và|dan)\b|"
    r"和|及|与|と|및)+[\s(\[]*(?:and\s+)?"
)


class Mention(NamedTuple):
    """A mention of one task or a range of tasks.

    Attributes:
        start: where it starts in the text.
        end: where it ends.
        ids: the tasks that are meant, as far as they exist.
        unknown: what was written, where nothing of that name exists.
    """

    start: int
    end: int
    ids: tuple[str, ...]
    unknown: tuple[str, ...] = ()


class Mentions:
    """Finds mentions of a file's tasks."""

    def __init__(self, index: IdIndex) -> None:
        """Build the pattern from the ids' own schemes, so that requirement ids are no mentions."""
        self.index = index
        prefixes = [prefix for prefix in sorted(index.prefixes, key=len) if _SCHEME.fullmatch(prefix)]
        prefixes = prefixes[_MAX_PREFIXES::-1]
        with_letters = any(re.fullmatch(_WITH_LETTERS, task_id) for task_id in index.ids)
        self.numbered = with_letters or any(
            task_id[:1].isdigit() and "" in index.prefixes for task_id in index.ids
        )
        one = "|".join(map(re.escape, prefixes))
        if self.numbered:
            one = f"{one}|" if one else ""
        elif not one:
            one = "(?!)"
        number = f"(?:{_WITH_LETTERS}|{_NUMBER})" if with_letters else _NUMBER
        single = rf"(?:{one}){number}{_SUFFIX}"
        self._pattern = re.compile(
            rf"(?<![A-Za-z0-9_.#\\-])(?:(?P<word>{TASK_WORD})\s*[#:]?\s*|\#(?=\d))?(?P<first>{single})(?![A-Za-z0-9_]|\.(?!md\b)[a-z])"
            rf"(?:\.md\b)?(?:{_RANGE}(?:{TASK_WORD}\s*)?(?P<last>(?:{single}|{_NUMBER}))(?![A-Za-z0-9]|[-/]\w)|(?P<open>\+)(?!\s?{single}))?"
        )
        self.in_code = re.compile(rf"(?:{TASK_WORD}\s*)?{single}|{_STATEMENT_IN_CODE}", re.IGNORECASE)

    def find(self, text: str) -> list[Mention]:
        """Find the mentions of a text, in order."""
        found: list[Mention] = []
        after_word = False
        for match in self._pattern.finditer(text):
            if match["first"][0].isdigit():
                goes_on = after_word and self._goes_on(text, found[-1], match)
                after_word = bool(match["word"]) or goes_on
                if not after_word and not self._is_surely_a_task(text, match):
                    continue
            found.append(self._mention(match))
        return found

    def _goes_on(self, text: str, last: Mention, match: re.Match[str]) -> bool:
        """Whether a number goes on with tasks, the last of which had the word before it or went on itself."""
        if JOINS.fullmatch(text, last.end, match.start()):
            return True
        if match.start() - last.end > _MAX_GAP or _QUANTITY.match(text, match.end()):
            return False
        related = _BEFORE_NUMBER.search(text, last.end, match.start()) is not None
        return related and self.index.resolve(match["first"]) is not None

    def list_at(self, text: str, position: int, *, numbers: bool) -> tuple[list[Mention], int]:
        """Read the mentions that stand at a position, joined by commas and the like, and where they end.

        Args:
            text: the text.
            position: where the first one has to start.
            numbers: whether a number is a mention without a word such as "task" before it.
        """
        found: list[Mention] = []
        end = position
        match = self._pattern.match(text, position)
        while match is not None:
            if match["first"][0].isdigit() and not (
                match["word"] or found or self._may_be_a_task(text, match, numbers)
            ):
                break
            found.append(self._mention(match))
            end = match.end()
            position = end
            for remark in (GLOSS, _STATE):
                passed = remark.match(text, position)
                position = passed.end() if passed else position
            joined = JOINS.match(text, position)
            match = self._pattern.match(text, joined.end()) if joined else None
        return found, end

    def _may_be_a_task(self, text: str, match: re.Match[str], numbers: bool) -> bool:  # noqa: FBT001
        """Whether a number can be a task's: "depends on 3", but not "depends on 3 services"."""
        if not numbers:
            return self._is_surely_a_task(text, match)
        return "." in match["first"] or not _QUANTITY.match(text, match.end())

    def _is_surely_a_task(self, text: str, match: re.Match[str]) -> bool:
        """Whether a number without a word before it is a task: dotted, known, and no requirement's."""
        if "." not in match["first"] or self.index.resolve(match["first"]) is None:
            return False
        return not _OTHER_NUMBER.search(text, max(0, match.start() - 20), match.start())

    def _mention(self, match: re.Match[str]) -> Mention:
        first, last = match["first"], match["last"]
        if last:
            ids = self.index.between(first, last)
            written = f"{first}-{last}"
            if not ids and (one := self.index.resolve(first)) and self.index.resolve(last):
                ids = (one,)  # "T001 → T010 — T002 is done" has no range from T010 down to T002
        elif match["open"]:
            ids = self.index.since(first)
            written = f"{first}+"
        else:
            one = self.index.resolve(first)
            ids = self.index.group(first) if one is None else (one,)
            written = first
        return Mention(match.start(), match.end(), ids, () if ids else (written,))
