"""Whether a rule holds for a task, and why."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_moderator.model import Rule, Task


def why(rule: Rule, task: Task) -> str | None:
    """Say why a rule holds for a task; ``None`` where it does not.

    Args:
        rule: the rule.
        task: the task.

    Returns:
        One reason for each condition, with commas between; ``it takes all tasks`` for a rule without conditions.
    """
    reasons: list[str | None] = []
    if rule.marks:
        missing = [mark for mark in rule.marks if not getattr(task, mark)]
        reasons.append(None if missing else f"marks {' and '.join(rule.marks)}")
    if rule.story:
        stories = [story for story in rule.story if story.casefold() == (task.story or "").casefold()]
        reasons.append(f"story {stories[0]}" if stories else None)
    if rule.phase:
        phases = [wanted for wanted in rule.phase if names_heading(wanted, task.phase or "")]
        reasons.append(f"phase {phases[0]!r}" if phases else None)
    if rule.paths:
        reasons.append(_path_that_matches(rule.paths, task.files))
    if rule.task_type and None not in reasons:
        from pytest_moderator.backends.classify import classify  # noqa: PLC0415 (few rules need it)

        found = classify(task)
        reasons.append(str(found) if found.kind in rule.task_type else None)
    held = [reason for reason in reasons if reason is not None]
    if len(held) < len(reasons):
        return None
    return ", ".join(held) or "it takes all tasks"


def _path_that_matches(patterns: Iterable[str], files: Iterable[str]) -> str | None:
    for pattern in patterns:
        for file in files:
            if path_pattern(pattern).fullmatch(file.removeprefix("./")):
                return f"{file} matches {pattern}"
    return None


@lru_cache(maxsize=256)
def path_pattern(pattern: str) -> re.Pattern[str]:
    """Make an expression of a pattern for paths.

    ``*`` and ``?`` stand for anything but ``/``, ``**`` for any number of directories. A pattern without ``/`` is
    for the last part of a path; one that ends with ``/`` is for all that lies below.

    Args:
        pattern: the pattern.
    """
    pattern = pattern.removeprefix("./")
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    elif pattern.endswith("/"):
        pattern += "**"
    pattern = re.sub(r"(\*\*/)+", "**/", pattern.removeprefix("/"))
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    words = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))


@lru_cache(maxsize=1024)
def names_heading(wanted: str, heading: str) -> bool:
    """Whether a condition names a heading.

    Args:
        wanted: whole words that stand in it, or a pattern with ``*`` and ``?`` for all of it.
        heading: its text; case and spacing make no difference.
    """
    wanted, heading = (" ".join(text.casefold().split()) for text in (wanted, heading))
    if "*" in wanted or "?" in wanted:
        parts = re.split(r"(\*+|\?)", wanted)
        words = {"?": "."}
        text = "".join(".*" if part.startswith("*") else words.get(part, re.escape(part)) for part in parts)
        return re.fullmatch(text, heading) is not None
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", heading) is not None
