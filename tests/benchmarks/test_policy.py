"""The tool's own plan and coordinator decide as the simulation does that the benchmarks hold them against."""

from __future__ import annotations

import heapq

import pytest

from benchmarks.dags import SHAPES, Dag, make_dag
from benchmarks.simulate import simulate
from pytest_moderator.coordinator import Coordinator
from pytest_moderator.graph import longest_paths
from pytest_moderator.step import Step


def play(dag: Dag, workers: int, weights: dict[str, float]) -> dict[str, float]:
    """Give the starts that the coordinator decides on, where only sleeping takes time."""
    waits = {node.id: node.depends_on for node in dag.nodes}
    priority, _ = longest_paths(weights, waits)
    coordinator = Coordinator(Step(key, needs, priority=priority[key]) for key, needs in waits.items())
    durations = dag.durations()
    running: list[tuple[float, str]] = []
    starts: dict[str, float] = {}
    now = 0.0
    while not coordinator.finished:
        while len(running) < workers and (key := coordinator.start_next()) is not None:
            starts[key] = now
            heapq.heappush(running, (now + durations[key], key))
        now, ended = heapq.heappop(running)
        coordinator.end(ended, success=True)
    return starts


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_without_estimates(shape: str, workers: int) -> None:
    dag = make_dag(shape, 80, seed=5)
    starts = play(dag, workers, dict.fromkeys(dag.durations(), 1.0))
    assert starts == simulate(dag, workers, by="hops").starts


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("workers", [2, 8])
def test_with_exact_estimates(shape: str, workers: int) -> None:
    dag = make_dag(shape, 80, seed=6)
    assert play(dag, workers, dag.durations()) == simulate(dag, workers, by="time").starts
