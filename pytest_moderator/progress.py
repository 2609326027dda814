"""Watching tasks from the program that has them executed; `docs/library.md` describes it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pytest_moderator.model import TaskStatus
from pytest_moderator.units import format_duration

if TYPE_CHECKING:
    from pytest_moderator.model import ExecutionContext, Task, TaskResult

LOGGER = logging.getLogger("pytest_moderator")


class ProgressCallback:
    """Is told what happens to tasks, as it happens. Override what you want to know; each does nothing by itself.

    Every task ends with exactly one call, of :meth:`on_task_complete` or of :meth:`on_task_error`. One that
    started has had a call of :meth:`on_task_start` before.
    """

    def on_task_start(self, task: Task, context: ExecutionContext) -> None:
        """A task has started.

        Args:
            task: the task, the very object that was given to the executor.
            context: the place in which it works.
        """

    def on_task_complete(self, result: TaskResult) -> None:
        """A task has ended without failing: completed, or skipped (``result.status`` tells).

        Args:
            result: what came of it.
        """

    def on_task_error(self, task: Task, error: Exception) -> None:
        """A task has failed.

        Args:
            task: the task.
            error: why; a :class:`~pytest_moderator.errors.TaskFailedError`, whose ``result`` is what came of it.
        """


class LoggingProgressCallback(ProgressCallback):
    """Writes what happens to a log: failures as errors, all else as information.

    Args:
        logger: where to; the logger ``pytest_moderator`` by default.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = LOGGER if logger is None else logger

    def on_task_start(self, task: Task, context: ExecutionContext) -> None:
        """Log the start of a task."""
        self._logger.info("%s started in %s: %s", task.id, context.working_directory, task.title)

    def on_task_complete(self, result: TaskResult) -> None:
        """Log the end of a task that has not failed."""
        if result.status is TaskStatus.COMPLETED:
            self._logger.info("%s completed in %s", result.task.id, format_duration(result.duration_seconds))
        else:
            self._logger.info("%s %s: %s", result.task.id, result.status, result.error_message)

    def on_task_error(self, task: Task, error: Exception) -> None:
        """Log the failure of a task."""
        del task  # the error names it
        self._logger.error("%s", error)
