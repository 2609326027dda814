"""What a worker tells of a task in one message, where xdist sends six.

Each message wakes the other process up, and execnet takes one apart byte by byte in Python. A task without fixtures
has nothing to set up or tear down: what its three reports say is known at the same moment, and sent at once.
"""

from __future__ import annotations

import contextlib
import marshal
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_moderator.verdict import PROGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xdist.dsession import DSession
    from xdist.remote import WorkerInteractor
    from xdist.workermanage import WorkerController

    Event = tuple[str, dict[str, Any]]

_BUNDLE = "moderator_bundle"
_CAN_WAIT = ("testreport", "logfinish")
_COMPLETE, _UNSCHEDULED = "runtest_protocol_complete", "unscheduled"


class Bundler:
    """A worker's end.

    Args:
        interactor: xdist's part of the worker.
        give_back: is called when an item has ended, and gives the indices of those that do not follow it as planned.

    Attributes:
        task: whether the item that runs is a task: the controlling process knows that it starts, for it sent it.
        waits: whether reports wait for the end of the item.
    """

    def __init__(self, interactor: WorkerInteractor, give_back: Callable[[], Sequence[int]]) -> None:
        self.task = False
        self._give_back = give_back
        self.waits = False
        self._held: list[Event] = []
        self._send = interactor.channel.send
        interactor.sendevent = self.send

    def send(self, name: str, **facts: Any) -> None:
        """Send an event, behind those that waited; or have it wait."""
        if self.task and name == "logstart":
            return
        if name == _UNSCHEDULED:
            self._send((name, facts))  # from another thread: what is held is none of its business
            return
        if name == _COMPLETE and (indices := self._give_back()):
            self._held.append((_UNSCHEDULED, {"indices": indices}))
        self._held.append((name, facts))
        if self.waits and name in _CAN_WAIT and not _is_progress(facts):
            return
        events, self._held = self._held, []
        for message in _bundled(events):
            self._send(message)


def _is_progress(facts: dict[str, Any]) -> bool:
    """Whether an event tells of a task that goes on: that cannot wait for its end."""
    return bool(facts.get("data", {}).get("when") == PROGRESS)


def _bundled(events: list[Event]) -> Sequence[object]:
    """Make one message of several events, unless they hold what only execnet knows, or knows how to complain of."""
    if len(events) > 1:
        with contextlib.suppress(ValueError):
            return [(_BUNDLE, marshal.dumps(events))]
    return events


def unbundle(node: WorkerController, dsession: DSession) -> None:
    """Have the controlling process understand a worker that sends bundles.

    What is in one goes through the queue of xdist's loop as one event, too: each would wake the main thread, which
    then waits for this one.

    Args:
        node: the worker.
        dsession: xdist's part of the controlling process.
    """
    take, put = node.process_from_remote, node.putevent

    def take_all(event: Any) -> None:
        if not isinstance(event, tuple) or event[0] != _BUNDLE:
            take(event)
            return
        events: list[Event] = []
        node.putevent = events.append
        try:
            for each in marshal.loads(event[1]):  # noqa: S302 (from our own worker, with this very Python)
                take(each)
        finally:
            node.putevent = put
            put((_BUNDLE, {"events": events}))

    node.process_from_remote = take_all
    setattr(dsession, f"worker_{_BUNDLE}", partial(_heed_all, dsession))


def _heed_all(dsession: DSession, events: Sequence[Event]) -> None:
    """Do with each of several events as xdist's loop does with one."""
    for name, facts in events:
        getattr(dsession, f"worker_{name}")(**facts)
        if dsession.shouldstop:
            dsession.triggershutdown()
