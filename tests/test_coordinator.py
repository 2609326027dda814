"""The rules of the coordinator, one by one."""

from __future__ import annotations

import pytest

from pytest_moderator.coordinator import Coordinator
from pytest_moderator.step import Blocked, DependencyCycleError, Step


def drain(coordinator):
    """Run all, one by one; give the order."""
    order = []
    while (key := coordinator.start_next()) is not None:
        order.append(key)
        coordinator.end(key, success=True)
    return order


def test_the_highest_priority_first_then_the_order_of_the_list():
    steps = [Step("a"), Step("b", priority=2), Step("c"), Step("d", priority=2)]
    assert drain(Coordinator(steps)) == ["b", "d", "a", "c"]


def test_a_failure_blocks_all_who_need_it_and_opens_what_only_comes_after():
    steps = [Step("a"), Step("b", needs=("a",)), Step("c", needs=("b",)), Step("d", after=("a", "b", "c"))]
    coordinator = Coordinator(steps)
    assert coordinator.start_next() == "a"
    assert coordinator.end("a", success=False) == [Blocked("b", ("a",)), Blocked("c", ("b",))]
    assert coordinator.outcomes == {"a": False, "b": False, "c": False}
    assert drain(coordinator) == ["d"]
    assert coordinator.finished


def test_who_comes_after_a_blocked_step_waits_for_those_before_that_one():
    steps = [
        Step("x"),
        Step("a"),
        Step("b", ("x",), ("a",)),
        Step("c", ("x",), ("b",)),
        Step("d", after=("c",)),
    ]
    coordinator = Coordinator(steps)
    assert [coordinator.start_next(), coordinator.start_next()] == ["x", "a"]
    assert [entry.key for entry in coordinator.end("x", success=False)] == ["b", "c"]
    assert coordinator.start_next() is None
    coordinator.end("a", success=True)
    assert coordinator.start_next() == "d"


def test_what_is_missing_blocks_from_the_start_and_is_named():
    steps = [
        Step("a", needs=("x", "done", "y")),
        Step("b", needs=("a",)),
        Step("c", after=("a", "b")),
        Step("d", after=("x",)),
    ]
    coordinator = Coordinator(steps, {"done"})
    assert coordinator.blocked_at_start == (Blocked("a", ("x", "y")), Blocked("b", ("a",)))
    assert drain(coordinator) == ["c", "d"]


@pytest.mark.parametrize("steps", [[], [Step("a", needs=("x",))]], ids=["none", "all blocked"])
def test_where_nothing_can_start_all_is_finished(steps):
    coordinator = Coordinator(steps)
    assert coordinator.finished
    assert coordinator.start_next() is None


def test_steps_that_share_a_lock_run_one_after_another():
    coordinator = Coordinator([Step("a", locks=("f",)), Step("b", locks=("f", "g")), Step("c", locks=("g",))])
    assert [coordinator.start_next() for _ in range(3)] == ["a", "c", None]
    coordinator.end("a", success=True)
    assert coordinator.start_next() is None
    coordinator.end("c", success=True)
    assert coordinator.start_next() == "b"


def test_one_that_cannot_use_a_free_lock_lets_others_have_it():
    steps = [
        Step("x", locks=("f",), priority=9),
        Step("y", locks=("g",), priority=8),
        Step("both", locks=("f", "g"), priority=5),
        Step("other", locks=("f",)),
    ]
    coordinator = Coordinator(steps)
    assert [coordinator.start_next() for _ in range(3)] == ["x", "y", None]
    coordinator.end("x", success=True)
    assert coordinator.start_next() == "other"
    coordinator.end("other", success=True)
    coordinator.end("y", success=True)
    assert coordinator.start_next() == "both"


def test_one_that_ended_while_it_waited_for_a_lock_lets_others_have_it():
    coordinator = Coordinator([Step("a", locks=("f",)), Step("b", locks=("f",)), Step("c", locks=("f",))])
    assert [coordinator.start_next() for _ in range(2)] == ["a", None]
    coordinator.end("b", success=True)
    coordinator.end("a", success=True)
    assert coordinator.start_next() == "c"


def test_again():
    coordinator = Coordinator([Step("a", locks=("f",)), Step("b", locks=("f",), priority=-1)])
    assert coordinator.start_next() == "a"
    coordinator.again("a")
    assert coordinator.running == ()
    assert drain(coordinator) == ["a", "b"]
    coordinator.again("a")
    assert coordinator.start_next() is None
    assert coordinator.finished


def test_again_of_what_has_not_started_changes_nothing():
    coordinator = Coordinator([Step("a"), Step("b", needs=("a",))])
    coordinator.again("b")
    assert drain(coordinator) == ["a", "b"]


