"""Asking a run that is alive to do something, and waiting until it has taken notice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.journal.requests import RequestKind, ask, was_taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_moderator.journal import RunSummary, TaskRow

PATIENCE = 10.0
"""Seconds in which a run must have taken notice; it looks twenty times a second."""

_ANSWERS = frozenset({RequestKind.APPROVE, RequestKind.REJECT, RequestKind.DONE, RequestKind.FAIL})
_PAUSE = 0.02  # seconds between two looks


def ask_run(
    state_dir: Path,
    run: RunSummary,
    kind: RequestKind,
    *,
    tasks: Iterable[TaskRow] = (),
    payload: Mapping[str, object] | None = None,
) -> None:
    """Ask a run to do something, and wait until it has taken notice.

    Args:
        state_dir: where its journal is.
        run: the run.
        kind: what to do.
        tasks: the tasks that it concerns; the whole run without them.
        payload: more about it.

    Raises:
        ModeratorError: it could not be asked, or nobody has taken notice.
    """
    _check_is_no_task(run, kind)
    numbers = [
        ask(state_dir, run.id, kind, file=task.file, task_id=task.task_id, payload=payload or {})
        for task in tasks
    ] or [ask(state_dir, run.id, kind, payload=payload or {})]
    end = time.monotonic() + PATIENCE
    while not was_taken(state_dir, numbers[-1]):  # they are taken in their order
        if time.monotonic() > end:
            raise ModeratorError(
                f"run {run.id} was asked to {kind.value} and has not taken notice for {PATIENCE:g} s: its process "
                f"{run.holder.pid} on {run.holder.host} is stopped, very busy, or has just ended. It does what "
                "it was asked as soon as it looks; moderator status shows how it stands"
            )
        time.sleep(_PAUSE)


def leave_for(
    state_dir: Path,
    run: RunSummary,
    kind: RequestKind,
    tasks: Iterable[TaskRow],
    payload: Mapping[str, object],
) -> None:
    """Leave a request for a run that is not alive; it finds it when it goes on.

    Args:
        state_dir: where its journal is.
        run: the run.
        kind: what to do.
        tasks: the tasks that it concerns.
        payload: more about it.

    Raises:
        ModeratorError: it could not be written.
    """
    _check_is_no_task(run, kind)
    for task in tasks:
        ask(state_dir, run.id, kind, file=task.file, task_id=task.task_id, payload=payload)


def _check_is_no_task(run: RunSummary, kind: RequestKind) -> None:
    """Refuse answers from tasks of the run that is asked: an agent must not agree to what it wants itself.

    Raises:
        ModeratorError: this is the process of a task.
    """
    if kind in _ANSWERS:
        from pytest_moderator.attempt.processes import is_of_run  # noqa: PLC0415 (only for those who answer)

        if is_of_run(run.id):
            raise ModeratorError(
                f"this is a task of run {run.id}, which cannot say {kind.value!r}: that is for somebody outside of it"
            )


def check_is_alive(run: RunSummary, what: str) -> None:
    """Refuse a run that nobody is at work on.

    Args:
        run: the run.
        what: what it was to do, such as ``pause``.

    Raises:
        ModeratorError: nobody is.
    """
    if run.alive:
        return
    stands = f"run {run.id} of {', '.join(run.files)} is not alive ({run.shown_status.value})"
    next_step = "moderator runs lists the runs"
    if run.shown_status.value != "completed":
        next_step = f"moderator resume --run {run.id} goes on with it"
    raise ModeratorError(f"{stands}: there is nothing to {what}; {next_step}")
