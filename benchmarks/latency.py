"""How soon a ready task starts."""

from __future__ import annotations

from itertools import pairwise
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.dags import Dag, Node, make_dag
from benchmarks.measure import fresh_directory, median, percentile, run
from benchmarks.ours import NOTE_WORKERS, BrokenRunError, RecordedRun, read_ups, run_ours
from benchmarks.peers import OURS
from benchmarks.tables import Goal, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.options import Options

ONE_READY = Dag(
    "one ready", (Node("T1"), Node("T2", 0, ("T1",)), Node("T3", 0, ("T1",)), Node("T4", 0, ("T1",)))
)
STARTED = "started"
TOUCH_FIRST = f"`touch {STARTED}`"
MS = 1000


def measure(options: Options) -> Section:
    """Start one ready task of four several times, and walk along one chain."""
    delays = [first_delays() for _ in range(2 if options.quick else 7)]
    since_first, since_last = (max(column) * MS for column in zip(*delays, strict=True))
    length = 200 if options.quick else 1000
    chains = [run_ours(make_dag("chain", length, sleeping=False), workers) for workers in (1, 2)]
    return Section(
        "Latency",
        tables=(_chain_table(length, chains),),
        goals=(
            Goal(
                "one ready of four with -n 4: start after the first worker is up", since_first, 100, "ms", 1
            ),
            Goal("one ready of four with -n 4: start after the last worker is up", since_last, 100, "ms", 1),
            *(
                Goal(
                    f"chain of {length} with -n {workers}: a step, `true` included", step(chain) * MS, 5, "ms"
                )
                for workers, chain in zip((1, 2), chains, strict=True)
            ),
        ),
        notes=(
            f"ready task: worst of {len(delays)}; until the time stamp of a file that the task makes",
            "below 0: it started on a worker that was up before the last one",
            "gap: from a task's recorded end to the recorded start of the next",
            "step: working time / tasks, so the gap, `true` itself and all records",
        ),
    )


def first_delays() -> tuple[float, float]:
    """Give the seconds from the first and from the last worker's being up to the first task's own first act.

    Raises:
        BrokenRunError: a task did not pass.
    """
    directory = fresh_directory()
    OURS.write(ONE_READY, directory)
    tasks = directory / "tasks.md"
    tasks.write_text(tasks.read_text().replace("`true`", TOUCH_FIRST, 1))
    (directory / "conftest.py").write_text(NOTE_WORKERS)
    outcome = run(OURS.command(4), directory)
    if complaint := OURS.complaint(outcome, ONE_READY):
        raise BrokenRunError(complaint)
    started = (directory / STARTED).stat().st_mtime
    ups = read_ups(directory)
    return started - ups[0], started - ups[-1]


def gaps(chain: RecordedRun) -> list[float]:
    """Give the seconds between each task's end and the next one's start."""
    spans = sorted(chain.spans.values(), key=lambda span: span.start)
    return [after.start - before.end for before, after in pairwise(spans)]


def step(chain: RecordedRun) -> float:
    """Give the seconds of one step of a chain."""
    return chain.working_time / len(chain.spans)


def _chain_table(length: int, chains: Sequence[RecordedRun]) -> Table:
    rows = []
    for workers, chain in zip((1, 2), chains, strict=True):
        between = gaps(chain)
        numbers = (
            chain.wall * MS / length,
            step(chain) * MS,
            mean(chain.durations.values()) * MS,
            mean(between) * MS,
            median(between) * MS,
            percentile(between, 0.95) * MS,
        )
        rows.append((f"chain of {length}, -n {workers}", *(f"{number:.2f}" for number in numbers)))
    head = (
        "graph",
        "whole command ms / task",
        "step ms",
        "task ms",
        "gap mean ms",
        "gap median ms",
        "gap p95 ms",
    )
    return Table(head, tuple(rows))
