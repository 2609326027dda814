"""What a worker does with the item that it was sent ahead: xdist's own queue, and no session."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import execnet
import pytest
from xdist import remote
from xdist.remote import Marker

from pytest_moderator.verdict import LATER
from pytest_moderator.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

RELAY = 9


class Workplace:
    """A worker that runs item 0."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.heard: list[Any] = []
        self.queue = remote.TestQueue(execnet.gateway_base.get_execmodel("thread"))
        self.interactor: Any = SimpleNamespace(
            torun=self.queue,
            run_one_test=None,
            handle_command=self.heard.append,
            channel=SimpleNamespace(send=self.sent.append),
        )
        self.worker = Worker(self.interactor, same_python=True)
        self.worker._behind = RELAY

    def send(self, *indices: int | Marker) -> None:
        for index in indices:
            self.queue.put(index)  # type: ignore[arg-type]

    def queued(self) -> list[Any]:
        with self.queue.lock() as queued:
            return list(queued)

    def end(self) -> None:
        """Say that item 0 has ended, as xdist does."""
        self.interactor.sendevent("runtest_protocol_complete", item_index=0, duration=0)

    def told(self) -> list[tuple[str, Any]]:
        """Give what was said of items that do not start."""
        self.unbundle()
        return [facts["indices"] for name, facts in self.sent if name == "unscheduled"]

    def unbundle(self) -> None:
        from pytest_moderator.bundle import unbundle  # noqa: PLC0415 (the other end)

        apart: list[Any] = []
        node: Any = SimpleNamespace(putevent=apart.append)
        node.process_from_remote = lambda event: node.putevent(event)  # noqa: PLW0108 (it changes)
        unbundle(node, SimpleNamespace())  # type: ignore[arg-type]
        for message in self.sent:
            node.process_from_remote(message)
        bundles = [facts.get("events", [(name, facts)]) for name, facts in apart]
        self.sent[:] = [event for events in bundles for event in events]


@pytest.fixture
def at() -> Workplace:
    return Workplace()


def fail(at: Workplace) -> None:
    at.worker.pytest_runtest_logreport(SimpleNamespace(failed=True, when="call"))  # type: ignore[arg-type]


def meet_a_limit(at: Workplace) -> None:
    at.worker.pytest_runtest_logreport(SimpleNamespace(failed=False, when=LATER))  # type: ignore[arg-type]


def be_sent_home(at: Workplace) -> None:
    at.send(Marker.SHUTDOWN)


@pytest.mark.parametrize("reason", [fail, meet_a_limit, be_sent_home])
def test_it_is_given_back_before_the_end_is_told(at: Workplace, reason: Callable[[Workplace], None]) -> None:
    at.send(1, RELAY)
    reason(at)
    at.end()
    assert at.told() == [[1, RELAY]]
    assert [name for name, _ in at.sent] == ["unscheduled", "runtest_protocol_complete"]
    assert set(at.queued()) <= {Marker.SHUTDOWN}


def test_it_is_given_back_when_nobody_is_there_any_more(
    at: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.send(1, RELAY)
    monkeypatch.setattr(os, "getppid", lambda: 1)
    at.end()
    assert at.told() == [[1, RELAY]]


def test_it_follows_an_item_that_has_not_failed(at: Workplace) -> None:
    at.send(1, RELAY)
    at.worker.pytest_runtest_logreport(SimpleNamespace(failed=False, when="call"))  # type: ignore[arg-type]
    at.end()
    assert at.told() == []
    at.interactor.steal([1])  # it counts as started
    assert at.told() == [[]]
    assert at.queued() == [1, RELAY]


def test_it_is_given_back_when_asked_for(at: Workplace) -> None:
    at.send(1, RELAY)
    at.interactor.steal([1])
    assert at.told() == [[1, RELAY]]
    assert at.queued() == []
    at.end()
    assert at.told() == [[1, RELAY]]


def test_an_item_that_was_not_sent_ahead_stays(at: Workplace) -> None:
    at.send(0, RELAY, 1, RELAY)  # item 0 has not been taken up yet
    at.interactor.steal([1])
    assert at.queued() == [0, RELAY]
    at.interactor.steal([1])
    assert at.queued() == [0, RELAY]
    assert at.told() == [[1, RELAY], []]


def test_what_arrives_after_the_end_is_not_given_back(at: Workplace) -> None:
    at.end()  # it was sent before that was heard, and counts as begun as soon as it is
    at.send(1, RELAY)
    at.interactor.steal([1])
    assert at.told() == [[]]
    assert at.queued() == [1, RELAY]


def test_an_item_is_given_back_before_another_end_can_be_told(at: Workplace) -> None:
    at.send(1, RELAY)
    free = []

    def look(event: Any) -> None:
        thread = threading.Thread(target=lambda: free.append(at.queue._lock.acquire(blocking=False)))
        thread.start()
        thread.join()
        at.sent.append(event)

    at.interactor.channel.send = look
    at.worker._bundler._send = look
    at.interactor.steal([1])
    assert at.told() == [[1, RELAY]]
    assert free == [False]


def test_the_relay_is_put_behind_an_item(at: Workplace) -> None:
    at.interactor.handle_command(3)
    at.interactor.handle_command(5)
    assert at.queued() == [3, RELAY, 5, RELAY]


def test_all_other_commands_are_xdists(at: Workplace) -> None:
    commands: list[Any] = [("runtests", {"indices": [1]}), ("steal", {"indices": [1]}), Marker.SHUTDOWN]
    for command in commands:
        at.interactor.handle_command(command)
    assert at.heard == commands
    assert at.queued() == []
