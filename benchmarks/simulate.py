"""What a perfect list scheduler would need for a graph, and the bounds around it.

The policy is the tool's own: whenever a worker is free, it gets the ready task with the longest remaining
path, and the earlier one in the file where two are equal. Here starting a task and noticing its end cost
nothing.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.dags import Dag

Priority = Literal["hops", "time"]


@dataclass(frozen=True, slots=True)
class Simulation:
    """When each task started, and when the last one ended."""

    makespan: float
    starts: Mapping[str, float]


def remaining_paths(dag: Dag, weights: Mapping[str, float]) -> dict[str, float]:
    """Give for each task the weight of the heaviest path that begins with it."""
    behind = dict.fromkeys((node.id for node in dag.nodes), 0.0)
    result: dict[str, float] = {}
    for node in reversed(dag.nodes):
        result[node.id] = weights[node.id] + behind[node.id]
        for before in node.depends_on:
            behind[before] = max(behind[before], result[node.id])
    return result


def critical_path(dag: Dag, durations: Mapping[str, float]) -> float:
    """Give the seconds that the longest path needs."""
    return max(remaining_paths(dag, durations).values(), default=0.0)


def lower_bound(
    dag: Dag, workers: int, durations: Mapping[str, float], delays: Sequence[float] = ()
) -> float:
    """Give the time below which no schedule can come: the critical path, or all work shared out evenly."""
    return max(critical_path(dag, durations), _even_share(sum(durations.values()), workers, delays))


def graham_bound(
    dag: Dag, workers: int, durations: Mapping[str, float], delays: Sequence[float] = ()
) -> float:
    """Give the time above which no schedule comes that leaves no worker idle while a task is ready.

    A worker that is not there yet counts as busy.
    """
    share = (sum(durations.values()) + sum(delays)) / workers
    return share + (1 - 1 / workers) * critical_path(dag, durations)


def _even_share(work: float, workers: int, delays: Sequence[float]) -> float:
    """Give the time by which workers that come one after another have done so much work together."""
    joined = sorted([*delays, *[0.0] * (workers - len(delays))])
    shares = ((work + sum(joined[:count])) / count for count in range(1, workers + 1))
    return min(shares)


def simulate(
    dag: Dag,
    workers: int,
    durations: Mapping[str, float] | None = None,
    *,
    by: Priority = "hops",
    delays: Sequence[float] = (),
) -> Simulation:
    """Play the policy through.

    Args:
        dag: the graph.
        workers: how many tasks may run at once, 1 or more.
        durations: seconds of each task; what the graph says where not given.
        by: what is known for the priority: ``hops`` without estimates, ``time`` with exact ones.
        delays: how much later than the first each worker joins; at once where not given.
    """
    seconds = dag.durations() if durations is None else durations
    priority = remaining_paths(dag, dict.fromkeys(seconds, 1.0) if by == "hops" else seconds)
    rank = {node.id: (-priority[node.id], place) for place, node in enumerate(dag.nodes)}
    waiting = {node.id: len(node.depends_on) for node in dag.nodes}
    dependents = _dependents(dag)
    ready = [(rank[task], task) for task, count in waiting.items() if not count]
    heapq.heapify(ready)
    running = [(delay, "") for delay in delays if delay > 0]  # a worker that is to come has its place taken
    heapq.heapify(running)
    starts: dict[str, float] = {}
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            task = heapq.heappop(ready)[1]
            starts[task] = now
            heapq.heappush(running, (now + seconds[task], task))
        now, ended = heapq.heappop(running)
        for task in dependents.get(ended, ()):
            waiting[task] -= 1
            if not waiting[task]:
                heapq.heappush(ready, (rank[task], task))
    return Simulation(max((start + seconds[task] for task, start in starts.items()), default=0.0), starts)


def _dependents(dag: Dag) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {node.id: [] for node in dag.nodes}
    for node in dag.nodes:
        for before in node.depends_on:
            result[before].append(node.id)
    return result
