"""The nouns that all rooms share: frozen data without input or output.

They are imported on first use, because ``moderator status`` needs few of them and must be quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.late import late_names

if TYPE_CHECKING:
    from pytest_moderator.model.answer import Answer
    from pytest_moderator.model.budget import Budget
    from pytest_moderator.model.context import ExecutionContext, IsolationLevel
    from pytest_moderator.model.problem import Problem, Severity
    from pytest_moderator.model.report import ExecutionReport
    from pytest_moderator.model.result import Attempt, ErrorCategory, TaskResult, Usage
    from pytest_moderator.model.rule import PhaseRule, Rule, TaskKind
    from pytest_moderator.model.task import Command, Task, TaskPhase, TaskStatus

_HOMES = {
    "Answer": "answer",
    "Attempt": "result",
    "Budget": "budget",
    "Command": "task",
    "ErrorCategory": "result",
    "ExecutionContext": "context",
    "ExecutionReport": "report",
    "IsolationLevel": "context",
    "PhaseRule": "rule",
    "Problem": "problem",
    "Rule": "rule",
    "Severity": "problem",
    "Task": "task",
    "TaskKind": "rule",
    "TaskPhase": "task",
    "TaskResult": "result",
    "TaskStatus": "task",
    "Usage": "result",
}

__all__ = [
    "Answer",
    "Attempt",
    "Budget",
    "Command",
    "ErrorCategory",
    "ExecutionContext",
    "ExecutionReport",
    "IsolationLevel",
    "PhaseRule",
    "Problem",
    "Rule",
    "Severity",
    "Task",
    "TaskKind",
    "TaskPhase",
    "TaskResult",
    "TaskStatus",
    "Usage",
]


__getattr__ = late_names(__name__, __package__, _HOMES)


def __dir__() -> list[str]:
    """List the names too, though they are not imported yet."""
    return sorted({*globals(), *__all__})
