"""The end of a session: what is left to do, to end and to write down."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt import end_marked_processes, forbid_tries
from pytest_moderator.runner import folder_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_moderator.run import Run


class Ending:
    """Sees to it that no session ends well with something left to do, nor with a process of a task left.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """End what runs, and write down how the run ended."""
        run = self._run
        if run.forced_end is not None:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        if run.begun and not run.finished:
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self._forbid_tries()
            # Workers end at once when the task that they wait for has.
            grace = max(file.grace for file in run.handout.files)
            with contextlib.suppress(KeyboardInterrupt):  # a second one means no patience
                end_marked_processes(run.handout.run_id, grace=grace)
        self._record(session)
        try:
            return (yield)
        finally:
            end_marked_processes(run.handout.run_id)

    def _forbid_tries(self) -> None:
        """Let no worker try a task again because it is ended: a run that goes on may."""
        for found in filter(None, map(self._run.handout.find, self._run.coordinator.running)):
            with contextlib.suppress(OSError):  # there is no room: it is ended once more behind the workers
                forbid_tries(folder_of(self._run.handout, *found))

    def _record(self, session: pytest.Session) -> None:
        run = self._run
        for nodeid in run.coordinator.running if run.begun else ():
            if found := run.handout.find(nodeid):
                run.recorder.interrupted(found, "the run was stopped")
        run.recorder.end(run.status, int(session.exitstatus))
        if run.recorder.trouble and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
