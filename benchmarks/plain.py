"""Plain pytest-xdist on a graph whose tasks wait for nobody: what pytest and processes cost with nothing to order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.measure import fresh_directory, run
from benchmarks.ours import NOTE_WORKERS, BrokenRunError, RecordedRun, Span, read_ups
from benchmarks.peers import XDIST

if TYPE_CHECKING:
    from benchmarks.dags import Dag

SPANS = "spans.json"
NOTE_SPANS = f"""\
import json

spans = {{}}


def pytest_runtest_logreport(report):
    if report.when == "call":
        task = report.nodeid.rpartition("test_")[2]
        spans[task] = (report.start, report.stop, report.duration)


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        with open("{SPANS}", "w") as file:
            json.dump(spans, file)
"""


def run_plain(dag: Dag, workers: int, dist: str) -> RecordedRun:
    """Run tests that spawn the commands of a graph, as xdist's ``--dist`` spreads them.

    Raises:
        BrokenRunError: a test did not pass.
    """
    directory = fresh_directory()
    XDIST.write(dag, directory)
    (directory / "conftest.py").write_text(f"{NOTE_WORKERS}\n\n{NOTE_SPANS}")
    outcome = run([*XDIST.command(workers), "--dist", dist], directory)
    if complaint := XDIST.complaint(outcome, dag):
        raise BrokenRunError(f"{XDIST.name} on {dag.name} with -n {workers}: {complaint}")
    spans = {task: Span(*span) for task, span in json.loads((directory / SPANS).read_text()).items()}
    return RecordedRun(outcome.wall, spans, read_ups(directory), directory)
