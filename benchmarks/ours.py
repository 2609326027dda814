"""Runs of ``pytest --moderator``, with what its own report says of each task."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from benchmarks.measure import fresh_directory, run
from benchmarks.peers import OURS
from benchmarks.peers.plugins import tasks_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.dags import Dag


REPORT = "report.json"
UPS = "workers-up"
NOTE_WORKERS = f"""\
import time


def pytest_xdist_node_collection_finished(node, ids):
    with open("{UPS}", "a") as file:
        print(time.time(), file=file)
"""


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
class RecordedRun:
    """One run.

    Attributes:
        wall: seconds of the whole command.
        spans: when each task ran, by its id.
        ups: when each worker was ready to be given tasks, in order.
        directory: where it ran.
    """

    wall: float
    spans: Mapping[str, Span]
    ups: tuple[float, ...]
    directory: Path

    @property
    def start(self) -> float:
        """When the first task started."""
        return min(span.start for span in self.spans.values())

    @property
    def end(self) -> float:
        """When the last task ended."""
        return max(span.end for span in self.spans.values())

    @property
    def working_time(self) -> float:
        """Seconds from the first task's start to the last one's end."""
        return self.end - self.start

    @property
    def delays(self) -> tuple[float, ...]:
        """How many seconds later than the first each worker was up."""
        return tuple(up - self.ups[0] for up in self.ups)

    @property
    def durations(self) -> dict[str, float]:
        """The seconds that each task took, by its id."""
        return {task: span.seconds for task, span in self.spans.items()}


def run_ours(dag: Dag, workers: int, *, estimates: bool = False) -> RecordedRun:
    """Run a graph in a fresh directory.

    Raises:
        BrokenRunError: a task did not pass.
    """
    directory = fresh_directory()
    OURS.write(dag, directory)
    (directory / "tasks.md").write_text(tasks_text(dag, estimates=estimates))
    (directory / "conftest.py").write_text(NOTE_WORKERS)
    outcome = run([*OURS.command(workers), f"--moderator-json={REPORT}"], directory)
    if complaint := OURS.complaint(outcome, dag):
        raise BrokenRunError(f"{dag.name} with -n {workers}: {complaint}")
    return RecordedRun(outcome.wall, read_spans(directory / REPORT), read_ups(directory), directory)


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


def read_ups(directory: Path) -> tuple[float, ...]:
    """Read what ``NOTE_WORKERS`` wrote: when each worker was up, in order."""
    return tuple(sorted(float(line) for line in (directory / UPS).read_text().split()))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
