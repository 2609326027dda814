"""Runs of ``pytest --moderator``, with what its own report says of each task."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import run
from benchmarks.peers import OURS
from benchmarks.peers.plugins import REPORT, tasks_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.dags import Dag


class BrokenRunError(Exception):
    """A run did not do what it should: its numbers would mean nothing."""


@dataclass(frozen=True)
class OurRun:
    """One run.

    Attributes:
        wall: seconds of the whole command.
        spans: by task id, when it started and when it ended, in seconds on one clock.
    """

    wall: float
    spans: Mapping[str, tuple[float, float]]

    @cached_property
    def working_time(self) -> float:
        """Seconds from the first task's start to the last one's end."""
        return max(end for _, end in self.spans.values()) - min(start for start, _ in self.spans.values())

    @cached_property
    def durations(self) -> dict[str, float]:
        """By task id, the seconds that it took."""
        return {task: end - start for task, (start, end) in self.spans.items()}


def run_ours(dag: Dag, workers: int, *, estimates: bool = False) -> OurRun:
    """Run a graph in a fresh directory.

    Raises:
        BrokenRunError: a task did not pass.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        OURS.write(dag, directory)
        (directory / "tasks.md").write_text(tasks_text(dag, estimates=estimates))
        outcome = run(OURS.command(workers), directory)
        if complaint := OURS.complaint(outcome, dag):
            raise BrokenRunError(f"{dag.name} with -n {workers}: {complaint}")
        return OurRun(outcome.wall, read_spans(directory / REPORT))


def read_spans(report: Path) -> dict[str, tuple[float, float]]:
    """Read from an execution report when each task started and ended."""
    data = json.loads(report.read_text())
    return {
        _task_id(entry): (_seconds(entry["started_at"]), _seconds(entry["finished_at"]))
        for entry in data.get("results") or data["tasks"]
        if entry["started_at"] is not None
    }


def _task_id(entry: Mapping[str, object]) -> str:
    task = entry.get("task", entry)
    return str(task["id"]) if isinstance(task, dict) else str(task)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
