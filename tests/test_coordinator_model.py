"""The coordinator decides as a model does that has no bookkeeping, and looks at everything again at every step."""

from __future__ import annotations

import copy
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.coordinator import Coordinator
from pytest_moderator.step import Step

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
        elif (key := pick(model, chance)) is not None:
            reported += end(coordinator, model, key, success=chance.random() < 0.8)
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


def end(coordinator, model, key, *, success):
    """End a step in both; give what that has blocked."""
    for state in (model.running, model.reserved, model.held):
        state.discard(key)
    model.ended[key] = success
    blocked = [entry.key for entry in coordinator.end(key, success=success)]
    assert sorted(blocked) == model.block()
    return blocked


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
