"""What keeps the secrets of a task out of all that is told of it."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_moderator.attempt.masking import Masker
    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Task, TaskResult

    Tell = Callable[[Mapping[str, object]], None]

# Words and times of our own making, which have to stay what they are.
_OURS = frozenset(
    {
        "again_at",
        "backend",
        "branch",
        "category",
        "commit",
        "finished_at",
        "resets_at",
        "started_at",
        "status",
        "worker",
    }
    | {"verification"}
)


def masker_of(names: Iterable[str], *environments: Mapping[str, str]) -> Masker | None:
    """Make what masks the values of some variables.

    Args:
        names: names of environment variables.
        environments: where they may have a value besides the environment of this process.

    Returns:
        The masker; ``None`` where there is no name.
    """
    names = tuple(names)
    if not names:
        return None
    found = (environment.get(name, "") for environment in (os.environ, *environments) for name in names)
    return _make_masker(tuple(sorted(set(found))))


@lru_cache(maxsize=8)
def _make_masker(values: tuple[str, ...]) -> Masker:
    """Make a masker, which all tasks with the same secrets share."""
    from pytest_moderator.attempt.masking import Masker  # noqa: PLC0415 (few runs have secrets)

    return Masker(values)


def masked_arguments(names: Iterable[str], arguments: Iterable[object]) -> list[str]:
    """Give the arguments that a program was started with, without the values of some variables."""
    masker = masker_of(names)
    texts = map(str, arguments)
    return list(texts if masker is None else map(masker.mask, texts))


def with_masker(
    task: Task, context: AttemptContext, fixtures: Mapping[str, str] | None = None
) -> AttemptContext:
    """Give a task's place what masks the secrets of its run, unless it has it already or there are none.

    Those that it is not given are masked as well: it may have found them somewhere else.

    Args:
        task: the task.
        context: its place, which names the secrets of others. Who wants to know what happens there hears of none.
        fixtures: what its fixtures add to its environment, which may replace a secret.
    """
    if context.masker is not None:
        return context
    masker = masker_of((*task.secrets, *context.withheld), fixtures or {}, task.env)
    if masker is None:
        return context
    progress = context.progress and _masked(context.progress, masker)
    return replace(context, masker=masker, progress=progress)


def masked_result(result: TaskResult, masker: Masker | None) -> TaskResult:
    """Give a result without secrets in what it says."""
    if masker is None:
        return result
    changed: dict[str, Any] = {"notes": tuple(map(masker.mask, result.notes))}
    for item in fields(result):
        value = getattr(result, item.name)
        if isinstance(value, str) and item.name not in _OURS:
            changed[item.name] = masker.mask(value)
    usage = result.usage
    if usage is not None and usage.session_id is not None:
        changed["usage"] = replace(usage, session_id=masker.mask(usage.session_id))
    return replace(result, **changed)


def _masked(tell: Tell, masker: Masker) -> Tell:
    def tell_masked(payload: Mapping[str, object]) -> None:
        tell({masker.mask(key): masker.mask_all(value) for key, value in payload.items()})

    return tell_masked
