"""The simulation that the benchmarks compare with."""

from __future__ import annotations

import pytest

from benchmarks.dags import SHAPES, Dag, Node, make_dag
from benchmarks.simulate import critical_path, graham_bound, lower_bound, remaining_paths, simulate

DIAMOND = Dag(
    "diamond",
    (Node("A", 1.0), Node("B", 2.0, ("A",)), Node("C", 3.0, ("A",)), Node("D", 1.0, ("B", "C"))),
)


def test_bounds_of_a_diamond() -> None:
    durations = DIAMOND.durations()
    assert critical_path(DIAMOND, durations) == 5
    assert lower_bound(DIAMOND, 1, durations) == 7
    assert lower_bound(DIAMOND, 2, durations) == 5
    assert graham_bound(DIAMOND, 2, durations) == 6


def test_the_diamond_runs_its_middle_at_once() -> None:
    result = simulate(DIAMOND, 2)
    assert result.makespan == 5
    assert result.starts == {"A": 0, "B": 1, "C": 1, "D": 4}


def test_one_worker_is_never_idle() -> None:
    assert simulate(DIAMOND, 1).makespan == 7


def test_an_empty_graph_takes_no_time() -> None:
    empty = Dag("empty", ())
    assert simulate(empty, 2).makespan == 0
    assert lower_bound(empty, 2, {}) == 0


def test_given_durations_replace_the_graphs_own() -> None:
    assert simulate(DIAMOND, 2, {"A": 1, "B": 1, "C": 1, "D": 1}).makespan == 3


def test_the_longest_remaining_path_goes_first() -> None:
    dag = Dag("late chain", (Node("A", 1.0), Node("B", 1.0), Node("C", 1.0), Node("D", 1.0, ("C",))))
    assert simulate(dag, 1).starts["C"] == 0
    assert remaining_paths(dag, dict.fromkeys("ABCD", 1.0)) == {"A": 1, "B": 1, "C": 2, "D": 1}


def test_hops_and_time_choose_differently() -> None:
    dag = Dag("long alone", (Node("A", 9.0), Node("B", 1.0), Node("C", 1.0, ("B",))))
    assert simulate(dag, 1, by="time").starts["A"] == 0
    assert simulate(dag, 1, by="hops").starts["B"] == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("workers", [2, 8])
@pytest.mark.parametrize("by", ["hops", "time"])
@pytest.mark.parametrize("late", [0.0, 0.3])
def test_every_schedule_is_valid_and_within_its_bounds(
    shape: str, workers: int, by: str, late: float
) -> None:
    dag = make_dag(shape, 60, seed=3)
    durations = dag.durations()
    delays = [late * number for number in range(workers)]
    result = simulate(dag, workers, by="time" if by == "time" else "hops", delays=delays)
    for node in dag.nodes:
        for before in node.depends_on:
            assert result.starts[node.id] >= result.starts[before] + durations[before]
    assert lower_bound(dag, workers, durations, delays) <= result.makespan + 1e-9
    assert result.makespan <= graham_bound(dag, workers, durations, delays) + 1e-9


def test_a_worker_that_joins_late_takes_its_share_from_then_on() -> None:
    dag = Dag("four", tuple(Node(name, 1.0) for name in "ABCD"))
    durations = dag.durations()
    assert simulate(dag, 2, delays=[0, 2]).starts == {"A": 0, "B": 1, "C": 2, "D": 2}
    assert lower_bound(dag, 2, durations, [0, 2]) == 3
    assert graham_bound(dag, 2, durations, [0, 2]) == 3.5


def test_a_worker_that_joins_too_late_makes_nothing_longer() -> None:
    assert simulate(DIAMOND, 2, delays=[0, 99]).makespan == 7
    assert lower_bound(DIAMOND, 2, DIAMOND.durations(), [0, 99]) == 7


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [0, 1, 2, 57])
def test_graphs_have_their_size_and_an_order(shape: str, size: int) -> None:
    dag = make_dag(shape, size, seed=1)
    seen: set[str] = set()
    for node in dag.nodes:
        assert seen.issuperset(node.depends_on)
        assert 0 <= node.seconds <= 0.1
        seen.add(node.id)
    assert len(seen) == size


def test_a_seed_gives_the_same_graph_again() -> None:
    assert make_dag("layered", 50, seed=7) == make_dag("layered", 50, seed=7)
    assert make_dag("layered", 50, seed=7) != make_dag("layered", 50, seed=8)


def test_without_sleeping_every_task_runs_true() -> None:
    assert {tuple(node.command) for node in make_dag("chain", 5, sleeping=False).nodes} == {("true",)}
