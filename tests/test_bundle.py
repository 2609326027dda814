"""What a worker says of an item, in one message."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_moderator.bundle import Bundler, unbundle

REPORT = {
    "nodeid": "tasks.md::T1",
    "location": ("tasks.md", 3, "T1"),
    "sections": [("out", "x")],
    "when": "call",
}


@pytest.fixture
def sent() -> list[Any]:
    return []


@pytest.fixture
def interactor(sent: list[Any]) -> SimpleNamespace:
    return SimpleNamespace(channel=SimpleNamespace(send=sent.append), sendevent=None)


class Controlling:
    """A controlling process, with its queue, and xdist's loop."""

    def __init__(self) -> None:
        self.queue: list[tuple[str, Any]] = []
        self.heard: list[Any] = []
        self.home = 0
        self.node: Any = SimpleNamespace(process_from_remote=self.process, putevent=self.queue.append)
        self.dsession: Any = SimpleNamespace(shouldstop=False, triggershutdown=self.send_home)
        for name in ("logstart", "testreport", "logfinish", "runtest_protocol_complete"):
            setattr(self.dsession, f"worker_{name}", partial(self.hear, name))
        unbundle(self.node, self.dsession)

    def process(self, event: Any) -> None:
        self.node.putevent(event)

    def hear(self, name: str, **facts: Any) -> None:
        self.heard.append((name, facts))

    def send_home(self) -> None:
        self.home = self.home or len(self.heard)

    def loop(self) -> None:
        for name, facts in self.queue:
            getattr(self.dsession, f"worker_{name}")(**facts)


def received(messages: list[Any]) -> list[Any]:
    here = Controlling()
    for message in messages:
        here.node.process_from_remote(message)
    assert len(here.queue) == len(messages)
    here.loop()
    return here.heard


def test_what_can_wait_goes_with_what_cannot(interactor: SimpleNamespace, sent: list[Any]) -> None:
    Bundler(interactor, list).waits = True
    interactor.sendevent("logstart", nodeid="T1")
    interactor.sendevent("testreport", data=REPORT)
    interactor.sendevent("logfinish", nodeid="T1")
    assert len(sent) == 1
    interactor.sendevent("runtest_protocol_complete", item_index=0)
    assert len(sent) == 2
    assert received(sent) == [
        ("logstart", {"nodeid": "T1"}),
        ("testreport", {"data": REPORT}),
        ("logfinish", {"nodeid": "T1"}),
        ("runtest_protocol_complete", {"item_index": 0}),
    ]


def test_a_stop_is_heeded_before_the_next_event(interactor: SimpleNamespace, sent: list[Any]) -> None:
    Bundler(interactor, list).waits = True
    interactor.sendevent("testreport", data=REPORT)
    interactor.sendevent("runtest_protocol_complete", item_index=0)
    here = Controlling()
    here.dsession.shouldstop = "stopping after 1 failures"
    here.node.process_from_remote(*sent)
    here.loop()
    assert (here.home, len(here.heard)) == (1, 2)


def test_nothing_waits_unless_it_is_asked_to(interactor: SimpleNamespace, sent: list[Any]) -> None:
    Bundler(interactor, list)
    interactor.sendevent("testreport", data=REPORT)
    interactor.sendevent("logfinish", nodeid="T1")
    assert sent == [("testreport", {"data": REPORT}), ("logfinish", {"nodeid": "T1"})]


def test_that_a_task_starts_is_known_already(interactor: SimpleNamespace, sent: list[Any]) -> None:
    bundler = Bundler(interactor, list)
    interactor.sendevent("logstart", nodeid="test_a.py::test")
    bundler.task = True
    interactor.sendevent("logstart", nodeid="tasks.md::T1")
    assert sent == [("logstart", {"nodeid": "test_a.py::test"})]


def test_what_cannot_be_bundled_is_sent_as_ever(interactor: SimpleNamespace, sent: list[Any]) -> None:
    odd = {"when": object()}
    Bundler(interactor, list).waits = True
    interactor.sendevent("testreport", data=odd)
    interactor.sendevent("runtest_protocol_complete", item_index=0)
    events = [("testreport", {"data": odd}), ("runtest_protocol_complete", {"item_index": 0})]
    assert sent == events
    assert received(sent) == events
