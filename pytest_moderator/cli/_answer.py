"""Saying something about a task that waits for it: to a run that is alive, or for when it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._ask import ask_run, leave_for
from pytest_moderator.cli._console import one_line
from pytest_moderator.cli._journal import find_task, names_of, open_journal, run_to_steer
from pytest_moderator.errors import ModeratorError
from pytest_moderator.journal import RequestKind
from pytest_moderator.model.task import TaskStatus

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from pytest_moderator.journal import RunSummary, TaskRow
    from pytest_moderator.journal.glance import Glance

    Check = Callable[[Glance, RunSummary, TaskRow], str]

_ASKS = "moderator done "


def approve(arguments: argparse.Namespace) -> int:
    """Do ``moderator approve``."""
    return _answer(arguments, RequestKind.APPROVE, {}, _why_no_approval)


def reject(arguments: argparse.Namespace) -> int:
    """Do ``moderator reject``."""
    return _answer(arguments, RequestKind.REJECT, {"why": arguments.why}, _why_no_approval)


def done(arguments: argparse.Namespace) -> int:
    """Do ``moderator done``."""
    return _answer(arguments, RequestKind.DONE, {}, _why_not_elsewhere)


def fail(arguments: argparse.Namespace) -> int:
    """Do ``moderator fail``."""
    return _answer(arguments, RequestKind.FAIL, {"why": arguments.why}, _why_not_elsewhere)


def _answer(
    arguments: argparse.Namespace, kind: RequestKind, payload: Mapping[str, object], why_not: Check
) -> int:
    with open_journal(arguments) as journal:
        run = run_to_steer(journal, arguments.run_id)
        rows = [find_task(journal, run, name) for name in dict.fromkeys(arguments.ids)]
        if errors := [reason for row in rows if (reason := why_not(journal, run, row))]:
            raise ModeratorError("\n".join(errors))
        named = f"{kind.value} {names_of(run, rows)}"
        if run.alive:
            ask_run(journal.state_dir, run, kind, tasks=rows, payload=payload)
            print(one_line(f"run {run.id}: {named}"))
        else:
            leave_for(journal.state_dir, run, kind, rows, payload)
            print(one_line(f"run {run.id} is told when it goes on: {named}; moderator resume --exec"))
    return 0


def _why_no_approval(journal: Glance, run: RunSummary, row: TaskRow) -> str:
    """Say why nobody is to approve a task any more; empty when somebody may."""
    del journal, run
    if row.status in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.RUNNING):
        return f"{row.task_id!r} has started already ({row.status.value}): too late for that"
    return ""


def _why_not_elsewhere(journal: Glance, run: RunSummary, row: TaskRow) -> str:
    """Say why nobody can say of a task that it is done, or has failed; empty when somebody can."""
    waits = _ASKS in (row.reason or "")  # also one that had another backend when the run began
    if not waits and not journal.is_done_elsewhere(row, run.id):
        return f"{row.task_id!r} is not done by a person, nor elsewhere: the run does it, and sees what comes of it"
    if row.status is TaskStatus.COMPLETED:
        return f"{row.task_id!r} has completed already"
    if row.status is TaskStatus.FAILED and run.alive:
        return f"{row.task_id!r} has failed already ({row.reason}): moderator retry has it wait for an answer again"
    return ""
