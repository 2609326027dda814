"""Which phases belong to which user story."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_moderator.model import Task

_HEADING = re.compile(r"\b(?:user\s+story|us)[\s-]*(\d+)\b", re.IGNORECASE)


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
    heading = _HEADING.search(tasks[0].phase or "")
    if heading:
        return f"US{int(heading[1])}"
    story, count = Counter(task.story for task in tasks).most_common(1)[0]
    return story if count * 2 > len(tasks) else None
