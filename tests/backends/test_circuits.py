"""Circuits of backends: opened by failures in a row and by being unwell, closed by a task that tries."""

from __future__ import annotations

import math

import pytest
from limited import fail, limits

from pytest_moderator.backends.limits import Circuit


class TestBreaker:
    def test_it_opens_after_so_many_failures_in_a_row(self) -> None:
        those = limits(breaker={"failures": 3, "pause": "1m"})
        fail(those, 1, 2)
        those.started("a", "good", 3)
        those.ended("good", ok=True, now=3)
        fail(those, 4, 5)
        assert (those.circuit("a", 5), those.may_start("a", 5)) == (Circuit.CLOSED, 0)
        assert those.open_circuit("a", 5) == ""
        fail(those, 6)
        assert (those.circuit("a", 6), those.may_start("a", 6)) == (Circuit.OPEN, 60)
        said = "it has failed 3 times in a row; it is tried again in 50.0s"
        assert those.open_circuit("a", 16) == those.why("a", 16) == said

    def test_after_the_pause_exactly_one_task_tries(self) -> None:
        those = limits(breaker={"failures": 1, "pause": 10})
        fail(those, 0)
        assert those.may_start("a", 9.5) == 0.5
        assert (those.circuit("a", 10), those.may_start("a", 10), those.open_circuit("a", 10)) == (
            Circuit.HALF_OPEN,
            0,
            "",
        )
        those.started("a", "probe", 10)
        assert those.may_start("a", 10) == math.inf
        assert those.why("a", 10) == "it has failed; one task tries whether it works again"
        assert those.open_circuit("a", 10) != ""

    @pytest.mark.parametrize(
        ("ok", "circuit", "wait"),
        [(True, Circuit.CLOSED, 0), (False, Circuit.OPEN, 10), (None, Circuit.HALF_OPEN, 0)],
    )
    def test_the_probe_decides(self, ok: bool | None, circuit: Circuit, wait: float) -> None:
        those = limits(breaker={"failures": 2, "pause": 10})
        fail(those, 0, 0)
        those.started("a", "probe", 11)
        those.ended("probe", ok=ok, now=12)
        assert (those.circuit("a", 12), those.may_start("a", 12)) == (circuit, wait)

    def test_after_a_good_probe_it_counts_anew(self) -> None:
        those = limits(breaker={"failures": 2, "pause": 10})
        fail(those, 0, 0)
        those.started("a", "probe", 10)
        those.ended("probe", ok=True, now=10)
        fail(those, 11)
        assert those.circuit("a", 11) is Circuit.CLOSED
        fail(those, 12)
        assert those.circuit("a", 12) is Circuit.OPEN

    @pytest.mark.parametrize(("ok", "circuit"), [(True, Circuit.CLOSED), (False, Circuit.OPEN)])
    def test_one_that_had_failed_before_is_left_alone_and_then_tried(
        self, ok: bool, circuit: Circuit
    ) -> None:
        those = limits(breaker={"failures": 5, "pause": 10})
        those.hold("a", 3, 0, failed=True)
        assert (those.circuit("a", 2), those.may_start("a", 2), those.opened("a", 2)) == (Circuit.OPEN, 1, 1)
        assert (those.why("a", 2), those.held("a", 2)) == ("it has failed; it is tried again in 1.00s", 0)
        assert (those.circuit("a", 3), those.opened("a", 3)) == (Circuit.HALF_OPEN, 0)
        those.started("a", "probe", 3)
        assert those.may_start("a", 3) == math.inf
        those.ended("probe", ok=ok, now=4)
        assert (those.circuit("a", 4), those.opened("a", 4)) == (circuit, 0 if ok else 10)

    def test_what_started_before_says_nothing_about_later(self) -> None:
        those = limits(breaker={"failures": 1, "pause": 10})
        for key in ("good", "bad", "late"):
            those.started("a", key, 0)
        fail(those, 1)
        those.ended("good", ok=True, now=2)
        assert those.may_start("a", 2) == 9  # still open
        those.ended("bad", ok=False, now=3)
        assert those.may_start("a", 3) == 8  # and not for longer
        those.started("a", "probe", 11)
        those.ended("probe", ok=True, now=12)
        those.ended("late", ok=False, now=13)
        assert those.circuit("a", 13) is Circuit.CLOSED

    def test_one_that_starts_against_it_is_no_probe(self) -> None:
        those = limits(breaker={"failures": 1, "pause": 10})
        fail(those, 0)
        those.started("a", "stubborn", 5)
        those.ended("stubborn", ok=True, now=6)
        assert those.circuit("a", 6) is Circuit.OPEN


class TestBeingUnwell:
    def test_its_fallbacks_are_for_its_tasks_until_it_is_well(self) -> None:
        those = limits(breaker={"failures": 5, "pause": 10})
        those.unwell("a", "logged out", 0)
        assert (those.circuit("a", 9), those.may_start("a", 4)) == (Circuit.OPEN, 6)
        assert those.open_circuit("a", 50) == "it cannot be used: logged out"
        assert (those.is_to_be_asked("a", 9), those.is_to_be_asked("a", 10)) == (False, True)
        those.unwell("a", "still logged out", 12)
        assert (those.is_to_be_asked("a", 21), those.is_to_be_asked("a", 22)) == (False, True)
        assert those.open_circuit("a", 22) == "it cannot be used: still logged out"
        those.well("a", 23)
        assert (those.circuit("a", 23), those.may_start("a", 23), those.open_circuit("a", 23)) == (
            Circuit.HALF_OPEN,
            0,
            "",
        )
        assert not those.is_to_be_asked("a", 1000)

    def test_those_without_fallback_try_it_after_the_pause(self) -> None:
        those = limits(breaker={"failures": 5, "pause": 10})
        those.unwell("a", "logged out", 0)
        assert (those.may_start("a", 10), those.circuit("a", 10)) == (0, Circuit.OPEN)
        those.started("a", "probe", 10)
        assert (those.circuit("a", 10), those.may_start("a", 10)) == (Circuit.HALF_OPEN, math.inf)
        those.ended("probe", ok=True, now=11)
        assert (those.circuit("a", 11), those.open_circuit("a", 11)) == (Circuit.CLOSED, "")

    def test_a_probe_that_fails_opens_it_again(self) -> None:
        those = limits(breaker={"failures": 5, "pause": 10})
        those.unwell("a", "logged out", 0)
        fail(those, 10)
        assert (those.circuit("a", 10), those.may_start("a", 10)) == (Circuit.OPEN, 10)

    def test_without_a_breaker_nothing_waits(self) -> None:
        those = limits()
        those.unwell("a", "logged out", 0)
        assert (those.may_start("a", 0), those.why("a", 0)) == (0, "")
        assert those.open_circuit("a", 0) == "it cannot be used: logged out"
        assert (those.is_to_be_asked("a", 59), those.is_to_be_asked("a", 60)) == (False, True)

    def test_it_may_be_well_all_the_time(self) -> None:
        those = limits(breaker=True)
        those.well("a", 0)
        assert those.circuit("a", 0) is Circuit.CLOSED
        fail(those, 1, 1, 1, 1, 1)
        those.well("a", 2)
        assert (those.circuit("a", 2), those.may_start("a", 2)) == (Circuit.OPEN, 59)
