"""Choosing the backend of a task."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.model import ExecutionContext, Task

    Choose = Callable[[Task, ExecutionContext], Backend | str | None]


class NoBackend(ModeratorError):  # noqa: N818 (not a mistake of anybody: the task is skipped)
    """There is nothing to run in a task, and nobody who could work on its text."""

    def __init__(self) -> None:
        """Say what is skipped, and why."""
        super().__init__("nothing to run: no command, and no backend is configured for prose tasks")


class UnknownBackendError(ModeratorError):
    """A backend is asked for by a name that none has."""


class BackendRouter:
    """Chooses the backend of a task, by the first of these that gives one.

    1. The ``backend:`` key of the task.
    2. What ``choose`` says: the hook ``pytest_moderator_select_backend``.
    3. What the task carries: the first backend that accepts it.
    4. The default backend.

    Args:
        backends: all that there are; the first one that accepts a task gets it.
        default: name of the backend for tasks that carry nothing to run.
        choose: asked for each task without a ``backend:`` key; gives a backend, the name of one, or ``None``.
        routing: whether the choice is made task by task; else the default, if there is one, is for all of them.

    Raises:
        ModeratorError: two backends have the same name.
        UnknownBackendError: there is no backend of the default's name.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        default: str | None = None,
        choose: Choose | None = None,
        *,
        routing: bool = True,
    ) -> None:
        self._by_name: dict[str, Backend] = {}
        for backend in backends:
            other = self._by_name.setdefault(backend.name, backend)
            if other is not backend:
                raise ModeratorError(
                    f"two backends are called {backend.name!r}, {type(other).__module__}.{type(other).__qualname__} "
                    f"and {type(backend).__module__}.{type(backend).__qualname__}: rename or remove one"
                )
        self._default = None if default is None else self._named(default, "the default backend")
        self._choose = choose if routing or default is None else lambda *_: default

    @property
    def backends(self) -> tuple[Backend, ...]:
        """All backends, in the order in which they are asked."""
        return tuple(self._by_name.values())

    def select_backend(self, task: Task, context: ExecutionContext, choose: Choose | None = None) -> Backend:
        """Choose the backend of a task.

        Args:
            task: the task.
            context: its place.
            choose: asked instead of the router's own ``choose``.

        Raises:
            NoBackend: there is nothing to run, and the default backend, if there is one, needs a command.
            UnknownBackendError: the task, or ``choose``, names one that does not exist.
        """
        if task.backend is not None:
            return self._named(task.backend, f"task {task.id!r}")
        choose = choose or self._choose
        chosen = None if choose is None else choose(task, context)
        if isinstance(chosen, str):
            chosen = self._named(chosen, f"the choice for task {task.id!r}")
        if chosen is None:
            chosen = next((backend for backend in self.backends if backend.accepts(task)), self._default)
        if chosen is None or (chosen.needs_command and not task.commands and not task.call):
            raise NoBackend
        return chosen

    def problems(self, task: Task, context: ExecutionContext) -> list[Problem]:
        """Name what would keep a task from being run; that there is nothing to run in it is none."""
        try:
            return self.select_backend(task, context).validate(task)
        except NoBackend:
            return []
        except UnknownBackendError as error:
            message, _, hint = str(error).partition(": ")
            return [Problem(Severity.ERROR, "unknown-backend", message, hint, line=task.line)]

    def _named(self, name: str, who: str) -> Backend:
        """Look a backend up by its name."""
        if name in self._by_name:
            return self._by_name[name]
        nearest = difflib.get_close_matches(name, self._by_name, n=1)
        did_you_mean = f"did you mean {nearest[0]!r}? " if nearest else ""
        known = ", ".join(sorted(self._by_name)) or "none"
        raise UnknownBackendError(f"{who} asks for unknown backend {name!r}: {did_you_mean}there is {known}")
