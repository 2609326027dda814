"""What a worker says of an item, in one message."""

from __future__ import annotations

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


def received(messages: list[Any]) -> list[Any]:
    events: list[Any] = []
    node = SimpleNamespace(process_from_remote=events.append)
    unbundle(node)
    for message in messages:
        node.process_from_remote(message)
    return events


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
