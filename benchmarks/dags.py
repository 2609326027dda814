"""Seeded graphs of tasks in several shapes, the same on every machine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Prerequisites = list[set[int]]

LONGEST_MS = 100


@dataclass(frozen=True, slots=True)
class Node:
    """One task: it sleeps for so many seconds, or runs ``true`` where that is 0."""

    id: str
    seconds: float = 0.0
    depends_on: tuple[str, ...] = ()

    @property
    def command(self) -> list[str]:
        """Give the program and its argument."""
        return ["sleep", f"{self.seconds:.3f}"] if self.seconds else ["true"]


@dataclass(frozen=True, slots=True)
class Dag:
    """Tasks in an order in which every prerequisite comes before its dependents."""

    name: str
    nodes: tuple[Node, ...]

    def durations(self) -> dict[str, float]:
        """Give the seconds that each task sleeps."""
        return {node.id: node.seconds for node in self.nodes}


def independent(size: int, _rng: random.Random) -> Prerequisites:
    """No dependencies at all."""
    return [set() for _ in range(size)]


def chain(size: int, _rng: random.Random) -> Prerequisites:
    """Each task waits for the one before it."""
    return [{index - 1} if index else set() for index in range(size)]


def layered(size: int, rng: random.Random) -> Prerequisites:
    """Layers of 5 to 40 tasks; each task waits for one to three of the layer before."""
    result: Prerequisites = []
    previous: list[int] = []
    while len(result) < size:
        layer = range(len(result), min(size, len(result) + rng.randint(5, 40)))
        result.extend(set(rng.sample(previous, min(len(previous), rng.randint(1, 3)))) for _ in layer)
        previous = list(layer)
    return result


def same_probability(size: int, rng: random.Random) -> Prerequisites:
    """Each pair of tasks is joined with the same probability: four prerequisites a task on average."""
    probability = min(1.0, 8 / max(size, 1))
    return [{before for before in range(index) if rng.random() < probability} for index in range(size)]


def fork_join(size: int, rng: random.Random) -> Prerequisites:
    """Again and again, one task forks into 2 to 16, and one task waits for all of them."""
    result: Prerequisites = [set()] if size else []
    while len(result) < size:
        fork = len(result) - 1
        width = min(rng.randint(2, 16), size - len(result))
        result.extend({fork} for _ in range(width))
        if len(result) < size:
            result.append(set(range(fork + 1, fork + 1 + width)))
    return result


def out_tree(size: int, rng: random.Random) -> Prerequisites:
    """Each task waits for one parent, which has at most three children."""
    result: Prerequisites = []
    open_ends: list[int] = []
    for index in range(size):
        if open_ends:
            parent = rng.choice(open_ends)
            open_ends.remove(parent)
            result.append({parent})
        else:
            result.append(set())
        open_ends.extend([index] * 3)
    return result


def in_tree(size: int, rng: random.Random) -> Prerequisites:
    """An out-tree turned round: many leaves at the start, one root at the end."""
    result: Prerequisites = [set() for _ in range(size)]
    for child, parents in enumerate(out_tree(size, rng)):
        for parent in parents:
            result[size - 1 - parent].add(size - 1 - child)
    return result


def phases(size: int, rng: random.Random) -> Prerequisites:
    """Like a task list: rows of parallel tasks between single ones, and a barrier after each phase."""
    result: Prerequisites = []
    row: list[int] = []
    barrier: set[int] = set()
    while len(result) < size:
        if row and rng.random() < 0.25:
            result.append(set(row))
            barrier, row = {len(result) - 1}, []
        else:
            row.append(len(result))
            result.append(set(barrier))
    return result


SHAPES: dict[str, Callable[[int, random.Random], Prerequisites]] = {
    "independent": independent,
    "chain": chain,
    "layered": layered,
    "random": same_probability,
    "fork-join": fork_join,
    "out-tree": out_tree,
    "in-tree": in_tree,
    "phases": phases,
}


def make_dag(shape: str, size: int, seed: int = 0, *, sleeping: bool = True) -> Dag:
    """Make a graph; the same arguments give the same graph.

    Args:
        shape: one of :data:`SHAPES`.
        size: number of tasks.
        seed: chooses among the graphs of that shape.
        sleeping: whether tasks sleep for 0 to 100 ms, uniformly; otherwise they run ``true``.

    Raises:
        KeyError: the shape is unknown.
    """
    rng = random.Random(f"{shape}/{size}/{seed}")
    prerequisites = SHAPES[shape](size, rng)
    ids = [f"T{number:04d}" for number in range(1, size + 1)]
    nodes = (
        Node(
            id=ids[index],
            seconds=rng.randint(0, LONGEST_MS) / 1000 if sleeping else 0.0,
            depends_on=_names(ids, before),
        )
        for index, before in enumerate(prerequisites)
    )
    return Dag(shape, tuple(nodes))


def _names(ids: list[str], indices: Iterable[int]) -> tuple[str, ...]:
    return tuple(ids[index] for index in sorted(indices))
