"""Orders, cycles, knots and longest paths, against what is plain and slow."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.graph import find_cycles, find_knots, longest_paths, stable_order

NODES = "abcdefg"


@st.composite
def graphs(draw, *, acyclic=False):
    """Give what each node waits for: one by one, and together with others that wait for the same."""
    waits, after = {}, {}
    shared = draw(st.lists(st.lists(st.sampled_from(NODES), unique=True).map(tuple), min_size=1, max_size=3))
    for number, node in enumerate(NODES):
        allowed = NODES[:number] if acyclic else NODES
        if allowed:
            waits[node] = draw(st.lists(st.sampled_from(allowed), unique=True, max_size=3))
        choice = draw(st.sampled_from(shared))
        if draw(st.booleans()) and (not acyclic or all(other in allowed for other in choice)):
            after[node] = choice
    return waits, after


def edges_of(waits, after):
    return {node: list(dict.fromkeys((*waits.get(node, ()), *after.get(node, ())))) for node in NODES}


def reachable(edges, start):
    found, todo = set(), list(edges[start])
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(edges[node])
    return found


@given(graphs(acyclic=True))
def test_order_is_the_first_of_all_that_are_possible(graph):
    waits, after = graph
    edges = edges_of(waits, after)
    expected, left = [], list(NODES)
    while left:
        expected.append(next(node for node in left if not set(edges[node]) & set(left)))
        left.remove(expected[-1])
    assert stable_order(NODES, waits, after) == expected


@given(st.permutations(NODES), graphs(acyclic=True))
def test_order_of_any_list_puts_nobody_before_what_it_waits_for(nodes, graph):
    edges = edges_of(*graph)
    place = {node: place for place, node in enumerate(stable_order(nodes, *graph))}
    assert sorted(place) == sorted(NODES)
    assert all(place[other] < place[node] for node in NODES for other in edges[node])


@given(graphs())
def test_order_with_cycles_has_everybody_once(graph):
    ordered = stable_order(NODES, *graph)
    edges = edges_of(*graph)
    stuck = {n for n in NODES if any(m in reachable(edges, m) for m in (n, *reachable(edges, n)))}
    assert sorted(ordered) == sorted(NODES)
    assert set(ordered[len(NODES) - len(stuck) :]) == stuck


@given(graphs())
def test_knots_are_those_who_wait_for_each_other(graph):
    knots = find_knots({**dict.fromkeys(NODES, ()), **graph[0]}, graph[1])
    reach = {node: reachable(edges_of(*graph), node) for node in NODES}
    for one in NODES:
        for other in NODES:
            together = one == other or (one in reach[other] and other in reach[one])
            assert (knots[one] == knots[other]) == together


@given(graphs())
@settings(max_examples=300)
def test_cycles_are_cycles_and_every_knot_has_one(graph):
    waits = {**dict.fromkeys(NODES, ()), **graph[0]}
    cycles = find_cycles(waits, graph[1])
    edges = edges_of(*graph)
    for cycle in cycles:
        assert cycle[0] == cycle[-1] == min(cycle)
        assert len(set(cycle)) == len(cycle) - 1
        assert all(other in edges[node] for node, other in pairwise(cycle))
    on_cycles = {node for cycle in cycles for node in cycle}
    for node in NODES:
        reach = reachable(edges, node)
        knot = {other for other in reach if node in reachable(edges, other)}
        assert bool(knot & on_cycles) == bool(knot)


@given(graphs())
def test_no_two_cycles_share_an_edge(graph):
    pairs = [pair for cycle in find_cycles(graph[0]) for pair in pairwise(cycle)]
    assert len(pairs) == len(set(pairs))


def test_cycles_that_meet_in_one_node_are_all_found():
    waits = {"a": ["b", "c", "d"], "b": ["a"], "c": ["e"], "d": ["d"], "e": ["a"]}
    assert find_cycles(waits) == [["a", "b", "a"], ["a", "c", "e", "a"], ["d", "d"]]


def test_a_cycle_beside_the_way_out_of_it_is_found():
    waits = {"x": ["a", "y"], "y": ["x"], "a": ["b"], "b": ["a"]}
    assert sorted(find_cycles(waits)) == [["a", "b", "a"], ["x", "y", "x"]]


@given(graphs(acyclic=True), st.lists(st.integers(0, 5), min_size=len(NODES), max_size=len(NODES)))
def test_longest_paths(graph, numbers):
    weights = dict(zip(NODES, map(float, numbers), strict=True))
    edges = edges_of(*graph)
    longest, path = longest_paths(weights, *graph)
    for node in NODES:
        behind = [longest[other] for other in NODES if node in edges[other]]
        assert longest[node] == weights[node] + max(behind, default=0)
    assert sum(weights[node] for node in path) == max(longest.values())
    assert all(before in edges[node] for before, node in pairwise(path))


def test_longest_paths_of_nothing():
    assert longest_paths({}, {}) == ({}, [])


def test_among_equal_paths_the_first_is_given():
    assert longest_paths(dict.fromkeys("abcd", 1.0), {"c": ["a", "b"], "d": ["a"]})[1] == ["a", "c"]


def test_nodes_that_are_not_there_are_passed_over():
    waits, after = {"a": ["nobody"], "b": ["a"]}, {"a": ("none", "b2"), "b": ("none",)}
    assert stable_order(["b", "a"], waits, after) == ["a", "b"]
    assert longest_paths({"b": 1.0, "a": 1.0}, waits, after) == ({"b": 1.0, "a": 2.0}, ["a", "b"])


def test_nothing_recurses():
    size = 20_000
    chain = {str(n): [str(n - 1)] if n else [] for n in range(size)}
    assert stable_order(reversed(chain), chain) == list(chain)
    assert find_cycles(chain) == []
    ring = {**chain, "0": [str(size - 1)]}
    assert [len(cycle) for cycle in find_cycles(ring)] == [size + 1]
    assert len(set(find_knots(ring).values())) == 1
    assert len(longest_paths(dict.fromkeys(chain, 1.0), chain)[1]) == size
