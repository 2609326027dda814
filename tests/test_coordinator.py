"""The rules of the coordinator, held against a model that looks at everything again at every step."""

from __future__ import annotations

import copy
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.coordinator import Coordinator
from pytest_moderator.step import Blocked, DependencyCycleError, Step

KEYS = tuple("abcdefgh")


class Model:
    """The same rules, without any bookkeeping."""

    def __init__(self, steps, satisfied):
        self.steps = {step.key: step for step in steps}
        self.satisfied = satisfied
        self.running, self.ended, self.blocked, self.turned, self.held = set(), {}, set(), set(), set()
        self.reserved = set()
        self.block()

    def block(self):
        """End all that need something that will never succeed; give them."""
        found = []
        while hit := next((key for key in self.steps if key not in self.ended and self.failed(key)), None):
            self.ended[hit] = False
            self.blocked.add(hit)
            found.append(hit)
        self.turn()
        return sorted(found)

    def reopen(self, key):
        """Open a step that ended without success, and all that were blocked by what is open again."""
        if self.ended.get(key, True) or self.failed(key):
            return []
        found = [key]
        while found[-1] is not None:
            del self.ended[found[-1]]
            self.blocked.discard(found[-1])
            found.append(next((key for key in self.blocked if not self.failed(key)), None))
        return sorted(found[:-1])

    def turn(self):
        """Note who has had his turn: once had, it stays, also when he is opened again."""
        while new := {key for key in self.ended if key not in self.turned and self.has_its_turn(key)}:
            self.turned |= new

    def failed(self, key):
        return [
            need
            for need in self.steps[key].needs
            if (need in self.steps and self.ended.get(need) is False)
            or (need not in self.steps and need not in self.satisfied)
        ]

    def may_start(self, key):
        step = self.steps[key]
        busy = {lock for other in self.running for lock in self.steps[other].locks}
        return (
            key not in self.ended
            and key not in self.running
            and key not in self.held
            and key not in self.reserved
            and all(self.ended.get(need, need in self.satisfied) for need in step.needs)
            and self.has_its_turn(key)
            and not busy.intersection(step.locks)
        )

    def has_its_turn(self, key):
        """Whether all that a step comes after has ended, and had its turn itself: it may have been blocked."""
        return all(other in self.turned for other in self.steps[key].after if other in self.steps)

    def is_next_whoever_ends(self, key):
        """Whether nothing more urgent than a step becomes ready when one of those that run has ended well."""
        for running in self.running:
            later = copy.deepcopy(self)
            later.running.discard(running)
            later.ended[running] = True
            later.turn()
            following = later.next()
            if following and later.steps[following].priority > later.steps[key].priority:
                return False
        return True

    def next(self):
        ready = [key for key in self.steps if self.may_start(key)]
        return max(ready, key=lambda key: self.steps[key].priority, default=None)


@st.composite
def step_lists(draw):
    """Steps in any order whose waits have no cycle; some need what is not there."""
    names = draw(st.permutations(KEYS))[: draw(st.integers(1, len(KEYS)))]
    shared = draw(st.lists(st.lists(st.sampled_from(KEYS), unique=True).map(tuple), min_size=1, max_size=2))
    steps = []
    for number, key in enumerate(names):
        earlier = [*names[:number], "done", "missing"] if draw(st.booleans()) else [*names[:number], "done"]
        needs = tuple(draw(st.lists(st.sampled_from(earlier), max_size=2)))
        after = tuple(draw(st.lists(st.sampled_from([*names[:number], "nowhere"]), max_size=3)))
        common = draw(st.sampled_from(shared))
        if draw(st.booleans()) and set(common).isdisjoint(names[number:]):
            after = common
        locks = tuple(draw(st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=2)))
        steps.append(Step(key, needs, after, locks, float(draw(st.integers(0, 3)))))
    return draw(st.permutations(steps))


