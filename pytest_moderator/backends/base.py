"""What a backend is, and what it is given.

What is only needed where a task is tried has files of its own, and is imported on first use.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.late import late_names

if TYPE_CHECKING:
    from pytest_moderator.backends.context import AttemptContext
    from pytest_moderator.backends.spec import ByteFilter, Launcher, ProcessOutcome, ProcessSpec
    from pytest_moderator.model import Problem, Task, TaskResult

_HOMES = {
    "AttemptContext": "context",
    "ByteFilter": "spec",
    "Launcher": "spec",
    "ProcessOutcome": "spec",
    "ProcessSpec": "spec",
}

__all__ = [
    "AttemptContext",
    "Backend",
    "ByteFilter",
    "Health",
    "Launcher",
    "ProcessOutcome",
    "ProcessSpec",
]


__getattr__ = late_names(__name__, __package__, _HOMES)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a backend can be used.

    Attributes:
        ok: whether it can.
        version: of the program that it uses; ``None`` where it uses none, or where that is not known.
        detail: what was found, or what is wrong, in a few words.
        hint: what to do about it; empty where nothing is.
    """

    ok: bool = True
    version: str | None = None
    detail: str = ""
    hint: str = ""


class Backend(ABC):
    """Does one kind of task. A new one is a subclass, handed over in ``pytest_moderator_backends``.

    Attributes:
        name: what ``backend:`` calls it; lower-case letters, digits and ``-``.
        needs_command: whether it can do nothing with a task that is only text, so that such a task is skipped
            where this is the default backend.
        has_costs: whether what it does costs money or tokens, so that nothing new starts when a budget is spent.
        elsewhere: whether its tasks are done elsewhere and answered later
            (:class:`~pytest_moderator.backends.elsewhere.ElsewhereBackend`): they have no place of their own, and are
            not tried again unasked.
        goes_on: whether another try of a task goes on with what the one before has left, as one who remembers it
            does. On a branch its files stay then, unless ``retry_from`` says something else.
    """

    name: str
    needs_command: bool = False
    has_costs: bool = False
    elsewhere: bool = False
    goes_on: bool = False

    @abstractmethod
    def accepts(self, task: Task) -> bool:
        """Whether the task carries what this backend runs, so that it needs no ``backend:`` key."""

    @abstractmethod
    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """Try the task once.

        A failure is a result with a status, not an exception; what is raised all the same is recorded as
        a failure with its traceback.
        """

    def validate(self, task: Task) -> list[Problem]:
        """Name what would keep the task from working, before anything runs."""
        del task
        return []

    def estimate(self, task: Task) -> float | None:
        """Say how many seconds the task will take; ``None`` where that is not known."""
        del task
        return None

    def health(self) -> Health:
        """Say whether this backend can be used at all.

        Asked before a run in which tasks need it, again when it has failed, each time in a thread of its own, and by
        ``moderator doctor``. It has a few seconds, so a process that it starts should have a time limit. What it
        raises counts as an answer: it cannot be used.
        """
        return Health()

    def close(self) -> None:
        """Let go of what was opened; called once at the end of the session."""
        return
