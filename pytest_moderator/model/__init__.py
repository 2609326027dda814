"""The nouns that all rooms share: frozen data without input or output."""

from pytest_moderator.model.budget import Budget
from pytest_moderator.model.context import ExecutionContext, IsolationLevel
from pytest_moderator.model.problem import Problem, Severity
from pytest_moderator.model.result import Attempt, ErrorCategory, ExecutionReport, TaskResult, Usage
from pytest_moderator.model.rule import Rule, TaskKind
from pytest_moderator.model.task import Command, Task, TaskPhase, TaskStatus

__all__ = [
    "Attempt",
    "Budget",
    "Command",
    "ErrorCategory",
    "ExecutionContext",
    "ExecutionReport",
    "IsolationLevel",
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