def test_one_that_failed_is_opened_again_with_what_it_blocked():
    coordinator = Coordinator([Step("a"), Step("b", ("a",)), Step("c", ("b",)), Step("d", ("a", "missing"))])
    assert coordinator.start_next() == "a"
    coordinator.end("a", success=False)
    assert coordinator.finished
    assert coordinator.reopen("b") == []
    assert coordinator.reopen("a") == ["a", "b", "c"]
    assert drain(coordinator) == ["a", "b", "c"]
    assert coordinator.reopen("a") == []


def test_paused_starts_nothing_until_it_goes_on():
    coordinator = Coordinator([Step("a")])
    coordinator.paused = True
    assert coordinator.start_next() is None
    assert not coordinator.finished
    coordinator.paused = False
    assert coordinator.start_next() == "a"


def test_one_is_reserved_that_is_next_whoever_ends():
    steps = [
        Step("a"),
        Step("b", priority=1),
        Step("c", priority=1),
        Step("urgent", ("d",), priority=3),
        Step("d", priority=2),
    ]
    coordinator = Coordinator(steps)
    assert coordinator.start_next() == "d"
    assert coordinator.reserve_next() is None  # what needs it goes first
    coordinator.end("d", success=True)
    assert coordinator.start_next() == "urgent"
    assert (coordinator.reserve_next(), coordinator.start_next()) == ("b", "c")
    assert coordinator.pending == ("a", "b")
    coordinator.begin("b")
    assert set(coordinator.running) == {"urgent", "b", "c"}
    with pytest.raises(KeyError):
        coordinator.begin("a")


def test_none_is_reserved_that_others_could_keep_from_starting():
    coordinator = Coordinator(
        [Step("a"), Step("b", locks=("x",)), Step("c", locks=("x",)), Step("d", after=("a",))]
    )
    assert coordinator.start_next() == "a"
    assert coordinator.reserve_next() is None
    assert [coordinator.start_next(), coordinator.start_next()] == ["b", None]
    coordinator.end("a", success=True)
    assert coordinator.reserve_next() == "d"
    coordinator.paused = True
    coordinator.again("d")
    assert coordinator.reserve_next() is None
    coordinator.paused = False
    coordinator.stop()
    assert coordinator.reserve_next() is None


def test_what_is_reserved_is_not_finished():
    coordinator = Coordinator([Step("a"), Step("b")])
    coordinator.start_next()
    assert coordinator.reserve_next() == "b"
    coordinator.stop()
    coordinator.end("a", success=True)
    assert not coordinator.finished
    coordinator.again("b")
    assert coordinator.finished


def test_stop_starts_nothing_new_and_waits_for_what_runs():
    coordinator = Coordinator([Step("a"), Step("b"), Step("c", needs=("a",))])
    assert coordinator.start_next() == "a"
    coordinator.stop()
    assert coordinator.stopped
    assert not coordinator.finished
    assert coordinator.start_next() is None
    coordinator.end("a", success=True)
    assert coordinator.finished
    assert coordinator.pending == ("b", "c")


def test_an_end_counts_once():
    coordinator = Coordinator([Step("a"), Step("b", needs=("a",))])
    coordinator.start_next()
    assert coordinator.end("a", success=True) == []
    assert coordinator.end("a", success=False) == []
    assert coordinator.outcomes == {"a": True}
    assert drain(coordinator) == ["b"]


def test_the_end_of_what_is_not_there():
    with pytest.raises(KeyError):
        Coordinator([]).end("a", success=True)


@pytest.mark.parametrize(
    ("steps", "cycles"),
    [
        ([Step("a", needs=("a",))], [("a", "a")]),
        ([Step("a", needs=("b",)), Step("b", after=("a",))], [("a", "b", "a")]),
        (
            [
                Step("a", needs=("b",)),
                Step("b", needs=("a",)),
                Step("c", after=("d",)),
                Step("d", after=("c",)),
            ],
            [("a", "b", "a"), ("c", "d", "c")],
        ),
    ],
)
def test_cycles_are_refused_and_named(steps, cycles):
    with pytest.raises(DependencyCycleError) as caught:
        Coordinator([*steps, Step("behind", needs=("a",)), Step("free")])
    assert list(caught.value.cycles) == cycles
    assert str(caught.value).endswith("; ".join(" -> ".join(cycle) for cycle in cycles))


def test_thousands_behind_one_gate_and_one_lock():
    first = tuple(f"a{n}" for n in range(3000))
    steps = [
        *(Step(key, locks=("f",)) for key in first),
        *(Step(f"b{n}", after=first) for n in range(3000)),
    ]
    order = drain(Coordinator(steps))
    assert order[:3000] == list(first)
    assert len(order) == 6000
