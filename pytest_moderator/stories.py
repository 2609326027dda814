"""Which phases belong to which user story."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_moderator.model import Task

# Only in capitals: a heading may say "contact us 24 hours a day".
_HEADING = re.compile(r"(?:\b(?i:user[\s-]+story)[\s-]*#?|\bUS[\s-]?)0*(\d+)\b")
_TAG = re.compile(r"(?P<fr>FR)?\D*0*(?P<number>\d+\w?)")


@dataclass(frozen=True, slots=True)
class StoryPhase:
    """A phase, and the story it works on.

    Attributes:
        tasks: its tasks, in the order of the file.
        story: such as ``US1``; ``None`` for a phase that serves all (setup, foundations, polish).
        depends_on: stories that must have ended before it starts.
    """

    tasks: tuple[Task, ...]
    story: str | None
    depends_on: tuple[str, ...] = ()


def classify_phases(
    phases: Iterable[tuple[Task, ...]], story_depends: Mapping[str, tuple[str, ...]]
) -> list[StoryPhase]:
    """Find each phase's story: by its heading, else by what more than half of its tasks carry."""
    found = []
    for tasks in phases:
        story = _story_of(tasks)
        found.append(StoryPhase(tasks, story, story_depends.get(story, ()) if story else ()))
    return found


def _story_of(tasks: tuple[Task, ...]) -> str | None:
    named = set(_HEADING.findall(tasks[0].phase or ""))
    if len(named) == 1:  # one that names several serves them all
        return f"US{named.pop()}"
    story, count = Counter(task.story for task in tasks).most_common(1)[0]
    return _label(story) if story and count * 2 > len(tasks) else None


def _label(tag: str) -> str:
    """Write a tag such as ``US-01`` or ``Story 1`` the way in which dependencies between stories are stated."""
    match = _TAG.match(tag)
    return f"{match['fr'] or 'US'}{match['number']}" if match else tag
