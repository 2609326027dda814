"""Ids of tasks: how they are written, made, compared and referred to."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAX_SLUG = 60
_MAX_ID = 200

# Words that may stand before a number, in the languages that we have seen.
TASK_WORD = (
    r"(?i:(?:sub-?)?tasks?|work[ ]packages?|tareas?|tarefas?|tâches?|aufgaben?|задач[аиуе]?|nhiệm[ ]vụ"
    r"|子?任务|子?任務|タスク|작업|태스크)"
)
_NUMBER = r"\d{1,6}(?:\.\d{1,6}){0,5}"
_SUFFIX = r"(?:[a-zA-Z](?!\w))?(?:-[A-Z]{1,12}(?![\w-]))?"
_LETTERED_GROUP = r"\d{1,6}[a-zA-Z](?:\.\d{1,6}){1,3}[a-z]?"
# Numbers with a letter in their midst or at their end, 2a.1 or 1.b; "3.x" is some version.
_WITH_LETTERS = rf"(?:{_LETTERED_GROUP}|{_NUMBER}\.[A-WYZa-wyz](?:\.\d{{1,6}})?)"
_OPEN = r"(?:\*\*|__|~~|[*_`\[(]){0,4}"
_CLOSE = r"(?:\*\*|__|~~|[*_`\])]){0,4}"
_LEADING_ID = re.compile(
    rf"""
    (?P<open>{_OPEN}) (?:(?P<word>{TASK_WORD})\s*)? {_OPEN}
    (?:
        \#?(?P<t>T-?{_NUMBER}{_SUFFIX}) (?!\w) (?!\s?(?:[-–—~,/&+]|\.\.\.?)\s?T-?\d)  # one id, no list or range
      | (?P<hash>\#\d{{1,9}}) (?!\w)
      | (?P<lettered>
            (?!T\d) [A-Z][A-Za-z0-9]{{0,11}} (?:-[A-Z][A-Z0-9]{{0,11}}){{0,3}} -T?{_NUMBER}{_SUFFIX} (?!\w)
          | T\d{{1,2}}-\d{{3}}{_SUFFIX} (?!\w)
          | [A-Z]{{1,6}}{_NUMBER}[a-z]? (?!\w)
          | (?P<prefix>[A-Z]{{1,6}}){_LETTERED_GROUP} (?!\w)
          | (?(word)[A-Z]\.{_NUMBER}|(?!)) (?!\w)
        )
      | (?P<number>
            {_WITH_LETTERS} | {_NUMBER}(?:(?:(?<=\.\d)|(?<=\.\d\d))[a-zA-Z]|[a-z](?=[.:)]))?
        ) (?!\w) (?P<file>\.md(?!\w))?
    )
    (?P<close>{_CLOSE}) (?P<mark>\s?[.:)](?!\w)|\s?[：、．]|\s+[-–—](?=\s)|) {_CLOSE}
    (?=\s|$|[\[(（【]|(?<=[：、．*\])~`]))
    """,
    re.VERBOSE,
)
_PARTS = re.compile(r"(.*?)(\d{1,9}(?:\.\d{1,9})*)([a-zA-Z]?(?:-[A-Z]{1,12})?)", re.DOTALL)
_TAG = re.compile(r"P\d|(?:US|FR)\d+")  # priorities and stories
_FORBIDDEN = re.compile(r"::|[\s\[\]]")


class LeadingId(NamedTuple):
    """The id at the start of a task's line.

    Attributes:
        id: as written, decoration removed.
        family: which scheme it belongs to: ``T``, ``#``, ``1`` (numbers), ``word`` (a number after a word
            such as Task), ``.md`` (a task's own file), ``dash`` (a whole number and a dash), ``bare`` (a whole
            number without a mark) or the letters of a prefix.
        end: where the rest of the line starts.
    """

    id: str
    family: str
    end: int


def leading_id(text: str, start: int = 0) -> LeadingId | None:
    """Find the id at the start of a task's line."""
    match = _LEADING_ID.match(text, start)
    if match is None:
        return None
    if match["t"]:
        return LeadingId(match["t"], "T", match.end())
    if match["hash"] and match["word"]:
        return LeadingId(match["hash"][1:], "word", match.end())  # "Task #3" is task 3
    if match["hash"]:
        return LeadingId(match["hash"], "#", match.end())
    if match["number"]:
        return LeadingId(match["number"], _number_family(match), match.end())
    return _lettered(match)


def _number_family(match: re.Match[str]) -> str:
    if match["word"]:
        return "word"
    if match["file"]:
        return ".md"
    mark = match["mark"].strip()
    if match["close"] or "." in match["number"] or mark in (".", ":", ")", "：", "、", "．"):
        return "1"
    rest = match.string[match.end() :].lstrip()
    return "dash" if mark and rest and not rest[0].isdigit() else "bare"


def _lettered(match: re.Match[str]) -> LeadingId | None:
    text = match["lettered"]
    prefix = match["prefix"] or id_prefix(text)
    if _TAG.fullmatch(text):
        return None
    decorated = match["open"] or match["word"] or match["close"] or match["mark"].strip()
    if not (decorated or "-" in text or "." in text or prefix == "WP"):
        return None  # such as "S3 bucket"
    return LeadingId(text, prefix, match.end())


def id_prefix(task_id: str) -> str:
    """Give what stands before an id's number: ``T`` of ``T014``, nothing of ``1.2``."""
    parts = _PARTS.fullmatch(task_id)
    return parts[1] if parts else task_id


def is_usable(task_id: str) -> bool:
    """Whether an id can be part of a pytest node id."""
    return 0 < len(task_id) <= _MAX_ID and task_id.isprintable() and not _FORBIDDEN.search(task_id)


def slug(title: str) -> str:
    """Make an id from a title: its words in any script, in lower case, joined by ``-``."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", title[: 4 * _MAX_SLUG]).lower())
    return "-".join(words)[:_MAX_SLUG].strip("-") or "task"


def make_unique(wanted: str, taken: set[str], counts: dict[str, int]) -> str:
    """Add ``-2``, ``-3`` … until the id is not taken, and take it."""
    candidate = wanted
    while candidate in taken:
        counts[wanted] = counts.get(wanted, 1) + 1
        candidate = f"{wanted}-{counts[wanted]}"
    taken.add(candidate)
    return candidate


class _Key(NamedTuple):
    """An id taken apart, in the order of a range."""

    numbers: tuple[int, ...]
    suffix: str
    id: str


def _take_apart(task_id: str) -> tuple[str, _Key] | None:
    parts = _PARTS.fullmatch(task_id)
    if parts is None:
        return None
    return parts[1], _Key(tuple(int(number) for number in parts[2].split(".")), parts[3], task_id)


class IdIndex:
    """The ids of a file, to look up what a text refers to."""

    def __init__(self, ids: Iterable[str]) -> None:
        """Index the ids; they keep their order."""
        self.ids = tuple(dict.fromkeys(ids))
        self.prefixes: set[str] = set()
        self._known = set(self.ids)
        self._aliases: dict[str, str] = {}
        self._keys: dict[str, list[_Key]] = {}
        ambiguous: set[str] = set()
        for task_id in self.ids:
            apart = _take_apart(task_id)
            if apart is None:
                continue
            prefix, key = apart
            self.prefixes.update((prefix, prefix[-1:] if prefix[-2:-1] == "-" else prefix))
            self._keys.setdefault(prefix, []).append(key)
            for alias in _spellings(task_id, prefix, key):
                if self._aliases.setdefault(alias, task_id) != task_id:
                    ambiguous.add(alias)
        for alias in ambiguous:
            del self._aliases[alias]
        for keys in self._keys.values():
            keys.sort()

    def __contains__(self, task_id: object) -> bool:
        """Whether a task has this very id."""
        return task_id in self._known

    def resolve(self, reference: str) -> str | None:
        """Give the id that a reference means, ``None`` where there is none."""
        return reference if reference in self._known else self._aliases.get(reference)

    def group(self, reference: str) -> tuple[str, ...]:
        """Give the ids below one that no task has: ``2.1``, ``2.2`` … for ``2``, ``T2a``, ``T2b`` … for ``T2``."""
        apart = _take_apart(reference)
        if apart is None:
            return ()
        prefix, wanted = apart
        keys = self._keys.get(prefix, [])
        found = []
        for key in keys[bisect_left(keys, (wanted.numbers, "", "")) :]:
            if key.numbers[: len(wanted.numbers)] != wanted.numbers:
                break
            if len(key.numbers) > len(wanted.numbers) or (key.suffix and not wanted.suffix):
                found.append(key.id)
        return tuple(found)

    def between(self, first: str, last: str) -> tuple[str, ...]:
        """Give the ids from one to another, both included, as far as they exist."""
        low, high = _take_apart(self.resolve(first) or first), _take_apart(self.resolve(last) or last)
        if low is None or high is None or high[0] not in (low[0], ""):
            return ()
        prefix, start = low
        keys = self._keys.get(prefix, [])
        found = []
        for key in keys[bisect_left(keys, (start.numbers, start.suffix, "")) :]:
            if (key.numbers, key.suffix) > (high[1].numbers, high[1].suffix):
                break
            if prefix or len(key.numbers) == len(start.numbers):  # "Tasks 1-4" does not mean 1.1
                found.append(key.id)
        return tuple(found) or self._groups_between(prefix, start.numbers, high[1].numbers)

    def _groups_between(self, prefix: str, first: tuple[int, ...], last: tuple[int, ...]) -> tuple[str, ...]:
        depth = len(first)
        keys = (key for key in self._keys.get(prefix, []) if depth == len(last) < len(key.numbers))
        return tuple(key.id for key in keys if first <= key.numbers[:depth] <= last)

    def since(self, first: str) -> tuple[str, ...]:
        """Give the ids from one on."""
        apart = _take_apart(first)
        if apart is None:
            return ()
        keys = self._keys.get(apart[0], [])
        return tuple(key.id for key in keys[bisect_left(keys, (apart[1].numbers, apart[1].suffix, "")) :])


def _spellings(task_id: str, prefix: str, key: _Key) -> Sequence[str]:
    """Other ways to write an id: ``T031`` for ``T031-MIN``, ``T1`` for ``T001``, ``T18`` for ``P1-T18``."""
    written = task_id.removesuffix(key.suffix) if "-" in key.suffix else task_id
    plain = f"{prefix}{'.'.join(map(str, key.numbers))}" if not key.suffix else written
    short = written.rpartition("-")[2] if prefix[-2:-1] == "-" else written
    return tuple({written, plain, short, written.removeprefix("#")} - {task_id})
