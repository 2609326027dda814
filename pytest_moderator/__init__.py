"""pytest-moderator: run the tasks of a Markdown file as pytest items.

The names below are the public Python interface. They are imported on first use, because pytest imports
this package in every session, also in those that never use it.

PYTEST_DONT_REWRITE: workers import it before pytest can rewrite its asserts, and nobody would see them fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext, Backend, Health
    from pytest_moderator.backends.elsewhere import ElsewhereBackend
    from pytest_moderator.backends.routing import BackendRouter
    from pytest_moderator.errors import AggregateExecutionError, ModeratorError
    from pytest_moderator.executor import ParallelExecutor, SequentialExecutor, TaskExecutor
    from pytest_moderator.isolation import create_isolated_context
    from pytest_moderator.model import (
        Answer,
        ErrorCategory,
        ExecutionContext,
        ExecutionReport,
        IsolationLevel,
        Problem,
        Severity,
        Task,
        TaskPhase,
        TaskResult,
        TaskStatus,
        Usage,
    )
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.progress import LoggingProgressCallback, ProgressCallback

_HOMES = {
    "AggregateExecutionError": "errors",
    "Answer": "model",
    "AttemptContext": "backends.base",
    "Backend": "backends.base",
    "BackendRouter": "backends.routing",
    "ElsewhereBackend": "backends.elsewhere",
    "ErrorCategory": "model",
    "ExecutionContext": "model",
    "ExecutionPlan": "plan",
    "ExecutionReport": "model",
    "Health": "backends.base",
    "IsolationLevel": "model",
    "LoggingProgressCallback": "progress",
    "ModeratorError": "errors",
    "ParallelExecutor": "executor",
    "Problem": "model",
    "ProgressCallback": "progress",
    "SequentialExecutor": "executor",
    "Severity": "model",
    "Task": "model",
    "TaskExecutor": "executor",
    "TaskPhase": "model",
    "TaskResult": "model",
    "TaskStatus": "model",
    "Usage": "model",
    "create_isolated_context": "isolation",
}

__all__ = [
    "AggregateExecutionError",
    "Answer",
    "AttemptContext",
    "Backend",
    "BackendRouter",
    "ElsewhereBackend",
    "ErrorCategory",
    "ExecutionContext",
    "ExecutionPlan",
    "ExecutionReport",
    "Health",
    "IsolationLevel",
    "LoggingProgressCallback",
    "ModeratorError",
    "ParallelExecutor",
    "Problem",
    "ProgressCallback",
    "SequentialExecutor",
    "Severity",
    "Task",
    "TaskExecutor",
    "TaskPhase",
    "TaskResult",
    "TaskStatus",
    "Usage",
    "create_isolated_context",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (kept out of every pytest start)

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names too, though they are not imported yet."""
    return sorted({*globals(), *__all__})
