"""Plain pytest-xdist on a graph whose tasks wait for nobody: what pytest and processes cost with nothing to order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measure import fresh_directory, run
from benchmarks.ours import NOTE_WORKERS, BrokenRunError, read_ups
from benchmarks.peers import XDIST

if TYPE_CHECKING:
    from benchmarks.dags import Dag

LAST_END = "last-end"
NOTE_LAST_END = f"""\
import json

ends = []


def pytest_runtest_logreport(report):
    if report.when == "call":
        ends.append(report.stop)


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        with open("{LAST_END}", "w") as file:
            json.dump(max(ends), file)
"""


@dataclass(frozen=True, slots=True)
class PlainRun:
    """One run.

    Attributes:
        ups: when each worker was ready to be given tests, in order.
        end: when the last test ended, on the same clock.
    """

    ups: tuple[float, ...]
    end: float

    @property
    def wall(self) -> float:
        """From the moment the first worker was up to the last test's end."""
        return self.end - self.ups[0]

    @property
    def delays(self) -> tuple[float, ...]:
        """How many seconds later than the first each worker was up."""
        return tuple(up - self.ups[0] for up in self.ups)


def run_plain(dag: Dag, workers: int, dist: str) -> PlainRun:
    """Run tests that spawn the commands of a graph, as xdist's ``--dist`` spreads them.

    Raises:
        BrokenRunError: a test did not pass.
    """
    directory = fresh_directory()
    XDIST.write(dag, directory)
    (directory / "conftest.py").write_text(f"{NOTE_WORKERS}\n\n{NOTE_LAST_END}")
    outcome = run([*XDIST.command(workers), "--dist", dist], directory)
    if complaint := XDIST.complaint(outcome, dag):
        raise BrokenRunError(f"{XDIST.name} on {dag.name} with -n {workers}: {complaint}")
    return PlainRun(read_ups(directory), json.loads((directory / LAST_END).read_text()))
