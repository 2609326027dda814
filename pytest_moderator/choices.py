"""Which backend does each task of a run: what was planned, and what has taken its place since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.routing import Choice
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import Task
    from pytest_moderator.prepare import Prepared

    Instead = tuple[str, str, str]


class Choices:
    """The backends of tasks. What is planned every process knows by itself, what is put in its place it must be told.

    Args:
        prepared: by node id, the files.
    """

    def __init__(self, prepared: Mapping[str, Prepared]) -> None:
        self._prepared = prepared
        self._put: dict[str, Choice] = {}
        # Tasks of two files may be equal, so that only the very object tells which of them it is.
        self._in_words: dict[int, str] = {}

    def of(self, file: FileHandout, task: Task) -> Choice | None:
        """Give the backend that a task starts with, or has started with; ``None`` where there is none for it."""
        return self._put.get(f"{file.nodeid}::{task.id}") or self.planned(file, task)

    def planned(self, file: FileHandout, task: Task) -> Choice | None:
        """Give the backend that a task had when the run began."""
        return self._prepared[file.nodeid].choice_of(task)

    def without(self, file: FileHandout, task: Task, passed_over: Mapping[str, str]) -> Choice | None:
        """Choose another backend for a task, by the same rules.

        Args:
            file: the file of the task.
            task: the task.
            passed_over: by name of backend, why it is not to be used now.

        Returns:
            The first fallback that is left; ``None`` where there is none.
        """
        prepared = self._prepared[file.nodeid]
        try:
            return prepared.router.without(passed_over).explain(task, prepared.context)
        except ModeratorError:
            return None

    def fallbacks(self, file: FileHandout, task: Task) -> tuple[str, ...]:
        """Name the backends that could take the place of the planned one, in their order."""
        names: dict[str, str] = {}
        choice = self.planned(file, task)
        while choice is not None:
            names[choice.backend.name] = "it is asked who comes after it"
            choice = self.without(file, task, names)
        return tuple(names)[1:]

    def put(self, file: FileHandout, task: Task, choice: Choice | None) -> None:
        """Have another backend do a task; the planned one with ``None``."""
        nodeid = f"{file.nodeid}::{task.id}"
        if choice is None:
            self._put.pop(nodeid, None)
            self._in_words.pop(id(task), None)
        else:
            self._put[nodeid] = choice
            self._in_words[id(task)] = f"{choice.backend.name} instead of {', '.join(choice.instead_of)}"

    def in_words(self, task: Task) -> str:
        """Say who does a task in place of whom; empty where it is the planned backend."""
        return self._in_words.get(id(task), "")

    def instead(self, nodeid: str) -> Instead | None:
        """Say what the process that runs a task must be told, in types that travel anywhere.

        Returns:
            The node id, the name of the backend, and why it is this one; ``None`` where it is the planned one.
        """
        choice = self._put.get(nodeid)
        return None if choice is None else (nodeid, choice.backend.name, choice.reason)
