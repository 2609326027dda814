"""The boxes of tasks files, ticked as tasks complete; and whether somebody changes a file while it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from pytest_moderator.handout import Handout
    from pytest_moderator.model import Problem, TaskResult
    from pytest_moderator.tasksfile.checkbox import CheckBoxes


class Ticking:
    """Looks after the files of a run. Registered in the controlling process.

    Args:
        handout: the run.
        boxes: by node id of a file, its boxes.
        marked: node ids of the files whose boxes are to be ticked.
    """

    def __init__(self, handout: Handout, boxes: Mapping[str, CheckBoxes], marked: frozenset[str]) -> None:
        self._boxes = boxes
        self._marked = marked
        # Tasks of two files may be equal, so that only the very object tells which of them it is.
        self._file_of = {
            id(task): file.nodeid for file in handout.files for task in file.tasks if not task.checkpoint
        }
        self._completed: dict[str, set[str]] = {file: set() for file in boxes}
        self._problems: dict[str, Problem] = {}
        self._changed: list[str] = []

    def pytest_moderator_task_complete(self, result: TaskResult) -> None:
        """Tick the box of a task that has completed; one on a branch has its box ticked there."""
        file = self._file_of.get(id(result.task))
        isolation = result.task.isolation
        if file is None or result.status is not TaskStatus.COMPLETED:
            return
        self._completed[file].add(result.task.id)
        if file not in self._marked or (isolation and isolation.has_branch):
            return
        problem = self._boxes[file].tick(result.task)
        if problem is not None:
            self._problems[str(problem)] = problem

    def pytest_sessionfinish(self) -> None:
        """Look whether the files are still what they were, but for ticks that say what is true."""
        self._changed = [file for file, boxes in self._boxes.items() if boxes.changed(self._completed[file])]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was not ticked, and which files have changed."""
        for text in self._problems:
            terminalreporter.write_line(text, yellow=True)
        for file in self._changed:
            line = f"{file} was changed during the run, which kept the plan that it had begun with"
            terminalreporter.write_line(line, yellow=True)
