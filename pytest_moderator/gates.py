"""What a task may have to wait for besides other tasks: somebody's approval, a limit, a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import Task


@dataclass(frozen=True, slots=True)
class Wait:
    """A task does not start yet; it holds no worker meanwhile.

    Attributes:
        reason: what it waits for.
        until: when to ask again, on the monotonic clock; ``None`` for when something is said to have changed.
    """

    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Shut:
    """A task does not start in this run.

    Attributes:
        reason: why it is skipped.
        open: whether it could start when the run goes on, so that the run is not complete.
    """

    reason: str
    open: bool = False


class Gate(Protocol):
    """Is asked before a task starts, each time anew."""

    def ask(self, file: FileHandout, task: Task) -> Wait | Shut | None:
        """Say why a task does not start; ``None`` when it may."""
        ...
