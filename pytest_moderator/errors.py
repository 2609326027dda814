"""The exceptions of this package. Whatever is raised on purpose is a :class:`ModeratorError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_moderator.model import Problem, TaskResult


class ModeratorError(Exception):
    """Something that the user can put right: the message says what is wrong, where, and what to do."""


class TasksFileError(ModeratorError):
    """A tasks file that cannot be run.

    Attributes:
        problems: all problems that were found, errors and warnings, in the order of the file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Make the message from the problems, one a line."""
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class AggregateExecutionError(ModeratorError):
    """Every task of a call to ``execute_tasks`` failed.

    Attributes:
        results: the results, in the order in which the tasks were given.
    """

    def __init__(self, results: Sequence[TaskResult]) -> None:
        """Make the message from the first failures."""
        self.results = tuple(results)
        shown = "; ".join(
            f"{r.task.id}: {r.error_message or f'exit code {r.exit_code}'}" for r in results[:5]
        )
        more = f"; and {len(results) - 5} more" if len(results) > 5 else ""  # noqa: PLR2004 (a short message)
        super().__init__(f"all {len(results)} tasks failed: {shown}{more}")


class TaskFailedError(ModeratorError):
    """A task failed.

    Attributes:
        result: what came of it.
    """

    def __init__(self, result: TaskResult) -> None:
        """Make the message from the result."""
        self.result = result
        super().__init__(
            f"{result.task.id} failed: {result.error_message or f'exit code {result.exit_code}'}"
        )
