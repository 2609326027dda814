"""Runs of ``pytest --moderator``, with what its own report says of each task."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import run
from benchmarks.peers import OURS
from benchmarks.peers.plugins import tasks_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.dags import Dag


REPORT = "report.json"


class BrokenRunError(Exception):
    """A run did not do what it should: its numbers would mean nothing."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a task ran.

    Attributes:
        start: seconds on the clock that all tasks share.
        end: likewise.
        seconds: how long it took, on a finer clock.
    """

    start: float
    end: float
    seconds: float


@dataclass(frozen=True, slots=True)
class OurRun:
    """One run.

    Attributes:
        wall: seconds of the whole command.
        spans: when each task ran, by its id.
    """

    wall: float
    spans: Mapping[str, Span]

    @property
    def working_time(self) -> float:
        """Seconds from the first task's start to the last one's end."""
        return max(span.end for span in self.spans.values()) - min(span.start for span in self.spans.values())

    @property
    def durations(self) -> dict[str, float]:
        """The seconds that each task took, by its id."""
        return {task: span.seconds for task, span in self.spans.items()}


def run_ours(dag: Dag, workers: int, *, estimates: bool = False) -> OurRun:
    """Run a graph in a fresh directory.

    Raises:
        BrokenRunError: a task did not pass.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        OURS.write(dag, directory)
        (directory / "tasks.md").write_text(tasks_text(dag, estimates=estimates))
        outcome = run([*OURS.command(workers), f"--moderator-json={REPORT}"], directory)
        if complaint := OURS.complaint(outcome, dag):
            raise BrokenRunError(f"{dag.name} with -n {workers}: {complaint}")
        return OurRun(outcome.wall, read_spans(directory / REPORT))


def read_spans(report: Path) -> dict[str, Span]:
    """Read from an execution report when each task started and ended."""
    data = json.loads(report.read_text())
    return {
        entry["task"]["id"]: Span(
            _seconds(entry["started_at"]), _seconds(entry["finished_at"]), entry["duration_seconds"]
        )
        for file in data["files"]
        for entry in file["tasks"]
    }


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
