"""Choosing the backend of a task, and saying why."""

from __future__ import annotations

import difflib
import traceback
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.model import ExecutionContext, Rule, Task

    Choose = Callable[[Task, ExecutionContext], Backend | str | None]


class NoBackend(ModeratorError):  # noqa: N818 (not a mistake of anybody: the task is skipped)
    """There is nothing to run in a task, and nobody who could work on its text."""

    def __init__(self, why: str = "no command, and no backend is configured for prose tasks") -> None:
        """Say what is skipped, and why."""
        super().__init__(f"nothing to run: {why}")


class UnknownBackendError(ModeratorError):
    """A backend is asked for by a name that none has."""


class BrokenBackendError(ModeratorError):
    """Somebody's code has raised something where it was only to say what it thinks of a task."""

    def __init__(self, who: str, task: Task, error: Exception) -> None:
        """Say who has raised what, and about which task."""
        what = traceback.format_exception_only(error)[-1].strip()
        super().__init__(f"{who} has raised {what} when it was asked about {task.id}: repair it")


class UnavailableBackendError(ModeratorError):
    """The backend of a task cannot be used now, and none takes its place.

    Attributes:
        backend: the name of the backend.
    """

    def __init__(self, backend: str, why: str) -> None:
        """Make the message from both."""
        self.backend = backend
        super().__init__(f"backend {backend!r} cannot be used: {why}")


class Choice(NamedTuple):
    """The backend of a task.

    Attributes:
        backend: the backend.
        reason: why it is this one, such as ``rule 1 (moderator.yaml:4): testing: 'unit tests' in the title``.
        instead_of: names of the backends that could not be used, and so were passed over.
    """

    backend: Backend
    reason: str
    instead_of: tuple[str, ...] = ()


