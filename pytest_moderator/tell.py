"""Telling those who watch a run what happens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.verdict import location_of, reports_of_failure, reports_of_skip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import Task, TaskResult

LOGGER = logging.getLogger("pytest_moderator")


def report_skip(
    config: pytest.Config, nodeid: str, found: tuple[FileHandout, Task] | None, reason: str
) -> None:
    """Report an item that ends without having started, as pytest reports one that skips itself.

    Args:
        config: pytest's.
        nodeid: the item.
        found: its file and task; ``None`` for an ordinary test.
        reason: why it does not start.
    """
    hook = config.hook
    location = location_of(nodeid, found)
    hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
    for report in reports_of_skip(nodeid, found, reason):
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)


def report_failure(
    config: pytest.Config,
    nodeid: str,
    found: tuple[FileHandout, Task],
    result: TaskResult,
    node: object = None,
) -> None:
    """Report that a task has failed which no process runs any more.

    Args:
        config: pytest's.
        nodeid: the task's item.
        found: its file and task.
        result: what has come of it.
        node: the worker that ran it last, as xdist knows it; ``None`` without workers.
    """
    for report in reports_of_failure(nodeid, found, result):
        if node is not None:
            report.node = node  # type: ignore[attr-defined]
        config.hook.pytest_runtest_logreport(report=report)


def tell(config: pytest.Config, hook: str, **facts: object) -> None:
    """Call a hook, each implementation for itself: a mistake of one must change nothing for all others.

    Args:
        config: pytest's.
        hook: the name of the hook.
        **facts: its arguments.
    """
    for implementation in reversed(getattr(config.hook, hook).get_hookimpls()):
        try:
            if implementation.wrapper or implementation.hookwrapper:
                _tell_wrapper(config, hook, implementation.plugin, facts)
            else:
                implementation.function(*(facts[argument] for argument in implementation.argnames))
        except pytest.exit.Exception:
            raise
        except (Exception, pytest.fail.Exception, pytest.skip.Exception):
            LOGGER.exception("%s failed; the run goes on", hook)


def _tell_wrapper(config: pytest.Config, hook: str, plugin: object, facts: Mapping[str, object]) -> None:
    """Have pluggy run a wrapper around nothing."""
    others = [other for other in config.pluginmanager.get_plugins() if other is not plugin]
    config.pluginmanager.subset_hook_caller(hook, others)(**facts)
