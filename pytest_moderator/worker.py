"""Our part of one of xdist's workers. It imports no more than it takes to run tasks: every worker pays for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_moderator.backends import load_backends
from pytest_moderator.collection import TasksCollection
from pytest_moderator.handout import Handout
from pytest_moderator.relay import RelayItem, make_relay, tear_down
from pytest_moderator.runner import install_runner

if TYPE_CHECKING:
    from collections.abc import Generator

HANDOUT = "moderator_handout"
ARGS = "moderator_args"
OWNER = "moderator_nodeid"


def settle(config: pytest.Config) -> None:
    """Take over what the controlling process has found out; a tasks file need not be there any more."""
    arguments = config.workerinput[ARGS]  # type: ignore[attr-defined]
    here = config.invocation_params.dir
    config.args[:] = [argument for argument in arguments if (here / argument.split("::")[0]).exists()]


def activate(config: pytest.Config) -> None:
    """Register the parts of a worker."""
    workerinput = config.workerinput  # type: ignore[attr-defined]
    handout = Handout.from_json(workerinput[HANDOUT])
    config.pluginmanager.register(TasksCollection(handout), "moderator_collection")
    config.pluginmanager.register(Worker(), "moderator_worker")
    install_runner(config, handout, load_backends(config), workerinput["workerid"])


class Worker:
    """Our part of a worker: the relay, and what it does."""

    def __init__(self) -> None:
        self._last: pytest.Item | None = None
        self._relay: RelayItem | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Put the relay behind all other items, whatever other plugins do to their order."""
        yield
        self._relay = make_relay(session, items)
        items.append(self._relay)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run the relay in our way; have it stand beside any other item."""
        if self._relay is None or item is not self._relay:
            self._last = item
            if self._relay is not None:
                self._relay.beside = item
            return None
        report = tear_down(self._last, nextitem) if self._last else None
        if report is not None:
            setattr(report, OWNER, report.nodeid)
            report.nodeid = item.nodeid  # a worker may only report on the item that it runs
            item.ihook.pytest_runtest_logreport(report=report)
        return True