class BackendRouter:
    """Chooses the backend of a task, by the first of these that gives one.

    1. The ``backend:`` key of the task.
    2. What ``choose`` says: the hook ``pytest_moderator_select_backend``.
    3. What the task carries: the first backend that accepts it.
    4. The first rule that holds for it.
    5. The default backend.

    If that one cannot be used now, the first of its fallbacks that can, and that can do the task, takes its place.

    Args:
        backends: all that there are; the first one that accepts a task gets it.
        default: name of the backend for tasks that carry nothing to run.
        choose: asked for each task without a ``backend:`` key; gives a backend, the name of one, or ``None``.
        routing: whether the choice is made task by task; else the default, if there is one, is for all of them.
        rules: asked in order for tasks that carry nothing to run.
        fallbacks: by name of backend, the names of those that take its place; a rule may name its own.
        unavailable: by name of backend, why it cannot be used now.

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
        rules: Sequence[Rule] = (),
        fallbacks: Mapping[str, Sequence[str]] = MappingProxyType({}),
        unavailable: Mapping[str, str] = MappingProxyType({}),
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
        self._choose = choose
        self._routing = routing
        self._rules = tuple(rules)
        self._fallbacks = fallbacks
        self.unavailable = unavailable

    @property
    def backends(self) -> tuple[Backend, ...]:
        """All backends, in the order in which they are asked."""
        return tuple(self._by_name.values())

    def without(self, unavailable: Mapping[str, str]) -> BackendRouter:
        """Make a router that chooses alike, but passes these backends over as well.

        Args:
            unavailable: by name of backend, why it cannot be used now.
        """
        default = None if self._default is None else self._default.name
        return BackendRouter(
            self.backends,
            default,
            self._choose,
            routing=self._routing,
            rules=self._rules,
            fallbacks=self._fallbacks,
            unavailable={**self.unavailable, **unavailable},
        )

    def select_backend(self, task: Task, context: ExecutionContext) -> Backend:
        """Choose the backend of a task.

        Args:
            task: the task.
            context: its place.

        Raises:
            NoBackend: there is nothing to run, and the backend that gets it, if there is one, needs a command.
            UnknownBackendError: the task, ``choose``, or a rule names one that does not exist.
            UnavailableBackendError: the one that gets it, and all of its fallbacks, cannot be used now.
        """
        return self.explain(task, context).backend

    def explain(self, task: Task, context: ExecutionContext) -> Choice:
        """Choose the backend of a task, and say why it is this one.

        Args:
            task: the task.
            context: its place.

        Raises:
            ModeratorError: as :meth:`select_backend`.
        """
        backend, reason, fallbacks = self._wanted(task, context)
        if task.backend is None and _lacks_command(backend, task):
            raise NoBackend(f"no command, and backend {backend.name!r} needs one ({reason})")
        if backend.name not in self.unavailable:
            return Choice(backend, reason)
        passed_over = [backend.name]
        for name in self._fallbacks.get(backend.name, ()) if fallbacks is None else fallbacks:
            other = self._named(name, f"the fallback of {backend.name!r}")
            if name in self.unavailable:
                passed_over.append(name)
            elif not _lacks_command(other, task):
                why = "; ".join(f"{name!r} cannot be used: {self.unavailable[name]}" for name in passed_over)
                return Choice(other, f"{reason}; {why}", tuple(passed_over))
        raise UnavailableBackendError(backend.name, self.unavailable[backend.name])

    def named(self, name: str) -> Backend:
        """Give the backend of a name.

        Raises:
            UnknownBackendError: there is none.
        """
        return self._named(name, "the run")

    def problems(self, task: Task, context: ExecutionContext) -> list[Problem]:
        """Name what would keep a task from being run; that there is nothing to run in it is none."""
        try:
            return validated(self.select_backend(task, context), task)
        except (NoBackend, UnavailableBackendError):
            return []
        except UnknownBackendError as error:
            message, _, hint = str(error).partition(": ")
            return [Problem(Severity.ERROR, "unknown-backend", message, hint, line=task.line)]
        except BrokenBackendError as error:
            return [_broken(error, task)]

    def _wanted(self, task: Task, context: ExecutionContext) -> tuple[Backend, str, Sequence[str] | None]:
        """Give the backend that is to do a task, why, and the fallbacks that are for this task alone."""
        if task.backend is not None:
            return self._named(task.backend, f"task {task.id!r}"), "its 'backend:' key", None
        if not self._routing and self._default is not None:
            return self._by_default(task, "the default backend: routing is off")
        chosen = self._ask(task, context)
        if isinstance(chosen, str):
            chosen = self._named(chosen, f"the choice for task {task.id!r}")
        if chosen is not None:
            return chosen, "chosen by the hook pytest_moderator_select_backend", None
        for backend in self.backends:
            if _accepts(backend, task):
                return backend, _what_it_carries(task), None
        return self._by_rule(task) or self._by_default(task, "the default backend")

    def _ask(self, task: Task, context: ExecutionContext) -> str | Backend | None:
        if self._choose is None:
            return None
        try:
            return self._choose(task, context)
        except Exception as error:
            raise BrokenBackendError("the hook pytest_moderator_select_backend", task, error) from error

    def _by_rule(self, task: Task) -> tuple[Backend, str, Sequence[str] | None] | None:
        if not self._rules or not self._routing:
            return None
        from pytest_moderator.backends.rules import why  # noqa: PLC0415 (most projects have no rules)

        for rule in self._rules:
            if (reason := why(rule, task)) is not None:
                place = f" ({rule.path}:{rule.line})" if rule.line else ""
                name = f"rule {rule.number}{place}"
                return self._named(rule.backend, name), f"{name}: {reason}", rule.fallback or None
        return None

    def _by_default(self, task: Task, reason: str) -> tuple[Backend, str, None]:
        if self._default is None or _lacks_command(self._default, task):
            raise NoBackend
        return self._default, reason, None

    def _named(self, name: str, who: str) -> Backend:
        """Look a backend up by its name."""
        if name in self._by_name:
            return self._by_name[name]
        raise UnknownBackendError(
            f"{who} asks for unknown backend {name!r}: {did_you_mean(name, self._by_name)}"
        )


def validated(backend: Backend, task: Task) -> list[Problem]:
    """Ask a backend what would keep a task from working; if it raises something, that is the answer."""
    try:
        return backend.validate(task)
    except Exception as error:  # noqa: BLE001 (a stranger's code)
        return [_broken(BrokenBackendError(f"validate() of backend {backend.name!r}", task, error), task)]


def _broken(error: BrokenBackendError, task: Task) -> Problem:
    message, _, hint = str(error).rpartition(": ")
    return Problem(Severity.ERROR, "broken-backend", message, hint, line=task.line)


def _accepts(backend: Backend, task: Task) -> bool:
    try:
        return backend.accepts(task)
    except Exception as error:
        raise BrokenBackendError(f"accepts() of backend {backend.name!r}", task, error) from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Hint at the name that was meant, and list those that there are."""
    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=1)
    return (f"did you mean {nearest[0]!r}? " if nearest else "") + f"there is {', '.join(names) or 'none'}"


def _lacks_command(backend: Backend, task: Task) -> bool:
    return backend.needs_command and not task.commands and not task.call


def _what_it_carries(task: Task) -> str:
    if task.call:
        return "what it carries: a 'call:' key"
    if task.commands:
        command = task.commands[0]
        return f"what it carries: {command.language} at line {command.line}"
    return "what it carries"
