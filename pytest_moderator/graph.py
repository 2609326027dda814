"""What a plan needs to know about graphs: orders, cycles and longest paths, all in linear time.

A graph is a mapping from a node to those it waits for. ``after`` is a second such mapping in which many nodes may
share one tuple; a shared tuple counts as one node in between, so that a thousand tasks that wait for a thousand
others cost two thousand edges and not a million.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Waits = Mapping[str, Sequence[str]]
    Shared = Mapping[str, tuple[str, ...]]

_NONE: dict[str, tuple[str, ...]] = {}


class _Expanded:
    """The graph with its shared tuples as nodes of their own (integers)."""

    def __init__(self, nodes: Iterable[str], waits: Waits, after: Shared) -> None:
        self.waits: dict[str | int, list[str | int]] = {}
        for node in nodes:
            self.waits[node] = [other for other in waits.get(node, ()) if other in waits]
            shared = after.get(node, ())
            if shared:
                self.waits[node].append(id(shared))
                self.waits.setdefault(id(shared), list(shared))
        self.position = {node: position for position, node in enumerate(self.waits)}

    def order(self) -> list[str | int]:
        """Topological order, else the order of the list (Kahn 1962); nodes on or behind a cycle are left out."""
        missing = {node: len(waits) for node, waits in self.waits.items()}
        behind: defaultdict[str | int, list[str | int]] = defaultdict(list)
        for node, waits in self.waits.items():
            for other in waits:
                behind[other].append(node)
        ready = [(self.position[node], node) for node, count in missing.items() if not count]
        heapq.heapify(ready)
        ordered: list[str | int] = []
        while ready:
            node = heapq.heappop(ready)[1]
            ordered.append(node)
            for other in behind[node]:
                missing[other] -= 1
                if not missing[other]:
                    heapq.heappush(ready, (self.position[other], other))
        return ordered


def stable_order(nodes: Iterable[str], waits: Waits, after: Shared = _NONE) -> list[str]:
    """Sort so that nobody comes before those it waits for, else by the order of ``nodes``.

    Nodes on a cycle and those behind it come last.
    """
    nodes = list(nodes)
    ordered = [node for node in _Expanded(nodes, waits, after).order() if isinstance(node, str)]
    if len(ordered) < len(nodes):
        seen = set(ordered)
        ordered.extend(node for node in nodes if node not in seen)
    return ordered


def find_cycles(waits: Waits, after: Shared = _NONE) -> list[list[str]]:
    """Find cycles that share no node: at least one in every knot of the graph.

    Returns:
        Cycles such as ``["T001", "T003", "T001"]``: each waits for the next.
    """
    graph = _Expanded(waits, waits, after)
    free = set(graph.order())
    stuck = [node for node in graph.waits if node not in free]
    seen: dict[str | int, int] = {}
    cycles: list[list[str]] = []
    for number, start in enumerate(stuck):
        path: list[str | int] = []
        node = start
        while node not in seen:
            seen[node] = number
            path.append(node)
            # a stuck node waits for at least one other stuck node
            node = next(other for other in graph.waits[node] if other not in free)
        if seen[node] == number:
            cycle = [name for name in path[path.index(node) :] if isinstance(name, str)]
            first = cycle.index(min(cycle, key=graph.position.__getitem__))
            cycle = cycle[first:] + cycle[:first]
            cycles.append([*cycle, cycle[0]])
    return cycles


def longest_paths(
    weights: Mapping[str, float], waits: Waits, after: Shared = _NONE
) -> tuple[dict[str, float], list[str]]:
    """Weigh the heaviest path that starts at each node and leads to those that wait for it.

    Returns:
        The weights of these paths by node, and the heaviest of all paths, from its first node to its last.
    """
    graph = _Expanded(weights, waits, after)
    longest: dict[str | int, float] = dict.fromkeys(graph.waits, 0.0)
    follower: dict[str | int, str | int] = {}
    for node in reversed(graph.order()):
        if isinstance(node, str):
            longest[node] += weights[node]
        for other in graph.waits[node]:
            if longest[node] > longest[other]:
                longest[other] = longest[node]
                follower[other] = node
    path: list[str | int] = [max(weights, key=longest.__getitem__)] if weights else []
    while path and path[-1] in follower:
        path.append(follower[path[-1]])
    return {node: longest[node] for node in weights}, [node for node in path if isinstance(node, str)]
