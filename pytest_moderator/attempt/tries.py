"""What the tries of a task have come to so far, kept where a later process finds it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_moderator.model import Attempt, ErrorCategory, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model import TaskResult

FILE = "tries.json"


@dataclass
class Tries:
    """The tries of a task.

    Attributes:
        last: number of the last one that has failed; 0 before the first has.
        feedback: why that one failed, for the next.
        log: the failed ones that another one follows.
        duration: seconds, of all of them.
        cpu: processor time of all of them, where it is known.
        max_rss: largest resident size of a process.
        usage: what they used of a coding agent.
        started_at: when the first began; empty where that is not known.
    """

    last: int = 0
    feedback: str = ""
    log: list[Attempt] = field(default_factory=list)
    duration: float = 0.0
    cpu: float | None = None
    max_rss: int | None = None
    usage: Usage | None = None
    started_at: str = ""

    @property
    def reduced(self) -> bool:
        """Whether the next one has to do with less."""
        return any(attempt.category == ErrorCategory.RESOURCE for attempt in self.log)

    def add(self, result: TaskResult, duration: float) -> None:
        """Count one."""
        self.duration += duration
        if result.cpu_seconds is not None:
            self.cpu = (self.cpu or 0.0) + result.cpu_seconds
        if result.max_rss_bytes is not None:
            self.max_rss = max(self.max_rss or 0, result.max_rss_bytes)
        if result.usage is not None:
            self.usage = result.usage if self.usage is None else self.usage.plus(result.usage)

    @classmethod
    def before(cls, directory: Path) -> Tries:
        """Find what earlier tries have come to.

        Those that only wait for the next one are part of the same story: with their log and what they used. Of those
        after which the task had failed for good, only the last one's feedback matters.

        Args:
            directory: the task's folder; need not exist.
        """
        try:
            found = json.loads((directory / FILE).read_text(encoding="utf-8"))
            last, feedback = int(found["last"]), str(found["feedback"])
            if not found["goes_on"]:
                return cls(last, feedback)
            return cls(
                last,
                feedback,
                [Attempt(**entry) for entry in found["log"]],
                duration=float(found["duration"]),
                cpu=None if found["cpu"] is None else float(found["cpu"]),
                max_rss=None if found["max_rss"] is None else int(found["max_rss"]),
                usage=None if found["usage"] is None else Usage(**found["usage"]),
                started_at=str(found["started_at"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or somebody has been at it
            return cls()

    def keep(self, directory: Path, *, goes_on: bool) -> None:
        """Write them down for a process that tries the task again.

        Args:
            directory: the task's folder, which is made again where the task has removed it.
            goes_on: whether the task only waits for its next try.

        Raises:
            OSError: they cannot be written, so that nobody would know there how often it was tried.
        """
        found: dict[str, Any] = {
            **vars(self),
            "log": [attempt.to_dict() for attempt in self.log],
            "usage": self.usage and self.usage.to_dict(),
            "goes_on": goes_on,
        }
        new = directory / f"{FILE}.new"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text(json.dumps(found), encoding="utf-8")
        new.replace(directory / FILE)

    @staticmethod
    def forget(directory: Path) -> None:
        """Leave nothing to a later process: the task has succeeded."""
        with contextlib.suppress(OSError):
            (directory / FILE).unlink(missing_ok=True)
