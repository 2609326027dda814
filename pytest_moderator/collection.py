"""Collecting tasks, selecting them, and reporting on them: our part of every process of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt.secrecy import masked_result, masker_of
from pytest_moderator.isolation.ours import is_of_a_task
from pytest_moderator.items import RESULT, TaskItem, TasksModule
from pytest_moderator.model import TaskResult, TaskStatus
from pytest_moderator.selection import select_prerequisites
from pytest_moderator.verdict import LATER, PROGRESS, pack

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from pytest_moderator.attempt.masking import Masker
    from pytest_moderator.handout import Handout


class TasksCollection:
    """Turns the files of a handout into items. Registered in every process of a run."""

    def __init__(self, handout: Handout) -> None:
        self.handout = handout
        self._files = {file.path: file for file in handout.files}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> TasksModule | None:
        """Collect a tasks file as it was handed out."""
        file = self._files.get(file_path)
        return None if file is None else TasksModule.of(parent, file)

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave worktrees of tasks alone, wherever they are kept; but not one that pytest was started in."""
        if collection_path == self.handout.root or not is_of_a_task(collection_path):
            return None
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Select the unfinished prerequisites of what is selected, if that is wanted."""
        items.extend(self._gone(session))
        collected = {item.nodeid: item for item in items}
        yield
        if not self.handout.with_deps:
            return
        added = select_prerequisites(self.handout, items, collected)
        items.extend(added)
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and added:
            chosen = {item.nodeid for item in added}
            left_out = reporter.stats.get("deselected", [])
            left_out[:] = [item for item in left_out if item.nodeid not in chosen]

    @pytest.hookimpl(optionalhook=True)
    def pytest_timeout_set_timer(self, item: pytest.Item) -> bool | None:
        """Keep pytest-timeout away from tasks: it would end this process and not the task's; see `timeout:`."""
        return True if isinstance(item, TaskItem) else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_timeout_cancel_timer(self, item: pytest.Item) -> bool | None:
        """See :meth:`pytest_timeout_set_timer`."""
        return True if isinstance(item, TaskItem) else None

    def _gone(self, session: pytest.Session) -> Iterator[pytest.Item]:
        """Collect the tasks of files that were there when the run began (a worker may start later)."""
        for path, file in self._files.items():
            if not path.is_file():
                module = TasksModule.of(session, file)
                yield from (module.item_of(task) for task in file.tasks)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Keep what a task tells before its end out of all counts; workers count too, into their own output."""
        return ("", "", "") if report.when in (PROGRESS, LATER) else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the result into the report, where it travels from a worker to the controlling process."""
        if not isinstance(item, TaskItem):
            return (yield)
        result = None if call.when == "setup" else item.stash.get(RESULT, None)
        if call.when != "call" and RESULT in item.stash:
            del item.stash[RESULT]  # the report has it; plugins that rerun tests begin anew
        report = yield
        told = result is not None and result.status is TaskStatus.FAILED
        if report.failed and call.when != "teardown" and not told:
            result = _failed(item, report, result)
        if self.handout.secrets:
            masker = masker_of(self.handout.secrets, item.given)
            result = _without_secrets(report, result, masker)
        if result is not None and call.when in ("setup", "call"):
            report.moderator = pack(result)  # type: ignore[attr-defined]
        if (
            result is not None
            and result.status is TaskStatus.PAUSED
            and call.when != "setup"
            and report.passed
        ):
            report.when = LATER  # type: ignore[assignment]
        if report.failed and item.task.optional:
            report.outcome = "skipped"
            report.wasxfail = f"optional task: {result.error_message if result else 'a fixture failed'}"
        elif report.skipped and isinstance(report.longrepr, tuple):
            report.longrepr = (str(item.path), item.task.line, report.longrepr[2])
        return report


def _without_secrets(
    report: pytest.TestReport, result: TaskResult | None, masker: Masker | None
) -> TaskResult | None:
    """Mask what fixtures have printed and raised, which no backend has seen."""
    if masker is None:
        return result
    report.sections = [(name, masker.mask(text)) for name, text in report.sections]
    if isinstance(report.longrepr, tuple):
        report.longrepr = (*report.longrepr[:2], masker.mask(report.longrepr[2]))
    elif report.longrepr is not None and masker.mask(report.longreprtext) != report.longreprtext:
        report.longrepr = masker.mask(report.longreprtext)
    return result and masked_result(result, masker)


def _failed(item: TaskItem, report: pytest.TestReport, result: TaskResult | None) -> TaskResult:
    """Give the result of a task that has failed for what others do around it: fixtures, hooks, plugins."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else getattr(report.longrepr, "errorstring", str(report.longrepr))
    reason = text.strip().partition("\n")[0]
    return replace(
        result or TaskResult(item.task, attempts=0, duration_seconds=report.duration),
        status=TaskStatus.FAILED,
        exit_code=1,
        error_message=f"a fixture failed: {reason}" if report.when == "setup" else reason,
        again_at=None,
    )
