"""The item between two items.

pytest tears an item down towards the next one, and keeps the fixtures that both share. Which task comes next is
only known when the one before has ended, so every item is told that a *relay* comes next. The relay says that it
stands beside the item that runs, so that all but the item's own fixtures stay; what the true next item does not
share is torn down as soon as that one is known.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.holder import Holder
from pytest_moderator.items import TaskItem
from pytest_moderator.marks import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from _pytest.capture import CaptureManager
    from _pytest.nodes import Node  # what `listchain` is said to give; it has no public name

_PREFIX = "relay "
_MARKS, _PROCESS = "depends_on", "process"


class RelayItem(pytest.Item):
    """Stands for whatever comes next."""

    beside: pytest.Item | None = None

    def listchain(self) -> list[Node]:
        """Give the collectors of the item that it stands beside, and itself."""
        if self.beside is None:
            return super().listchain()
        return [*self.beside.listchain()[:-1], self]

    def runtest(self) -> None:
        """Do nothing."""

    def reportinfo(self) -> tuple[str, None, str]:
        """Stand nowhere."""
        return "", None, "relay"


def tear_down(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport | None:
    """Tear down what the next item does not share with one that has run.

    Args:
        item: the one that has run.
        nextitem: the one that will run; ``None`` to tear down everything.

    Returns:
        The report of a fixture that failed in it.
    """
    if nextitem is not None and nextitem.parent is item.parent:
        return None  # its own fixtures are gone, and all others stay
    # The hook for this also ends the logging of the item, which has ended already: hence the step beneath it.
    state = item.session._setupstate
    capture: CaptureManager | None = item.config.pluginmanager.get_plugin("capturemanager")
    with capture.item_capture("teardown", item) if capture else nullcontext():
        call = pytest.CallInfo.from_call(
            lambda: state.teardown_exact(nextitem),
            when="teardown",
            reraise=(KeyboardInterrupt, pytest.exit.Exception),
        )
    if call.excinfo is None:
        return None
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def make_relay(session: pytest.Session, items: Sequence[pytest.Item]) -> RelayItem:
    """Make the relay of a worker.

    A worker tells the controlling process the ids of its items before anything else, and nothing more. So what
    only workers know, the ``depends_on`` marks and which process they are, is part of the relay's id.
    """
    known = {_MARKS: marks_of(items), _PROCESS: Holder.here().to_dict()}
    relay: RelayItem = RelayItem.from_parent(session, name=f"{_PREFIX}{json.dumps(known)}")
    return relay


def told_by(nodeid: str) -> tuple[dict[str, list[str]], Holder]:
    """Read the marks, and the worker's process, from a relay's node id."""
    known = json.loads(nodeid.partition(_PREFIX)[2])
    return known[_MARKS], Holder.from_dict(known[_PROCESS])


def marks_of(items: Iterable[pytest.Item]) -> dict[str, list[str]]:
    """Gather what ``depends_on`` marks name, by node id, as far as a tasks file does not say it itself."""
    marks = {}
    for item in items:
        known = item.task.depends_on if isinstance(item, TaskItem) else ()
        added = [name for name in names_of(item) if name not in known]
        if added:
            marks[item.nodeid] = added
    return marks
