"""Why a task has the backend that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.classify import classify
from pytest_moderator.cli._console import Paint, one_line
from pytest_moderator.errors import ModeratorError
from pytest_moderator.nearest import NearestIds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_moderator.model import Task
    from pytest_moderator.prepare import Prepared


def explanations(prepared: Prepared, ids: Sequence[str]) -> dict[str, Any]:
    """Give the object that ``docs/plan-schema.md`` describes.

    Args:
        prepared: the file.
        ids: the tasks; of an id that several tasks have, all are meant.

    Raises:
        ModeratorError: no task has one of the ids.
    """
    known = [task.id for task in prepared.plan.tasks]
    for wanted in ids:
        if wanted not in known:
            near = NearestIds(known).of(wanted)
            hint = f"did you mean {near!r}?" if near else f"moderator plan {prepared.plan.file} lists all"
            raise ModeratorError(f"{prepared.plan.file}: no task has the id {wanted!r}; {hint}")
    tasks = [_explain(task, prepared) for task in prepared.plan.tasks if task.id in ids]
    return {"version": 1, "file": prepared.plan.file, "tasks": tasks}


def explanations_as_text(data: dict[str, Any]) -> Iterator[str]:
    """Write what :func:`explanations` gave, line by line."""
    paint = Paint()
    for task in data["tasks"]:
        yield f"{paint(one_line(task['id']), 'cyan')} {one_line(task['title'])} ({data['file']}:{task['line']})"
        yield f"  backend: {paint(task['backend'] or 'none', 'bold')}"
        yield f"  because: {one_line(task['reason'])}"
        yield f"  kind:    {task['kind']}: {one_line(task['evidence'])}"


def _explain(task: Task, prepared: Prepared) -> dict[str, Any]:
    backend, reason = None, "it verifies its phase" if task.checkpoint else "its sub-tasks are its work"
    instead_of: tuple[str, ...] = ()
    if task.id not in prepared.plan.groups:
        try:
            choice = prepared.router.explain(task, prepared.context)
        except ModeratorError as error:
            reason = str(error)
        else:
            backend, reason, instead_of = choice.backend.name, choice.reason, choice.instead_of
    found = classify(task)
    return {
        "id": task.id,
        "title": task.title,
        "line": task.line,
        "backend": backend,
        "reason": reason,
        "instead_of": list(instead_of),
        "kind": found.kind.value,
        "evidence": found.evidence,
    }
