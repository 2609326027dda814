"""Places for tasks to work in, so that they do not get in each other's way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.names import EmptyTaskIdError, branch_name, sanitise_id
from pytest_moderator.model import IsolationLevel

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model import ExecutionContext

__all__ = [
    "EmptyTaskIdError",
    "branch_name",
    "create_isolated_context",
    "sanitise_id",
]

_NO_BRANCH = "moderator"


def create_isolated_context(base: ExecutionContext, task_id: str, level: IsolationLevel) -> ExecutionContext:
    """Name the place of one task below a base context, and make its directories. Git is not touched.

    ===========  ==============================  ==================================  ===========================
    level        working_directory               git_branch                          state_dir
    ===========  ==============================  ==================================  ===========================
    ``none``     the base context itself, the same object
    ``directory``  ``{base}/tasks/{id}``         of the base                         of the base
    ``branch``   of the base                     ``{base_branch}-task-{id}``         of the base
    ``full``     ``{base}/tasks/{id}``           ``{base_branch}-task-{id}``         ``{state_dir}/tasks/{id}``
    ===========  ==============================  ==================================  ===========================

    The id goes through :func:`sanitise_id` first, and is in lower case in a branch name. A base context
    without a branch counts as one on ``moderator``.

    Args:
        base: where the run works.
        task_id: the task's id, any text that is not blank.
        level: how much of a place of its own the task gets.

    Returns:
        The base itself for ``none``, else a new context of the same class.

    Raises:
        EmptyTaskIdError: the id is blank.
        ModeratorError: the directory would lie outside its base, because of a symbolic link.
        OSError: a directory cannot be made.
        ValueError: there is no such level.
    """
    level = IsolationLevel(level)
    name = sanitise_id(task_id)
    if level is IsolationLevel.NONE:
        return base
    context = replace(base, isolation_level=level)
    if level in (IsolationLevel.DIRECTORY, IsolationLevel.FULL):
        context = replace(context, working_directory=_directory_below(base.working_directory, name))
    if level in (IsolationLevel.BRANCH, IsolationLevel.FULL):
        context = replace(context, git_branch=branch_name(base.git_branch or _NO_BRANCH, task_id))
    if level is IsolationLevel.FULL:
        context = replace(context, state_dir=_directory_below(base.state_dir, name))
    return context


def _directory_below(base: Path, name: str) -> Path:
    """Make ``{base}/tasks/{name}``, and refuse it where a symbolic link leads it out of its base."""
    tasks = base / "tasks"
    tasks.mkdir(parents=True, exist_ok=True)
    directory = tasks / name
    if not directory.resolve().is_relative_to(base.resolve()):
        raise ModeratorError(
            f"{str(directory)!r} leads to {str(directory.resolve())!r}, outside of {str(base)!r}: "
            "remove the symbolic link"
        )
    directory.mkdir(exist_ok=True)
    return directory
