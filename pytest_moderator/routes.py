"""From the settings to the router, with all names of backends checked before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.backends.routing import BackendRouter, did_you_mean
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.model import ExecutionContext, Rule, Task
    from pytest_moderator.settings import Settings

    Choose = Callable[[Task, ExecutionContext], Backend | str | None]


def make_router(
    backends: Sequence[Backend], settings: Settings, choose: Choose | None = None
) -> tuple[BackendRouter, tuple[Problem, ...]]:
    """Make the router of a file.

    Args:
        backends: all that there are.
        settings: the settings of the file.
        choose: asked for the backend of each task that names none.

    Returns:
        The router, without those parts of the settings that name backends which are not there, and what is wrong
        with them. Rules are not looked at where routing is off.

    Raises:
        ModeratorError: two backends have one name.
    """
    known = {backend.name for backend in backends}
    rules = settings.rules if settings.routing else ()
    router = BackendRouter(
        backends,
        settings.backend if settings.backend in known else None,
        choose,
        routing=settings.routing,
        rules=[rule for rule in rules if known.issuperset(_named_in(rule))],
        fallbacks={
            name: tuple(other for other in others if other in known)
            for name, others in settings.fallbacks.items()
        },
    )
    return router, tuple(_problems(known, settings, rules))


def _problems(known: Collection[str], settings: Settings, rules: Iterable[Rule]) -> Iterable[Problem]:
    """Name every backend that is asked for and is not there."""
    if settings.backend is not None and settings.backend not in known:
        origin = settings.origin("backend")
        who = f"{origin.key}: the default backend"
        yield _unknown(settings.backend, who, known, origin.path, origin.line)
    for rule in rules:
        for name in _named_in(rule):
            if name not in known:
                yield _unknown(name, f"rule {rule.number}", known, rule.path, rule.line)
    origin = settings.origin("fallbacks")
    for name, others in settings.fallbacks.items():
        for named in (name, *others):
            if named not in known:
                yield _unknown(named, origin.key, known, origin.path, origin.line)
    origin = settings.origin("approvals")
    for name in settings.approvals.get("backends", ()):
        if name not in known:
            yield _unknown(name, origin.key, known, origin.path, origin.line)


def _unknown(name: str, who: str, known: Iterable[str], path: str, line: int) -> Problem:
    message = f"{who} asks for unknown backend {name!r}"
    return Problem(Severity.ERROR, "unknown-backend", message, did_you_mean(name, known), path, line)


def _named_in(rule: Rule) -> tuple[str, ...]:
    return rule.backend, *rule.fallback
