"""How near real runs of seeded graphs come to the bounds and to a perfect scheduler."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.dags import SHAPES, make_dag
from benchmarks.ours import OurRun, run_ours
from benchmarks.peers import PEERS
from benchmarks.simulate import Priority, graham_bound, lower_bound, simulate
from benchmarks.tables import Goal, Section, Table
from benchmarks.throughput import peers_table, time_peers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.dags import Dag
    from benchmarks.options import Options

WORKERS = (2, 8)
HANDOVER_SECONDS = 0.005
WITH_ESTIMATES = ("layered", "random")
SHAPE_WITH_PEERS = "layered"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run beside the bounds and the simulation of its graph.

    Attributes:
        dag: what was run.
        workers: how many tasks could run at once.
        by: what the scheduler knew: hops, or exact times.
        run: what was recorded.
    """

    dag: Dag
    workers: int
    by: Priority
    run: OurRun

    @property
    def simulated(self) -> float:
        """The makespan of a perfect scheduler that knows the same."""
        return simulate(self.dag, self.workers, by=self.by).makespan

    @property
    def replayed(self) -> float:
        """The same with the durations that were recorded in place of the planned ones."""
        return simulate(self.dag, self.workers, self.run.durations, by=self.by).makespan

    @property
    def bound(self) -> float:
        """No schedule can be shorter."""
        return lower_bound(self.dag, self.workers, self.dag.durations())

    @property
    def graham(self) -> float:
        """Graham's bound, where each task takes 5 ms longer for its hand-over."""
        durations = {task: seconds + HANDOVER_SECONDS for task, seconds in self.dag.durations().items()}
        return graham_bound(self.dag, self.workers, durations)

    def row(self) -> tuple[str, ...]:
        """Give the row of the table."""
        wall = self.run.working_time
        return (
            self.dag.name,
            str(self.workers),
            self.by,
            f"{wall:.2f}",
            f"{self.bound:.2f}",
            f"{wall / self.bound:.3f}",
            f"{self.simulated / self.bound:.3f}",
            f"{wall / self.simulated:.3f}",
            f"{wall / self.replayed:.3f}",
            f"{wall / self.graham:.3f}",
        )


HEAD = (
    "shape",
    "m",
    "priority",
    "wall s",
    "bound s",
    "wall / bound",
    "simulated / bound",
    "wall / simulated",
    "wall / replayed",
    "wall / Graham",
)


def measure(options: Options) -> Section:
    """Run every shape with 2 and with 8 workers."""
    size = 80 if options.quick else 500
    dags = [make_dag(shape, size, options.seed) for shape in SHAPES]
    found = [compare(dag, workers, "hops") for workers in WORKERS for dag in dags]
    informed = [dag for dag in dags if dag.name in WITH_ESTIMATES]
    found += [compare(dag, workers, "time") for workers in WORKERS for dag in informed]
    beside, notes = _beside_peers(options)
    return Section(
        f"Scheduling: {size} tasks that sleep 0 to 100 ms, seed {options.seed}",
        tables=(Table(HEAD, tuple(comparison.row() for comparison in found)), beside),
        goals=_goals(found),
        notes=(
            "wall: from the first task's start to the last one's end, as the report records them",
            "bound: max(critical path, total / m) of the planned sleeps, without the cost of a process",
            "replayed: simulation with the recorded durations, which leaves the cost of scheduling alone",
            "Graham: total / m + (1 - 1 / m) x critical path, each task 5 ms longer for its hand-over",
            "second table: whole commands with their start-up, on one graph",
            *notes,
        ),
    )


def compare(dag: Dag, workers: int, by: Priority) -> Comparison:
    """Run one graph; ``by="time"`` writes the exact durations as estimates."""
    return Comparison(dag, workers, by, run_ours(dag, workers, estimates=by == "time"))


def _goals(found: Iterable[Comparison]) -> tuple[Goal, ...]:
    walls = [(comparison, comparison.run.working_time) for comparison in found]
    by_bound = [wall / comparison.bound for comparison, wall in walls]
    by_simulation = [wall / comparison.simulated for comparison, wall in walls]
    by_replay = [wall / comparison.replayed for comparison, wall in walls]
    return (
        Goal("mean of wall / bound", statistics.mean(by_bound), 1.10, digits=3),
        Goal(
            "largest wall / Graham",
            max(wall / comparison.graham for comparison, wall in walls),
            1.0,
            digits=3,
        ),
        Goal("mean of wall / simulated", statistics.mean(by_simulation), 1.05, digits=3),
        Goal("largest wall / simulated", max(by_simulation), 1.05, digits=3),
        Goal("largest wall / replayed", max(by_replay), 1.05, digits=3),
    )


def _beside_peers(options: Options) -> tuple[Table, tuple[str, ...]]:
    dag = make_dag(SHAPE_WITH_PEERS, 40 if options.quick else 200, options.seed)
    able = [peer for peer in PEERS if peer.knows_dependencies]
    walls, notes = time_peers(dag, WORKERS[0], 1 if options.quick else 3, able)
    return peers_table(walls), notes
