"""How near real runs of seeded graphs come to the bounds and to a perfect scheduler."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.dags import SHAPES, make_dag
from benchmarks.ours import RecordedRun, run_ours
from benchmarks.peers import OURS, PEERS, XDIST
from benchmarks.plain import run_plain
from benchmarks.simulate import Priority, graham_bound, lower_bound, simulate
from benchmarks.tables import Goal, Section, Table
from benchmarks.throughput import peers_table, time_peers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.dags import Dag
    from benchmarks.options import Options

WORKERS = (2, 8)
HANDOVER_SECONDS = 0.005
BARE_RUNS = 40
WITH_ESTIMATES = ("layered", "random")
SHAPE_WITH_PEERS = "layered"
SHAPE_WITHOUT_WAITS = "independent"
PLAIN_DISTS = ("load", "worksteal")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run beside the bounds and the simulation of its graph.

    Attributes:
        dag: what was run.
        workers: how many tasks could run at once.
        by: what the scheduler knew: hops, or exact times.
        run: what was recorded.
        bare: seconds that a command of the graph takes longer than it sleeps when nobody schedules it.
    """

    dag: Dag
    workers: int
    by: Priority
    run: RecordedRun
    bare: float

    @property
    def wall(self) -> float:
        """From the moment the first worker was up to the last task's end."""
        return self.run.end - self.run.ups[0]

    @property
    def simulated(self) -> float:
        """The makespan of a perfect scheduler that knows the same, with workers that join as these did."""
        return simulate(self.dag, self.workers, by=self.by, delays=self.run.delays).makespan

    @property
    def replayed(self) -> float:
        """The same with the durations that were recorded in place of the planned ones."""
        return simulate(
            self.dag, self.workers, self.run.durations, by=self.by, delays=self.run.delays
        ).makespan

    @property
    def commands(self) -> dict[str, float]:
        """The seconds that each command takes by itself."""
        return {task: seconds + self.bare for task, seconds in self.dag.durations().items()}

    @property
    def simulated_commands(self) -> float:
        """The makespan of a perfect scheduler that has to run these very commands."""
        delays = self.run.delays
        return simulate(self.dag, self.workers, self.commands, by=self.by, delays=delays).makespan

    @property
    def bound_of_commands(self) -> float:
        """No schedule of these commands can be shorter."""
        return lower_bound(self.dag, self.workers, self.commands, self.run.delays)

    @property
    def bound(self) -> float:
        """No schedule can be shorter with workers that join as these did."""
        return lower_bound(self.dag, self.workers, self.dag.durations(), self.run.delays)

    @property
    def graham(self) -> float:
        """Graham's bound, where each task takes 5 ms longer for its hand-over."""
        durations = {task: seconds + HANDOVER_SECONDS for task, seconds in self.dag.durations().items()}
        return graham_bound(self.dag, self.workers, durations, self.run.delays)

    def row(self) -> tuple[str, ...]:
        """Give the row of the table."""
        seconds = (self.run.delays[-1], self.wall, self.bound)
        ratios = (
            self.wall / self.bound,
            self.simulated / self.bound,
            self.wall / self.simulated,
            self.wall / self.replayed,
            self.wall / self.graham,
            self.wall / self.bound_of_commands,
            self.wall / self.simulated_commands,
        )
        numbers = [*(f"{value:.2f}" for value in seconds), *(f"{ratio:.3f}" for ratio in ratios)]
        return (self.dag.name, str(self.workers), self.by, *numbers)


HEAD = (
    "shape",
    "m",
    "priority",
    "joining s",
    "wall s",
    "bound s",
    "wall / bound",
    "simulated / bound",
    "wall / simulated",
    "wall / replayed",
    "wall / Graham",
    "wall / bound of commands",
    "wall / simulated commands",
)


