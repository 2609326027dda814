"""Which backends a plan needs, whether they can be used, and what becomes of tasks where one cannot."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.backends.routing import UnavailableBackendError
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.backends.health import HealthChecks
    from pytest_moderator.handout import Handout
    from pytest_moderator.model import Task
    from pytest_moderator.prepare import Prepared


def pass_over_unhealthy(
    prepared: Prepared, checks: HealthChecks, ids: Collection[str] | None = None
) -> Prepared:
    """Ask the backends that a plan needs how they are, and let fallbacks take the place of those that are not well.

    The fallbacks are asked too, as far as they are needed.

    Args:
        prepared: the file.
        checks: asks them.
        ids: the tasks that count; all without it. Those that are done never do.

    Returns:
        The file with a router that passes over what cannot be used, a warning for each backend that another one
        stands in for, what the backends have answered, and which are in use. :func:`refusals` says what is left
        without one.
    """
    while True:
        needed = {backend.name: backend for backend in _needed(prepared, ids)}
        healths = {**prepared.healths, **checks.of(needed.values())}
        unwell = {name: healths[name].detail for name in needed if not healths[name].ok}
        prepared = replace(prepared, healths=healths)
        if not unwell:
            warnings = tuple(_replaced(prepared, ids))
            in_use = tuple(needed.values())
            return replace(prepared, problems=(*prepared.problems, *warnings), in_use=in_use)
        prepared = replace(prepared, router=prepared.router.without(unwell), choices={})


def refusals(prepared: Prepared, ids: Collection[str] | None = None) -> list[Problem]:
    """Name the backends that cannot be used, that tasks need, and that nobody stands in for.

    Args:
        prepared: what :func:`pass_over_unhealthy` gave.
        ids: the tasks that count; all without it.
    """
    return [
        _problem(Severity.ERROR, prepared, name, f"is needed for {_some(tasks)} and cannot be used", tasks[0])
        for name, tasks in missing_backends(prepared, ids).items()
    ]


def refusals_of_run(
    handout: Handout, prepared: Mapping[str, Prepared], nodeids: Iterable[str]
) -> list[Problem]:
    """Name the backends that are missing for what was selected and is not done.

    Args:
        handout: the run.
        prepared: its files, by node id.
        nodeids: what was selected.
    """
    selected = frozenset(nodeids)
    return [
        problem
        for file in handout.files
        for problem in refusals(
            prepared[file.nodeid],
            {task.id for task in file.tasks if not task.done and f"{file.nodeid}::{task.id}" in selected},
        )
    ]


def missing_backends(prepared: Prepared, ids: Collection[str] | None = None) -> dict[str, list[Task]]:
    """Give, by name, the backends that cannot be used, with the tasks that nobody else does.

    Args:
        prepared: as for :func:`refusals`.
        ids: likewise.
    """
    missing: defaultdict[str, list[Task]] = defaultdict(list)
    if not prepared.router.unavailable:
        return missing
    for task in _to_do(prepared, ids):
        try:
            prepared.router.explain(task, prepared.context)
        except UnavailableBackendError as error:
            missing[error.backend].append(task)
        except ModeratorError:
            continue  # nothing to run, or a name that is known to be wrong
    return dict(missing)


def _replaced(prepared: Prepared, ids: Collection[str] | None) -> Iterator[Problem]:
    """Warn of backends that others stand in for."""
    by_pair: defaultdict[tuple[str, str], list[Task]] = defaultdict(list)
    for task in _to_do(prepared, ids):
        choice = prepared.choice_of(task)
        if choice is not None and choice.instead_of:
            by_pair[choice.instead_of[0], choice.backend.name].append(task)
    for (name, other), tasks in by_pair.items():
        what = f"cannot be used, so {other!r} does {_some(tasks)}"
        yield _problem(Severity.WARNING, prepared, name, what, tasks[0])


def _problem(severity: Severity, prepared: Prepared, name: str, what: str, first: Task) -> Problem:
    health = prepared.healths[name]
    message = f"backend {name!r} {what}: {health.detail}"
    return Problem(
        severity, "unhealthy-backend", message, health.hint, prepared.tasks_file.display, first.line
    )


def _needed(prepared: Prepared, ids: Collection[str] | None) -> Iterator[Backend]:
    for task in _to_do(prepared, ids):
        if choice := prepared.choice_of(task):
            yield choice.backend


def _to_do(prepared: Prepared, ids: Collection[str] | None) -> Iterable[Task]:
    tasks = prepared.plan.tasks
    groups = prepared.plan.groups
    return [
        task for task in tasks if not task.done and task.id not in groups and (ids is None or task.id in ids)
    ]


def _some(tasks: list[Task]) -> str:
    return tasks[0].id + (f" and {len(tasks) - 1} more" if len(tasks) > 1 else "")
