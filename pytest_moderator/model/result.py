"""What came of a task."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_moderator.model.task import Task, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

_Number = TypeVar("_Number", int, float)


class ErrorCategory(StrEnum):
    """What kind of failure it was, which decides whether trying again makes sense."""

    TRANSIENT = "transient"
    CONFIGURATION = "configuration"
    PERMISSION = "permission"
    RESOURCE = "resource"
    LOGIC = "logic"
    VERIFICATION = "verification"
    CONFLICT = "conflict"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a task used of a coding agent, as far as the agent told.

    Attributes:
        cost_usd: in US dollars, 0 or more.
        input_tokens: tokens read, those from a cache included.
        output_tokens: tokens written.
        turns: how often the model was asked.
        session_id: names the last session, as the agent's program knows it.
    """

    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int | None = None
    session_id: str | None = None

    def plus(self, other: Usage) -> Usage:
        """Add what was used later; the session is the later one."""
        return Usage(
            cost_usd=_sum(self.cost_usd, other.cost_usd),
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            turns=_sum(self.turns, other.turns),
            session_id=other.session_id or self.session_id,
        )

    def __str__(self) -> str:
        """Write money and tokens, as far as they are known; empty where neither is."""
        tokens = (self.input_tokens or 0) + (self.output_tokens or 0)
        cost = "" if self.cost_usd is None else f"${self.cost_usd:.2f}"
        return ", ".join(filter(None, (cost, f"{tokens:,} tokens" if tokens else "")))

    def to_dict(self) -> dict[str, float | int | str | None]:
        """Give plain JSON types."""
        return asdict(self)


def _sum(one: _Number | None, other: _Number | None) -> _Number | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


@dataclass(frozen=True, slots=True)
class Attempt:
    """A failed attempt that another one followed.

    Attributes:
        attempt: its number, from 1.
        category: what kind of failure it was, one of :class:`ErrorCategory`.
        error_message: why it failed.
        duration_seconds: its wall time.
    """

    attempt: int
    category: str | None
    error_message: str
    duration_seconds: float

    def to_dict(self) -> dict[str, float | int | str | None]:
        """Give plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What came of a task.

    Attributes:
        task: the task.
        exit_code: 0 for success; 124 when a time limit ended it; 128 + n when signal n did.
        stdout: first and last part of what it printed, cleaned for display.
        stderr: the same of its standard error.
        duration_seconds: wall time of all its attempts, on a monotonic clock.
        artifacts_path: the directory in which it may leave files that are kept.
        error_message: why it failed or was skipped; ``None`` on success.
        status: where it ended.
        attempts: how many times it was tried; 0 when it never started.
        backend: name of the backend that ran it.
        backend_reason: why it was this one.
        worker: the process that ran it, such as ``gw0``; ``main`` without workers.
        started_at: ISO 8601 in UTC; ``None`` when it never started.
        finished_at: likewise.
        cpu_seconds: processor time of its processes, user and system, as far as they were waited for.
        max_rss_bytes: largest resident size of one of its processes, likewise.
        blocked_by: ids of the tasks that kept it from starting.
        usage: what all its attempts used of a coding agent; ``None`` without one.
        category: what kind of failure the last attempt was, one of :class:`ErrorCategory`; ``None`` on success,
            or where nobody knows.
        resets_at: before this time the same backend would fail again; ISO 8601 in UTC.
        again_at: when its next attempt is due, while it is ``paused`` or pending until then; ISO 8601 in UTC.
        branch: the task's branch, where it was kept.
        worktree: the task's worktree, where it was kept.
        commit: the commit that merged the task's work.
        notes: what else there is to know about its place, such as changes that were left out.
        verification: ``passed`` or ``failed`` where the backend said done and ``verify`` was run; ``None`` elsewhere.
        verification_output: the end of what a failed verification printed, cleaned for display.
        hint: what to do about a failure of its category; ``None`` without one.
        attempts_log: its failed attempts, but for the last attempt.
    """

    task: Task
    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""
    duration_seconds: float = 0.0
    artifacts_path: Path | None = None
    error_message: str | None = None
    status: TaskStatus = TaskStatus.COMPLETED
    attempts: int = 1
    backend: str | None = None
    backend_reason: str | None = None
    worker: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    cpu_seconds: float | None = None
    max_rss_bytes: int | None = None
    blocked_by: tuple[str, ...] = ()
    usage: Usage | None = None
    category: str | None = None
    resets_at: str | None = None
    again_at: str | None = None
    branch: str | None = None
    worktree: Path | None = None
    commit: str | None = None
    notes: tuple[str, ...] = ()
    verification: str | None = None
    verification_output: str = ""
    hint: str | None = None
    attempts_log: tuple[Attempt, ...] = ()

    @property
    def success(self) -> bool:
        """Whether the task is done: completed now, or ticked before the run."""
        return self.status is TaskStatus.COMPLETED or (self.status is TaskStatus.SKIPPED and self.task.done)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON types; :meth:`from_dict` reads them back."""
        return {"task": self.task.to_dict(), **self.outcome()}

    def outcome(self) -> dict[str, Any]:
        """Give all but the task itself as plain JSON types."""
        data: dict[str, Any] = {name: getattr(self, name) for name in OUTCOME}
        data["status"] = self.status.value
        for name in ("artifacts_path", "worktree"):
            data[name] = None if data[name] is None else str(data[name])
        data["blocked_by"] = list(self.blocked_by)
        data["notes"] = list(self.notes)
        data["attempts_log"] = [attempt.to_dict() for attempt in self.attempts_log]
        data["usage"] = None if self.usage is None else self.usage.to_dict()
        data["success"] = self.success
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskResult:
        """Read what :meth:`to_dict` gave.

        Raises:
            KeyError: ``task`` is missing.
            ValueError: the status is unknown.
        """
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        values["task"] = Task.from_dict(data["task"])
        values["status"] = TaskStatus(values.get("status", TaskStatus.COMPLETED))
        for name in ("artifacts_path", "worktree"):
            if values.get(name) is not None:
                values[name] = Path(values[name])
        for name in ("blocked_by", "notes"):
            values[name] = tuple(values.get(name, ()))
        values["attempts_log"] = tuple(Attempt(**entry) for entry in values.get("attempts_log", ()))
        if values.get("usage") is not None:
            values["usage"] = Usage(**values["usage"])
        return cls(**values)


OUTCOME = tuple(item.name for item in fields(TaskResult) if item.name != "task")
"""What a result says besides its task."""
