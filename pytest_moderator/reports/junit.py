"""One testcase a task in junit's file, also where it was tried again meanwhile; none where it was interrupted."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key

from pytest_moderator.verdict import LATER

if TYPE_CHECKING:
    from collections.abc import Generator

_TROUBLES = ("failure", "error", "skipped")


class JunitCases:
    """Strikes what junit's file says of a task when the task starts once more.

    Args:
        config: pytest's, with ``--junitxml``.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._xml: Any = config.stash[xml_key]
        self._cases: defaultdict[str, list[Any]] = defaultdict(list)
        self._paused: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Forget the earlier try, if there was one."""
        for case in self._cases.pop(nodeid, ()):
            self._xml.node_reporters_ordered.remove(case)
            for key in [key for key, other in self._xml.node_reporters.items() if other is case]:
                del self._xml.node_reporters[key]  # its worker died
            tags = [child.tag for child in case.to_xml() if child.tag in _TROUBLES]
            for tag in tags or ([] if nodeid in self._paused else ["passed"]):
                self._xml.stats[tag] -= 1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Note the testcase of a report; it is closed, and has no name any more, when the item has ended."""
        (self._paused.add if report.when == LATER else self._paused.discard)(report.nodeid)
        before = len(self._xml.node_reporters_ordered)
        yield
        if new := self._xml.node_reporters_ordered[before:]:
            self._cases[report.nodeid] += new

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None]:
        """Strike the testcases of items that were interrupted: they have begun, and so have no name yet."""
        cases = self._xml.node_reporters_ordered
        cases[:] = [case for case in cases if case.to_xml().get("name") is not None]
        return (yield)
