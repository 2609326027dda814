"""What a plan needs to know about graphs: orders, cycles and longest paths, all in linear time.

A graph is a mapping from a node to those it waits for. ``after`` is a second such mapping in which many nodes may
share one tuple; a shared tuple counts as one node in between, so that a thousand tasks that wait for a thousand
others cost two thousand edges and not a million. Nothing here recurses: a chain may be as long as a file.
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
    """The graph with its shared tuples as nodes of their own (integers), and without unknown nodes."""

    def __init__(self, nodes: Iterable[str], waits: Waits, after: Shared) -> None:
        self.waits: dict[str | int, list[str | int]] = {}
        known = dict.fromkeys(nodes)
        for node in known:
            self.waits[node] = [other for other in waits.get(node, ()) if other in known]
            shared = after.get(node, ())
            if shared:
                self.waits[node].append(id(shared))
                if id(shared) not in self.waits:
                    self.waits[id(shared)] = [other for other in shared if other in known]
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
    """Find cycles of which no two share an edge: all of them where none do, and at least one in every knot.

    Returns:
        Cycles such as ``["T001", "T003", "T001"]``: each waits for the next.
    """
    graph = _Expanded(waits, waits, after)
    cycles: list[list[str]] = []
    seen: set[str | int] = set()
    for root in graph.waits:
        if root in seen:
            continue
        seen.add(root)
        path, depth, named, branches = [root], {root: 0}, [0], [iter(graph.waits[root])]
        while path:
            for other in branches[-1]:
                start = depth.get(other)
                # named[p]: the last place on the path up to p that a cycle found before leads to
                if start is not None and named[-1] <= start:
                    cycles.append(_closed(path[start:], graph.position))
                    named[start + 1 :] = range(start + 1, len(path))
                if other not in seen:
                    seen.add(other)
                    depth[other] = len(path)
                    path.append(other)
                    named.append(named[-1])
                    branches.append(iter(graph.waits[other]))
                    break
            else:
                del depth[path.pop()], named[-1], branches[-1]
    return cycles


def _closed(path: Sequence[str | int], position: Mapping[str | int, int]) -> list[str]:
    cycle = [node for node in path if isinstance(node, str)]
    first = cycle.index(min(cycle, key=position.__getitem__))
    return [*cycle[first:], *cycle[: first + 1]]


def find_knots(waits: Waits, after: Shared = _NONE) -> dict[str, int]:
    """Number the knots: two nodes have one number if each of them waits for the other (Tarjan 1972)."""
    graph = _Expanded(waits, waits, after)
    found: dict[str | int, int] = {}
    lowest: dict[str | int, int] = {}
    knots: dict[str | int, int] = {}
    open_nodes: list[str | int] = []
    todo = list(reversed(graph.waits))
    while todo:
        node = todo[-1]
        if node not in found:
            found[node] = len(found)
            open_nodes.append(node)
            todo.extend(other for other in graph.waits[node] if other not in found)
            continue
        todo.pop()
        if node in lowest:  # it stood there twice
            continue
        reached = (lowest.get(other, found[other]) for other in graph.waits[node] if other not in knots)
        lowest[node] = min((found[node], *reached))
        if lowest[node] == found[node]:
            while node not in knots:
                knots[open_nodes.pop()] = found[node]
    return {node: number for node, number in knots.items() if isinstance(node, str)}


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
            if longest[node] >= longest[other]:  # among equals the first in the list
                longest[other] = longest[node]
                follower[other] = node
    path: list[str | int] = [max(weights, key=longest.__getitem__)] if weights else []
    while path and path[-1] in follower:
        path.append(follower[path[-1]])
    return {node: longest[node] for node in weights}, [node for node in path if isinstance(node, str)]
