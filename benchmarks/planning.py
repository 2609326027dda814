"""Reading and planning large files, and whether a task costs more among many."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.dags import make_dag
from benchmarks.measure import best
from benchmarks.ours import run_ours
from benchmarks.peers.plugins import tasks_text
from benchmarks.tables import Goal, Section, Table
from pytest_moderator.plan import make_plan
from pytest_moderator.tasksfile import read_tasks_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.dags import Dag
    from benchmarks.options import Options

CASES = (("independent", "explicit"), ("layered", "explicit"), ("chain", "explicit"), ("layered", "phases"))
MOST_SECONDS = 2.0
MOST_GROWTH = 1.3
REPEATS = 3


def measure(options: Options) -> Section:
    """Read, plan and run a small and a large file."""
    small, large = 1000, 10_000
    rows, goals = [], []
    for shape, order in CASES:
        pair = [read_and_plan(make_dag(shape, size, options.seed), order) for size in (small, large)]
        rows += [_row(shape, order, size, times) for size, times in zip((small, large), pair, strict=True)]
        goals += _goals(f"{shape}, {order}", small, large, pair)
    few, many = (100, 1000) if options.quick else (small, large)
    return Section(
        f"Planning: {large} tasks beside {small}",
        tables=(
            Table(
                ("shape", "order", "tasks", "read s", "plan s", "read µs / task", "plan µs / task"),
                tuple(rows),
            ),
        ),
        goals=(*goals, _running_goal(few, many)),
        notes=(
            f"best of {REPEATS}; planning includes priorities and levels, which a run needs",
            "running: from the first task's start to the last one's end, -n 2, independent `true`",
        ),
    )


def read_and_plan(dag: Dag, order: str) -> tuple[float, float]:
    """Give the seconds of reading and of planning a graph's file."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        path = Path(name) / "tasks.md"
        path.write_text(tasks_text(dag, order=order))
        reading = best([seconds_of(lambda: read_tasks_file(path)) for _ in range(REPEATS)])
        tasks_file = read_tasks_file(path)

    def plan() -> object:
        made = make_plan(tasks_file, order)
        return made.priority, made.levels, made.locks

    return reading, best([seconds_of(plan) for _ in range(REPEATS)])


def seconds_of(work: Callable[[], object]) -> float:
    """Time a call."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _row(shape: str, order: str, size: int, times: tuple[float, float]) -> tuple[str, ...]:
    seconds = (f"{value:.3f}" for value in times)
    return shape, order, str(size), *seconds, *(f"{value / size * 1e6:.0f}" for value in times)


def _goals(case: str, small: int, large: int, pair: list[tuple[float, float]]) -> list[Goal]:
    (read_small, plan_small), (read_large, plan_large) = pair
    scale = large / small
    return [
        Goal(f"{case}: reading and planning {large}", read_large + plan_large, MOST_SECONDS, "s"),
        Goal(
            f"{case}: reading a task among {large} / among {small}",
            read_large / read_small / scale,
            MOST_GROWTH,
        ),
        Goal(
            f"{case}: planning a task among {large} / among {small}",
            plan_large / plan_small / scale,
            MOST_GROWTH,
        ),
    ]


def _running_goal(few: int, many: int) -> Goal:
    costs = [
        run_ours(make_dag("independent", size, sleeping=False), 2).working_time / size for size in (few, many)
    ]
    return Goal(f"running a task among {many} / among {few}", costs[1] / costs[0], MOST_GROWTH)