@given(step_lists(), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_decides_as_the_model_does(steps, seed):
    play(steps, random.Random(seed))


@given(st.lists(st.sets(st.sampled_from("xyz"), min_size=1, max_size=2), min_size=3, max_size=8), st.data())
@settings(max_examples=200, deadline=None)
def test_decides_as_the_model_does_where_all_want_the_same(locks, data):
    priorities = data.draw(st.lists(st.integers(0, 9), min_size=len(locks), max_size=len(locks)))
    steps = [
        Step(key, locks=tuple(sorted(wanted)), priority=priority)
        for key, wanted, priority in zip(KEYS, locks, priorities, strict=False)
    ]
    play(steps, random.Random(data.draw(st.integers(0, 2**32))))


def play(steps, chance):
    """Let both decide about the same run, and end steps at random."""
    coordinator, model = Coordinator(steps, {"done"}), Model(steps, {"done"})
    reported = [entry.key for entry in coordinator.blocked_at_start]
    assert sorted(reported) == sorted(model.ended)
    assert all(entry.by for entry in coordinator.blocked_at_start)
    while not coordinator.finished:
        action = chance.random()
        if action < 0.5:
            expected = model.next()
            assert coordinator.start_next() == expected
            if expected is not None:
                model.running.add(expected)
        elif action < 0.75:
            shift(coordinator, model, chance)
        elif action < 0.82 and (failed := sorted(key for key, well in model.ended.items() if not well)):
            key = chance.choice(failed)
            opened = sorted(coordinator.reopen(key))
            assert opened == model.reopen(key)
            reported = [other for other in reported if other not in opened]
        else:
            key = pick(model, chance)
            if key is not None:
                success = chance.random() < 0.8
                model.running.discard(key)
                model.held.discard(key)
                model.reserved.discard(key)
                model.ended[key] = success
                blocked = coordinator.end(key, success=success)
                assert sorted(entry.key for entry in blocked) == model.block()
                reported += [entry.key for entry in blocked]
        assert set(coordinator.running) == model.running
        assert set(coordinator.taken) == model.running | model.reserved
        assert coordinator.held == model.held
        assert coordinator.outcomes == model.ended
        assert coordinator.pending == tuple(
            step.key for step in steps if step.key not in model.ended and step.key not in model.running
        )
    assert len(reported) == len(set(reported))
    assert coordinator.outcomes.keys() == {step.key for step in steps}
    assert coordinator.start_next() is None


def shift(coordinator, model, chance):
    """Reserve a step, or have one go from one state to another without an end."""
    what = chance.choice(["reserve", "begin", "again", "hold", "let go"])
    among = {"begin": model.reserved, "again": model.running | model.reserved, "let go": model.held}
    keys = sorted(among.get(what, model.running))
    if what == "reserve":
        expected, reserved = model.next(), coordinator.reserve_next()
        if reserved is not None:
            assert reserved == expected
            assert not model.steps[reserved].locks
            assert model.is_next_whoever_ends(reserved)
            model.reserved.add(reserved)
    elif keys:
        key = chance.choice(keys)
        for state in (model.running, model.reserved, model.held):
            state.discard(key)
        if what == "begin":
            coordinator.begin(key)
            model.running.add(key)
        elif what == "again":
            coordinator.again(key)
        elif what == "hold":
            coordinator.hold(key)
            model.held.add(key)
        else:
            coordinator.let_go(key)
            coordinator.let_go(key)


def pick(model, chance):
    """Choose a step that ends: one that runs, or now and then one that never started."""
    waiting = [key for key in model.steps if key not in model.ended and key not in model.running]
    choices = sorted(waiting if chance.random() < 0.1 else model.running)
    return chance.choice(choices) if choices else None


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


def test_all_blocked_is_finished():
    coordinator = Coordinator([Step("a", needs=("x",))])
    assert coordinator.finished
    assert coordinator.start_next() is None


def test_nothing_to_do_is_finished():
    assert Coordinator([]).finished


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
