"""What came of a whole run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.model.result import TaskResult


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """What came of a run of one tasks file.

    Attributes:
        run_id: names the run.
        file: the tasks file as pytest names it (relative to its root directory).
        order: the order mode.
        workers: how many tasks could run at once.
        started_at: ISO 8601 in UTC.
        finished_at: likewise.
        duration_seconds: wall time from the first task's start to the last one's end.
        results: one a task, in the order of the file.
        kept_apart: by file or resource (``file src/a.py``), ids of the tasks that name it, where they are several:
            no two of them ran at once.
    """

    run_id: str
    file: str
    order: str
    workers: int
    started_at: str
    finished_at: str
    duration_seconds: float
    results: tuple[TaskResult, ...] = field(default=())
    kept_apart: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def busy_seconds(self) -> float:
        """Sum of all tasks' durations: what one worker would have needed."""
        return sum(result.duration_seconds for result in self.results)

    @property
    def speed_up(self) -> float | None:
        """Busy time over wall time; ``None`` when nothing ran."""
        if not self.busy_seconds or not self.duration_seconds:
            return None
        return self.busy_seconds / self.duration_seconds
