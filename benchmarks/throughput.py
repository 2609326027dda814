"""Many small independent tasks: what a task costs, here and with the peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.dags import make_dag
from benchmarks.measure import Memory, best, fresh_directory, median, run, run_watching_workers
from benchmarks.ours import BrokenRunError
from benchmarks.peers import OURS, PEERS, XDIST, Peer, PeerMissingError
from benchmarks.tables import Goal, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.dags import Dag
    from benchmarks.options import Options

WORKERS = 2
SLOW_SECONDS = 20
FASTER_THAN = ("Snakemake", "Luigi", "Dask LocalCluster")
MOST_MEGABYTES = 40.0


def measure(options: Options) -> Section:
    """Time every peer in turn, several times over, and weigh our workers."""
    size, rounds = (200, 2) if options.quick else (1000, 5)
    dag = make_dag("independent", size, sleeping=False)
    pytests = (
        OURS,
        XDIST,
    )  # before the others: where those have removed many files, ext4 makes new ones slowly
    walls, notes = time_peers(dag, WORKERS, rounds, pytests)
    if not walls.get(OURS.name):
        raise BrokenRunError("; ".join(notes))
    of_others = time_peers(dag, WORKERS, rounds, [peer for peer in PEERS if peer not in pytests])
    walls, notes = walls | of_others[0], notes + of_others[1]
    memory = [(peer.name, weigh(peer, dag)) for peer in (OURS, XDIST)]
    return Section(
        f"Throughput: {size} independent `true`, {WORKERS} workers",
        tables=(peers_table(walls), memory_table(memory)),
        goals=(*_ratio_goals(walls), *_memory_goals(memory[0][1])),
        notes=notes,
    )


def time_peers(
    dag: Dag, workers: int, rounds: int, peers: Sequence[Peer]
) -> tuple[dict[str, list[float]], tuple[str, ...]]:
    """Let peers take turns, so that noise hits all alike.

    A peer that takes longer than 20 s has one turn.

    Returns:
        Wall times by name (none for a peer that is missing or failed), and notes that say why.
    """
    walls: dict[str, list[float]] = {peer.name: [] for peer in peers}
    notes: dict[str, str] = {}
    for _ in range(rounds):
        for peer in peers:
            if peer.name in notes or max(walls[peer.name], default=0) > SLOW_SECONDS:
                continue
            try:
                walls[peer.name].append(time_once(peer, dag, workers))
            except PeerMissingError as error:
                notes[peer.name] = f"{peer.name}: missing, {error}"
            except BrokenRunError as error:
                notes[peer.name] = f"{peer.name}: failed, {error}"
    return walls, tuple(notes.values())


def time_once(peer: Peer, dag: Dag, workers: int) -> float:
    """Give the wall time of one run in a fresh directory.

    Raises:
        PeerMissingError: the peer is not installed.
        BrokenRunError: it did not run all tasks.
    """
    command = peer.command(workers)
    directory = fresh_directory()
    peer.write(dag, directory)
    outcome = run(command, directory)
    if complaint := peer.complaint(outcome, dag):
        raise BrokenRunError(complaint)
    return outcome.wall


def weigh(peer: Peer, dag: Dag) -> Memory:
    """Give the largest size of a worker of a pytest peer.

    Raises:
        BrokenRunError: it did not run all tasks.
    """
    directory = fresh_directory()
    peer.write(dag, directory)
    outcome, memory = run_watching_workers(peer.command(WORKERS), directory)
    if complaint := peer.complaint(outcome, dag):
        raise BrokenRunError(complaint)
    return memory


def peers_table(walls: Mapping[str, Sequence[float]]) -> Table:
    """Put the peers below each other, the fastest first; a peer without a time stays in the table."""
    ours = walls[OURS.name]
    rows = []
    for name, times in sorted(walls.items(), key=lambda item: best(item[1]) if item[1] else float("inf")):
        if times:
            ratios = f"{best(times) / best(ours):.2f}", f"{median(times) / median(ours):.2f}"
            rows.append((name, f"{best(times):.2f}", f"{median(times):.2f}", str(len(times)), *ratios))
        else:
            rows.append((name, "-", "-", "0", "-", "-"))
    return Table(("tool", "best s", "median s", "runs", "best / ours", "median / ours"), tuple(rows))


def memory_table(memory: Iterable[tuple[str, Memory]]) -> Table:
    """Put the largest worker sizes below each other."""
    rows = tuple((name, f"{seen.rss:.1f}", f"{seen.uss:.1f}", str(seen.workers)) for name, seen in memory)
    return Table(("largest worker", "RSS MB", "USS MB", "workers seen"), rows)


def _ratio_goals(walls: Mapping[str, Sequence[float]]) -> list[Goal]:
    ours = median(walls[OURS.name])
    limits = {XDIST.name: 1.25, **dict.fromkeys(FASTER_THAN, 1.0)}
    return [
        Goal(f"our median / that of {name}", ours / median(walls[name]), limit)
        for name, limit in limits.items()
        if walls.get(name)
    ]


def _memory_goals(memory: Memory) -> list[Goal]:
    return [
        Goal("peak RSS of a worker", memory.rss, MOST_MEGABYTES, "MB", 1),
        Goal("peak USS of a worker", memory.uss, MOST_MEGABYTES, "MB", 1),
    ]
