"""How often, and how many at once, a backend may be used."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from limited import fail, limits

from pytest_moderator.backends.limits import (
    BackendLimits,
    Breaker,
    Circuit,
    Limits,
    Rate,
    parse_limits,
)


class TestSettings:
    @pytest.mark.parametrize(
        ("text", "rate"),
        [
            ("10/min", Rate(10, 60)),
            ("1/s", Rate(1, 1)),
            ("2 per hour", Rate(2, 3600)),
            (" 5 / 10s ", Rate(5, 10)),
            ("100/1h30m", Rate(100, 5400)),
            ("3/day", Rate(3, 86400)),
        ],
    )
    def test_rates(self, text: str, rate: Rate) -> None:
        assert parse_limits({"rate_limit": text}) == Limits(rate=rate)

    @pytest.mark.parametrize(
        "value", ["", "10", "0/min", "x/min", "10/", "10/week", "10/0s", 10, ["10/min"], "1.5/min"]
    )
    def test_what_is_no_rate(self, value: object) -> None:
        with pytest.raises(
            ValueError, match=r"^rate_limit must be a number of starts per time, such as 10/min"
        ):
            parse_limits({"rate_limit": value})

    @pytest.mark.parametrize(
        ("value", "breaker"),
        [
            ({}, Breaker(5, 60)),
            (True, Breaker(5, 60)),
            ({"failures": 1}, Breaker(1, 60)),
            ({"failures": 3, "pause": "2m"}, Breaker(3, 120)),
            (False, None),
        ],
    )
    def test_breakers(self, value: object, breaker: Breaker | None) -> None:
        assert parse_limits({"breaker": value, "command": "x"}) == Limits(breaker=breaker)

    @pytest.mark.parametrize(
        "value", [3, "on", {"failure": 3}, {"pause": 0}, {"pause": "soon"}, {"pause": [1]}]
    )
    def test_what_is_no_breaker(self, value: object) -> None:
        with pytest.raises(ValueError, match=r"^breaker must be true, false, or a mapping such as"):
            parse_limits({"breaker": value})

    @pytest.mark.parametrize("value", [0, -1, "2", 1.5, True])
    def test_what_is_no_count(self, value: object) -> None:
        for settings_ in ({"max_concurrent": value}, {"breaker": {"failures": value}}):
            with pytest.raises(ValueError, match="must be a whole number from 1"):
                parse_limits(settings_)

    def test_nothing_is_limited_by_itself(self) -> None:
        assert parse_limits({"rate_limit": None}) == Limits()
        those = BackendLimits()
        fail(those, *range(100))
        for number in range(100):
            those.started("a", f"r{number}", 100)
        assert (those.may_start("a", 100), those.why("a", 100), those.running("a")) == (0, "", 100)


class TestRate:
    def test_any_window_has_no_more(self) -> None:
        those = limits(rate_limit="2/10s")
        those.started("a", "1", 0.0)
        assert those.may_start("a", 1.0) == 0
        those.started("a", "2", 4.0)
        assert those.may_start("a", 4.0) == 6
        assert those.why("a", 4.0) == "2 have started in 10.0s, which is its limit"
        assert those.may_start("a", 10.0) == 0
        those.started("a", "3", 10.0)
        assert those.may_start("a", 10.0) == 4

    def test_ending_makes_no_difference(self) -> None:
        those = limits(rate_limit="1/min")
        those.started("a", "1", 0.0)
        those.ended("1", ok=True, now=1.0)
        assert those.may_start("a", 1.0) == 59

    def test_others_do_not_wait_behind_it(self) -> None:
        those = BackendLimits({"a": Limits(rate=Rate(1, 60)), "b": Limits(rate=Rate(1, 60))})
        those.started("a", "1", 0.0)
        assert (those.may_start("a", 0.0), those.may_start("b", 0.0), those.may_start("c", 0.0)) == (60, 0, 0)


class TestConcurrency:
    def test_the_next_one_waits_for_an_end(self) -> None:
        those = limits(max_concurrent=2)
        those.started("a", "1", 0.0)
        those.started("a", "2", 0.0)
        assert those.may_start("a", 0.0) == math.inf
        assert those.why("a", 0.0) == "2 of its tasks are running, which is its limit"
        those.ended("1", ok=None, now=5.0)
        assert those.may_start("a", 5.0) == 0

    def test_what_is_said_twice_counts_once(self) -> None:
        those = limits(max_concurrent=2)
        those.started("a", "1", 0.0)
        those.started("a", "1", 1.0)
        assert (those.running("a"), those.may_start("a", 1.0)) == (1, 0)
        those.ended("1", ok=True, now=2.0)
        those.ended("1", ok=True, now=2.0)
        those.ended("nobody", ok=False, now=2.0)
        assert those.running("a") == 0


class TestBeingAskedToWait:
    def test_all_of_its_tasks_wait_so_long(self) -> None:
        those = limits()
        those.started("a", "1", 0)
        those.ended("1", ok=False, now=1, retry_after=30)
        assert (those.may_start("a", 1), those.may_start("b", 1)) == (30, 0)
        assert those.why("a", 11) == "it has asked to be left alone for 20.0s"
        assert those.may_start("a", 31) == 0

    def test_the_longest_counts(self) -> None:
        those = limits()
        for key, after in (("1", 30.0), ("2", 5.0), ("3", -1.0), ("4", math.inf), ("5", math.nan)):
            those.started("a", key, 0)
            those.ended(key, ok=False, now=0, retry_after=after)
        assert those.may_start("a", 0) == 30

    def test_it_is_no_failure(self) -> None:
        those = limits(breaker={"failures": 1, "pause": 10})
        those.started("a", "1", 0)
        those.ended("1", ok=False, now=0, retry_after=5)
        assert those.circuit("a", 0) is Circuit.CLOSED

    def test_the_probe_is_tried_again(self) -> None:
        those = limits(breaker={"failures": 1, "pause": 10})
        fail(those, 0)
        those.started("a", "probe", 10)
        those.ended("probe", ok=False, now=10, retry_after=5)
        assert (those.circuit("a", 10), those.may_start("a", 10), those.may_start("a", 15)) == (
            Circuit.HALF_OPEN,
            5,
            0,
        )

    def test_the_longest_wait_wins(self) -> None:
        those = limits(rate_limit="1/min", breaker={"failures": 1, "pause": 10})
        fail(those, 0)
        assert (those.may_start("a", 0), those.why("a", 0)) == (
            60,
            "1 have started in 1m 00s, which is its limit",
        )


@example(0.39325509496422606, 48.96935204622582, 1.8415219172141413 - 0.39325509496422606)
@given(
    st.floats(0, 1e9),
    st.floats(1e-3, 1e6),
    st.floats(0, 1e6),
)
def test_who_waits_as_long_as_was_said_may_start(start: float, span: float, later: float) -> None:
    """Whatever rounding does: in the example the wait and the time of day together fall short of the moment."""
    those = BackendLimits({"a": Limits(rate=Rate(1, span), breaker=Breaker(1, span / 3))})
    those.started("a", "1", start)
    those.ended("1", ok=False, now=start, retry_after=span / 7)
    now = start + later
    assert those.may_start("a", now + those.may_start("a", now)) == 0


class Machine(RuleBasedStateMachine):
    """A run that keeps to what it is told, beside a simple memory of all that has happened."""

    RATE = Rate(3, 10.0)
    MOST = 2
    BREAKER = Breaker(2, 7.0)

    def __init__(self) -> None:
        super().__init__()
        self.those = BackendLimits({"a": Limits(self.RATE, self.MOST, self.BREAKER)})
        self.now = 1000.0
        self.starts: list[float] = []
        self.running: list[str] = []
        self.ends: list[tuple[float, bool]] = []

    @rule(seconds=st.floats(0.01, 8))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def start(self) -> None:
        if self.those.may_start("a", self.now) == 0:
            key = str(len(self.starts))
            self.those.started("a", key, self.now)
            self.starts.append(self.now)
            self.running.append(key)

    @precondition(lambda self: self.running)
    @rule(ok=st.sampled_from([True, False, False, None]), which=st.integers(0, 1))
    def end(self, ok: bool | None, which: int) -> None:
        key = self.running.pop(which % len(self.running))
        self.those.ended(key, ok=ok, now=self.now)

    @rule(well=st.booleans())
    def say_how_it_is(self, well: bool) -> None:
        if well:
            self.those.well("a", self.now)
        else:
            self.those.unwell("a", "logged out", self.now)

    @rule()
    def wait_as_told(self) -> None:
        wait = self.those.may_start("a", self.now)
        if math.isfinite(wait):
            if wait > 1e-6:  # else only the arithmetic of such numbers is left
                assert (
                    self.those.may_start("a", self.now + wait / 2) > 0
                )  # it was not told to wait for nothing
            self.now += wait
            assert self.those.may_start("a", self.now) == 0

    @invariant()
    def no_window_has_more_starts(self) -> None:
        for index in range(len(self.starts) - self.RATE.count):
            assert self.starts[index + self.RATE.count] - self.starts[index] >= self.RATE.seconds - 1e-6

    @invariant()
    def no_more_run_at_once(self) -> None:
        assert self.those.running("a") == len(self.running) <= self.MOST

    @invariant()
    def a_reason_is_given_exactly_where_it_has_to_wait(self) -> None:
        assert bool(self.those.why("a", self.now)) == (self.those.may_start("a", self.now) > 0)

    @invariant()
    def it_never_waits_for_ever(self) -> None:
        assert self.running or math.isfinite(self.those.may_start("a", self.now))

    @invariant()
    def an_open_circuit_lets_nobody_through(self) -> None:
        if self.those.circuit("a", self.now) is Circuit.OPEN:
            assert self.those.open_circuit("a", self.now)
            # One that was unwell is tried after its pause where nobody stands in.
            assert self.those.may_start("a", self.now) > 0 or "cannot be used" in self.those.open_circuit(
                "a", self.now
            )


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMachine = Machine.TestCase
