"""What is wrong with the names of secrets, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_moderator.model import Task
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.settings import Settings

_TELLING = 8  # characters; fewer may stand in a text by chance


def problems_of_secrets(
    plan: ExecutionPlan, settings: Settings, environ: Mapping[str, str]
) -> Iterator[Problem]:
    """Name secrets that are not there, that stand in a file, or that are too short to be masked.

    Args:
        plan: the tasks; those that are done, and those that only group others, need no secret.
        settings: which secrets all tasks have, and which variables files set.
        environ: the environment of the run.
    """
    tasks = [task for task in plan.tasks if not task.done and task.id not in plan.groups]
    if not tasks:
        return
    origin = settings.origin("secrets")
    for name in settings.secrets:
        values = {**settings.env, **tasks[0].env}
        for severity, code, message, hint in _problems(name, values, environ):
            yield Problem(severity, code, f"{origin.key}: {message}", hint, origin.path, origin.line)
    named: dict[str, list[Task]] = {}
    for task in tasks:
        for name in task.secrets:
            named.setdefault(name, []).append(task)
    for name in named.keys() - set(settings.secrets):
        first, *others = named[name]
        ids = f"{first.id} and {len(others)} more" if others else first.id
        values = {**settings.env, **first.env}
        for severity, code, message, hint in _problems(name, values, environ):
            yield Problem(severity, code, f"secrets of {ids}: {message}", hint, plan.file, first.line)
    for name in sorted({*named, *settings.secrets}):
        yield from _told(name, environ.get(name, "").strip(), plan)


def _told(name: str, value: str, plan: ExecutionPlan) -> Iterator[Problem]:
    """Name the first task whose text has the value in it, which is shown wherever the task is."""
    task = next((task for task in plan.tasks if value in f"{task.title}\n{task.description}"), None)
    if task is not None and len(value) >= _TELLING:
        message = f"the value of {name} stands in the text of {task.id}, for everybody to read"
        hint = f"take it out there, use ${name} in commands, and choose a new one where others could read the file"
        yield Problem(Severity.WARNING, "secret-in-file", message, hint, plan.file, task.line)


def _problems(
    name: str, written: Mapping[str, str], environ: Mapping[str, str]
) -> Iterator[tuple[Severity, str, str, str]]:
    from pytest_moderator.attempt.written_forms import SHORTEST  # noqa: PLC0415 (few runs have secrets)

    value = environ.get(name, "").strip()
    if name in written:
        message = f"the value of {name} stands in 'env', for everybody to read"
        hint = "take it out there, and set it in the environment that pytest is started in"
        yield Severity.ERROR, "secret-in-file", message, hint
    elif not value:
        message = f"{name} is {'empty' if name in environ else 'not set'} in the environment"
        hint = f"set it before pytest is started (export {name}=…), or take it out of 'secrets'"
        yield Severity.ERROR, "missing-secret", message, hint
    elif len(value) < SHORTEST:
        message = f"the value of {name} has fewer than {SHORTEST} characters, so it is not masked"
        yield Severity.WARNING, "short-secret", message, "use a longer one"
