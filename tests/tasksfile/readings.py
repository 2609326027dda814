"""What of a reading most tests look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_moderator.tasksfile import TasksFile


def ids(found: TasksFile) -> list[str]:
    """Give the ids of the tasks, in order."""
    return [task.id for task in found.tasks]


def edges(found: TasksFile) -> dict[str, str]:
    """Give the prerequisites of each task that has some, by its id."""
    return {task.id: " ".join(task.depends_on) for task in found.tasks if task.depends_on}
