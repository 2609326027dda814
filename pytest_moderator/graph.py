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


class _Numbered:
    """The graph with numbers for nodes, shared tuples as nodes of their own, and without unknown nodes.

    Numbers, as strings that are spread over the memory of a large file are several times as slow to follow.

    Attributes:
        names: by number, the node; an integer for a shared tuple, which is numbered right behind the first that
            has it.
        waits: by number, the numbers of those that it waits for.
    """

    def __init__(self, nodes: Iterable[str], waits: Waits, after: Shared) -> None:
        numbers: dict[str | int, int] = {}
        tuples: dict[int, tuple[str, ...]] = {}
        for node in nodes:
            numbers.setdefault(node, len(numbers))
            if shared := after.get(node):
                numbers.setdefault(id(shared), len(numbers))
                tuples[id(shared)] = shared
        self.names = list(numbers)
        self.waits: list[list[int]] = []
        for name in self.names:
            others = waits.get(name, ()) if isinstance(name, str) else tuples[name]
            self.waits.append([numbers[other] for other in others if other in numbers])
            if isinstance(name, str) and (shared := after.get(name)):
                self.waits[-1].append(numbers[id(shared)])

    def order(self) -> list[int]:
        """Topological order, else the order of the list (Kahn 1962); nodes on or behind a cycle are left out."""
        missing = [len(waits) for waits in self.waits]
        behind: defaultdict[int, list[int]] = defaultdict(list)
        for node, waits in enumerate(self.waits):
            for other in waits:
                behind[other].append(node)
        ready = [node for node, count in enumerate(missing) if not count]
        ordered: list[int] = []
        while ready:
            node = heapq.heappop(ready)
            ordered.append(node)
            for other in behind[node]:
                missing[other] -= 1
                if not missing[other]:
                    heapq.heappush(ready, other)
        return ordered

    def known(self, nodes: Iterable[int]) -> list[str]:
        """Name nodes, without the shared tuples among them."""
        names = (self.names[node] for node in nodes)
        return [name for name in names if isinstance(name, str)]


def stable_order(nodes: Iterable[str], waits: Waits, after: Shared = _NONE) -> list[str]:
    """Sort so that nobody comes before those it waits for, else by the order of ``nodes``.

    Nodes on a cycle and those behind it come last.
    """
    nodes = list(nodes)
    graph = _Numbered(nodes, waits, after)
    ordered = graph.known(graph.order())
    if len(ordered) < len(nodes):
        seen = set(ordered)
        ordered.extend(node for node in nodes if node not in seen)
    return ordered


def find_cycles(waits: Waits, after: Shared = _NONE) -> list[list[str]]:
    """Find cycles of which no two share an edge: all of them where none do, and at least one in every knot.

    Returns:
        Cycles such as ``["T001", "T003", "T001"]``: each waits for the next.
    """
    graph = _Numbered(waits, waits, after)
    cycles: list[list[str]] = []
    seen: set[int] = set()
    for root in range(len(graph.waits)):
        if root in seen:
            continue
        seen.add(root)
        path, depth, named, branches = [root], {root: 0}, [0], [iter(graph.waits[root])]
        while path:
            for other in branches[-1]:
                start = depth.get(other)
                # named[p]: the last place on the path up to p that a cycle found before leads to
                if start is not None and named[-1] <= start:
                    cycles.append(_closed(graph, path[start:]))
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


def _closed(graph: _Numbered, path: Sequence[int]) -> list[str]:
    first = path.index(min(node for node in path if isinstance(graph.names[node], str)))
    cycle = graph.known((*path[first:], *path[:first]))
    return [*cycle, cycle[0]]


def find_knots(waits: Waits, after: Shared = _NONE) -> dict[str, int]:
    """Number the knots: two nodes have one number if each of them waits for the other (Tarjan 1972)."""
    graph = _Numbered(waits, waits, after)
    found: dict[int, int] = {}
    lowest: dict[int, int] = {}
    knots: dict[int, int] = {}
    open_nodes: list[int] = []
    todo = list(reversed(range(len(graph.waits))))
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
    return {name: knots[node] for node, name in enumerate(graph.names) if isinstance(name, str)}


def longest_paths(
    weights: Mapping[str, float], waits: Waits, after: Shared = _NONE
) -> tuple[dict[str, float], list[str]]:
    """Weigh the heaviest path that starts at each node and leads to those that wait for it.

    Returns:
        The weights of these paths by node, and the heaviest of all paths, from its first node to its last.
    """
    graph = _Numbered(weights, waits, after)
    weigh = [weights[name] if isinstance(name, str) else 0.0 for name in graph.names]
    longest = [0.0] * len(weigh)
    follower: dict[int, int] = {}
    for node in reversed(graph.order()):
        longest[node] += weigh[node]
        for other in graph.waits[node]:
            if longest[node] >= longest[other]:  # among equals the first in the list
                longest[other] = longest[node]
                follower[other] = node
    starts = {name: longest[node] for node, name in enumerate(graph.names) if isinstance(name, str)}
    heaviest = max(starts, key=starts.__getitem__, default=None)
    path = [] if heaviest is None else [graph.names.index(heaviest)]
    while path and path[-1] in follower:
        path.append(follower[path[-1]])
    return starts, graph.known(path)