def measure(options: Options) -> Section:
    """Run every shape with 2 and with 8 workers."""
    size = 80 if options.quick else 500
    dags = [make_dag(shape, size, options.seed) for shape in SHAPES]
    found = [compare(dag, workers, "hops") for workers in WORKERS for dag in dags]
    informed = [dag for dag in dags if dag.name in WITH_ESTIMATES]
    found += [compare(dag, workers, "time") for workers in WORKERS for dag in informed]
    bare = statistics.mean(comparison.bare for comparison in found)
    plain = _beside_plain_xdist([one for one in found if one.dag.name == SHAPE_WITHOUT_WAITS])
    beside, notes = _beside_peers(options)
    return Section(
        f"Scheduling: {size} tasks that sleep 0 to 100 ms, seed {options.seed}",
        tables=(Table(HEAD, tuple(comparison.row() for comparison in found)), plain, beside),
        goals=_goals(found),
        notes=(
            "wall: from the moment the first worker is up to the end of the last task",
            "joining: how much later the last worker was up; bounds and simulations let workers join as they did",
            "bound: max(critical path, share of the total) of the planned sleeps, at no cost for a process",
            "replayed: simulation with the recorded durations, which leaves the cost of scheduling alone",
            "Graham: total / m + (1 - 1 / m) x critical path, each task 5 ms longer for its hand-over",
            f"commands: each takes what it sleeps, and {bare * 1000:.2f} ms for starting and ending a process",
            "second table: ours and plain pytest-xdist where no task waits for another, each beside its own bounds",
            "third table: whole commands with their start-up, on one graph",
            *notes,
        ),
    )


def compare(dag: Dag, workers: int, by: Priority) -> Comparison:
    """Run one graph; ``by="time"`` writes the exact durations as estimates."""
    bare = cost_of_a_process(dag)
    return Comparison(dag, workers, by, run_ours(dag, workers, estimates=by == "time"), bare)


def cost_of_a_process(dag: Dag) -> float:
    """Run some commands of a graph one after another, and say how many seconds longer than its sleep one takes."""
    nodes = [node for node in dag.nodes if node.seconds][:BARE_RUNS]
    begun = time.perf_counter()
    for node in nodes:
        subprocess.run(node.command, check=True)
    return (time.perf_counter() - begun - sum(node.seconds for node in nodes)) / len(nodes)


def _goals(found: Sequence[Comparison]) -> tuple[Goal, ...]:
    by_bound = [comparison.wall / comparison.bound for comparison in found]
    by_simulation = [comparison.wall / comparison.simulated for comparison in found]
    by_replay = [comparison.wall / comparison.replayed for comparison in found]
    by_commands = [comparison.wall / comparison.simulated_commands for comparison in found]
    by_bound_of_commands = [comparison.wall / comparison.bound_of_commands for comparison in found]
    by_graham = [comparison.wall / comparison.graham for comparison in found]
    return (
        Goal("mean of wall / bound", statistics.mean(by_bound), 1.10, digits=3),
        Goal("largest wall / Graham", max(by_graham), 1.0, digits=3),
        Goal("mean of wall / simulated", statistics.mean(by_simulation), 1.05, digits=3),
        Goal("largest wall / simulated", max(by_simulation), 1.05, digits=3),
        Goal("mean of wall / replayed", statistics.mean(by_replay), 1.05, digits=3),
        Goal("largest wall / replayed", max(by_replay), 1.05, digits=3),
        Goal("mean of wall / bound of the commands", statistics.mean(by_bound_of_commands), 1.10, digits=3),
        Goal("mean of wall / simulated commands", statistics.mean(by_commands), 1.05, digits=3),
    )


def _beside_plain_xdist(ours: Sequence[Comparison]) -> Table:
    """Show how near plain xdist comes to the same limits, with all tests known to its workers from the start."""
    rows = []
    for one in ours:
        rows.append(_nearness(OURS.name, one))
        for dist in PLAIN_DISTS:
            plain = replace(one, run=run_plain(one.dag, one.workers, dist))
            rows.append(_nearness(f"{XDIST.name} --dist {dist}", plain))
    return Table(("tool", "shape", "m", "wall s", "wall / bound", "wall / simulated"), tuple(rows))


def _nearness(tool: str, one: Comparison) -> tuple[str, ...]:
    ratios = f"{one.wall / one.bound:.3f}", f"{one.wall / one.simulated:.3f}"
    return (tool, one.dag.name, str(one.workers), f"{one.wall:.2f}", *ratios)


def _beside_peers(options: Options) -> tuple[Table, tuple[str, ...]]:
    dag = make_dag(SHAPE_WITH_PEERS, 40 if options.quick else 200, options.seed)
    able = [peer for peer in PEERS if peer.knows_dependencies]
    walls, notes = time_peers(dag, WORKERS[0], 1 if options.quick else 3, able)
    return peers_table(walls), notes
