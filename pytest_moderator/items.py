"""Tasks as pytest items."""

from __future__ import annotations

import re
from collections.abc import Mapping
from sys import intern
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pytest

from pytest_moderator.cleaning import clean
from pytest_moderator.errors import TaskFailedError
from pytest_moderator.model import TaskResult, TaskStatus
from pytest_moderator.runner import RUNNER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import Task

RESULT = pytest.StashKey[TaskResult]()
_WORD = re.compile(r"[\w.\-]+")


@runtime_checkable
class TaskEnvironment(Protocol):
    """What a fixture's value may implement to add to the environment of tasks."""

    def task_environment(self) -> Mapping[str, str]:
        """Give environment variables."""
        ...


class TasksModule(pytest.Module):
    """A tasks file as a collector. It is a ``Module`` so that fixtures of every scope work in it."""

    obj = None
    file: FileHandout
    _first_with: dict[tuple[str, ...], TaskItem]

    @classmethod
    def of(cls, parent: pytest.Collector, file: FileHandout) -> TasksModule:
        """Make the collector of a file."""
        module: TasksModule = cls.from_parent(parent, path=file.path, nodeid=file.nodeid)
        module.file, module._first_with = file, {}
        return module

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Give one item a task."""
        return [self.item_of(task) for task in self.file.tasks]

    def item_of(self, task: Task) -> TaskItem:
        """Make the item of a task; tasks that name the same fixtures share what pytest finds out about these."""
        first = self._first_with.get(task.fixtures)
        item = TaskItem.of(self, task, fixtureinfo=first and first._fixtureinfo)
        item.fixturenames = [*item.fixturenames]  # plugins add some to this item, or to that
        self._first_with.setdefault(task.fixtures, item)
        return item


class TaskItem(pytest.Function):
    """One task as an item."""

    parent: TasksModule
    task: Task
    given: Mapping[str, str] = MappingProxyType({})  # by its fixtures, to its environment

    @classmethod
    def of(cls, parent: TasksModule, task: Task, **known: Any) -> TaskItem:
        """Make the item of a task.

        Args:
            parent: its file.
            task: the task.
            known: what pytest need not find out.
        """

        def run_task() -> None:
            pass  # stands for the task where pytest wants a function

        run_task.__doc__ = clean(task.title)  # `--co -v` shows it
        function = pytest.mark.usefixtures(*task.fixtures)(run_task) if task.fixtures else run_task
        item: TaskItem = cls.from_parent(parent, name=task.id, callobj=function, **known)
        item.task = task
        item.add_marker(_task_mark(task))
        if task.depends_on:
            item.add_marker(pytest.mark.depends_on(*task.depends_on))
        words = (task.id, task.title, task.phase or "", task.story or "")
        item.extra_keyword_matches.update(map(intern, _WORD.findall(" ".join(words))))
        return item

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the task's line."""
        return self.path, self.task.line - 1, clean(f"{self.task.id} {self.task.title}")

    def runtest(self) -> None:
        """Run the task; raise when it has not succeeded, unless it is tried again later."""
        environment = environment_of(self.funcargs)
        if environment or self.given:
            self.given = environment
        result = self.config.stash[RUNNER].run(self.parent.file, self.task, environment)
        self.stash[RESULT] = result
        if result.status is TaskStatus.SKIPPED:
            pytest.skip(result.error_message or "")
        if not result.success and result.status is not TaskStatus.PAUSED:
            raise TaskFailedError(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Say why the task failed, without a traceback of ours."""
        if isinstance(excinfo.value, TaskFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def environment_of(values: Mapping[str, object]) -> dict[str, str]:
    """Gather environment variables from the values of fixtures.

    Args:
        values: what the fixtures gave, by their names: a mapping of strings, or a :class:`TaskEnvironment`;
            anything else adds nothing.
    """
    environment: dict[str, str] = {}
    for value in values.values():
        mapping = value.task_environment() if isinstance(value, TaskEnvironment) else value
        if isinstance(mapping, Mapping) and all(
            isinstance(entry, str) for pair in mapping.items() for entry in pair
        ):
            environment.update(mapping)
    return environment


def _task_mark(task: Task) -> pytest.MarkDecorator:
    return pytest.mark.task(
        id=task.id,
        phase=task.phase,
        story=task.story,
        backend=task.backend,
        parallel=task.parallel,
        optional=task.optional,
        critical=task.critical,
    )
