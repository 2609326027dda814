"""What a run that goes on still has to wait for, as its journal tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.handout import FileHandout, Handout
from pytest_moderator.journal import Event
from pytest_moderator.left_waiting import CIRCUIT, LIMITED, PAUSED, left_waiting
from pytest_moderator.model import Task
from pytest_moderator.pausing import PauseGate

if TYPE_CHECKING:
    from collections.abc import Collection

LATER, LAST, BEFORE = (
    (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="milliseconds") for hours in (1, 2, -1)
)


class Journal:
    """Knows some events of one run."""

    def __init__(self, *events: Event) -> None:
        self._events = events

    def events(self, run_id: str, after: int = 0, limit: int = 0, kinds: Collection[str] = ()) -> list[Event]:
        assert (run_id, limit) == ("r1", -1)
        return [event for event in self._events if event.seq > after and event.kind in kinds]


def event(seq: int, kind: str, task_id: str | None = None, file: str = "a.md", **payload: object) -> Event:
    named = file if task_id else None
    return Event(
        seq=seq, run_id="r1", file=named, task_id=task_id, attempt=1, kind=kind, at="", payload=payload
    )


def paused(seq: int, task_id: str = "T1", again_at: str = LATER, file: str = "a.md") -> Event:
    return event(seq, PAUSED, task_id, file, again_at=again_at, next=2, error="limit")


@pytest.mark.parametrize(
    ("events", "waiting"),
    [
        ([], []),
        ([paused(1)], [1]),
        ([paused(1, again_at=BEFORE)], []),
        ([paused(1, again_at="soon")], []),
        ([paused(1), event(2, "task_waits", "T1"), event(3, "task_interrupted", "T1")], [1]),
        ([paused(1), event(2, "task_started", "T1")], []),
        ([paused(1), event(2, "task_ended", "T1")], []),
        ([event(1, "task_started", "T1"), paused(2), event(3, "task_started", "T1"), paused(4)], [4]),
        ([paused(1), paused(2, file="b.md"), event(3, "task_ended", "T1", "b.md")], [1]),
        ([paused(1, "T7"), paused(2)], [2]),
    ],
)
def test_who_waits_for_an_attempt(events: list[Event], waiting: list[int]) -> None:
    left = left_waiting(Journal(*events), "r1", {"a.md": ["T7"]})  # type: ignore[arg-type]
    assert [found.seq for found in left.pauses] == waiting
    lines = [f"T1 goes on waiting for attempt 2 until {LATER}: limit"] * len(waiting)
    assert list(left.notices()) == lines


def test_limits_that_have_not_ended() -> None:
    events = [
        event(number, LIMITED, backend=name, until=until)
        for number, (name, until) in enumerate(
            [("one", LAST), ("one", LATER), ("two", BEFORE), ("one", "soon"), ("three", LATER)],
            start=1,
        )
    ]
    left = left_waiting(Journal(*events), "r1", {})  # type: ignore[arg-type]
    assert [found.payload["backend"] for found in left.limits] == ["one", "one", "three"]
    assert list(left.notices()) == [
        f"tasks of the backend 'one' go on waiting for the end of its limit: {LAST}",
        f"tasks of the backend 'three' go on waiting for the end of its limit: {LATER}",
    ]


def test_circuits_that_are_still_open() -> None:
    told = [
        ("one", "open", BEFORE),
        ("one", "half-open", None),
        ("one", "open", LATER),
        ("two", "open", LATER),
        ("two", "half-open", None),
        ("two", "closed", None),
        ("three", "open", BEFORE),
        ("four", "open", None),  # it says itself that it cannot be used, and is asked when a run begins
    ]
    events = [
        event(number, CIRCUIT, backend=name, circuit=circuit, **({"until": until} if until else {}))
        for number, (name, circuit, until) in enumerate(told, start=1)
    ]
    left = left_waiting(Journal(*events), "r1", {})  # type: ignore[arg-type]
    assert [found.seq for found in left.circuits] == [3]
    assert list(left.notices()) == [f"the backend 'one' has failed, and is left alone until {LATER}"]


def test_who_is_as_before_waits_until_somebody_wants_it_now() -> None:
    tasks = {name: Task(name, "Do", 1) for name in ("T1", "T2")}
    file = FileHandout("a.md", Path("a.md"), tuple(tasks.values()), frozenset(), None, False, 1.0, 1)
    run = SimpleNamespace(
        handout=Handout("r1", Path(), Path(), with_deps=False, files=(file,)),
        fingerprint_of=lambda _, task: f"text of {task.id}",
    )
    told = {"again_at": LATER, "next": 2, "error": "limit"}
    events = [
        event(number, PAUSED, name, **told, fingerprint=text)
        for number, (name, text) in enumerate(
            [("T1", "text of T1"), ("T2", "another text"), ("T3", "text of T3")], start=1
        )
    ]
    gate = PauseGate(run, events)  # type: ignore[arg-type]
    wait = gate.ask(file, tasks["T1"])
    assert wait is not None
    assert wait.reason == f"waiting for attempt 2 until {LATER}: limit"
    assert gate.ask(file, tasks["T2"]) is None
    gate.hurry("a.md::T1")
    gate.hurry("a.md::T2")
    assert gate.ask(file, tasks["T1"]) is None
