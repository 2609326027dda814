"""Where a task works."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class IsolationLevel(StrEnum):
    """How much of a place of its own a task gets."""

    NONE = "none"
    DIRECTORY = "directory"
    BRANCH = "branch"
    FULL = "full"

    @property
    def has_branch(self) -> bool:
        """Whether a task gets a branch and a worktree of its own."""
        return self in (IsolationLevel.BRANCH, IsolationLevel.FULL)


@dataclass(frozen=True)
class ExecutionContext:
    """The place in which tasks are executed.

    Attributes:
        project_id: names the project in records and hooks.
        working_directory: current directory of the task's process.
        git_branch: the branch that the task works on; ``None`` where no branch is given to it.
        state_dir: where records are kept.
        isolation_level: how the place was made.
    """

    project_id: str
    working_directory: Path
    git_branch: str | None
    state_dir: Path
    isolation_level: IsolationLevel = IsolationLevel.NONE

    def create_isolated_context(self, task_id: str, level: IsolationLevel) -> ExecutionContext:
        """Name the place of one task below this one; see :func:`pytest_moderator.create_isolated_context`."""
        from pytest_moderator.isolation import create_isolated_context  # noqa: PLC0415 (the model imports no room)

        return create_isolated_context(self, task_id, level)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON types; :meth:`from_dict` reads them back."""
        return {
            "project_id": self.project_id,
            "working_directory": str(self.working_directory),
            "git_branch": self.git_branch,
            "state_dir": str(self.state_dir),
            "isolation_level": self.isolation_level.value,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ExecutionContext:
        """Read what :meth:`to_dict` gave.

        Raises:
            KeyError: a field is missing.
            ValueError: the isolation level is unknown.
        """
        return ExecutionContext(
            project_id=data["project_id"],
            working_directory=Path(data["working_directory"]),
            git_branch=data["git_branch"],
            state_dir=Path(data["state_dir"]),
            isolation_level=IsolationLevel(data["isolation_level"]),
        )
