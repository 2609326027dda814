"""The loop without workers: one item after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_moderator.relay import make_relay, marks_of, tear_down
from pytest_moderator.runner import RUNNER

if TYPE_CHECKING:
    from pytest_moderator.control import Control
    from pytest_moderator.run import Run


class SequentialLoop:
    """Runs the items in the order that the coordinator wants."""

    def __init__(self, run: Run, control: Control) -> None:
        self.run = run
        self.control = control

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Take pytest's place, unless there is nothing to run."""
        option = session.config.option
        if option.collectonly or (session.testsfailed and not option.continue_on_collection_errors):
            return None
        items = {item.nodeid: item for item in session.items}
        self.run.begin(list(items), marks_of(session.items))
        self.control.start()
        relay = make_relay(session, ())
        last: pytest.Item | None = None
        self.control.heed()
        while not self.run.finished:
            nodeid = self.run.start_next("main")
            if nodeid is not None:
                item = items[nodeid]
                if instead := self.run.choices.instead(nodeid):
                    session.config.stash[RUNNER].put_instead(*instead)
                self._hand_over(last, item)
                last = relay.beside = item
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=relay)
                self.run.end(nodeid)
            elif not self.run.finished:
                self.control.wait()  # paused, perhaps: nothing runs, and nothing may start
            self.control.heed()  # also when all has ended: somebody may want something tried again
            _stop_if_asked(session)
        self._hand_over(last, None)
        return True

    @staticmethod
    def _hand_over(last: pytest.Item | None, item: pytest.Item | None) -> None:
        report = last and tear_down(last, item)
        if last and report:
            last.ihook.pytest_runtest_logreport(report=report)
            _stop_if_asked(last.session)


def _stop_if_asked(session: pytest.Session) -> None:
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
