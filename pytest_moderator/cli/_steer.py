"""Pausing, resuming, cancelling and trying again: by asking a run that is alive, else by starting pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._ask import ask_run, check_is_alive
from pytest_moderator.cli._command import go_on
from pytest_moderator.cli._console import count, one_line
from pytest_moderator.cli._journal import find_task, names_of, open_journal, run_to_steer
from pytest_moderator.cli._snapshot import waits_for_attempt
from pytest_moderator.errors import ModeratorError
from pytest_moderator.journal import RequestKind, RunStatus
from pytest_moderator.model.task import TaskStatus

if TYPE_CHECKING:
    import argparse

    from pytest_moderator.journal import RunSummary, TaskRow
    from pytest_moderator.journal.glance import Glance

_BLOCKED = "blocked by "
_NOT_OF_THIS_RUN = ("already done", "not selected")


def pause(arguments: argparse.Namespace) -> int:
    """Do ``moderator pause``."""
    with open_journal(arguments) as journal:
        run = run_to_steer(journal, arguments.run_id)
        check_is_alive(run, "pause")
        ask_run(journal.state_dir, run, RequestKind.PAUSE, payload={"now": arguments.now})
        running = journal.with_status(run.id, TaskStatus.RUNNING)
    if not running:
        what = "nothing of it runs now"
    elif arguments.now:
        what = f"stopped where they stand: {names_of(run, running)}"
    else:
        what = f"these go on to their end: {names_of(run, running)}"
    _say(f"asked run {run.id} to pause: it starts nothing new; {what}")
    return 0


def resume(arguments: argparse.Namespace) -> int:
    """Do ``moderator resume``."""
    with open_journal(arguments) as journal:
        run = run_to_steer(journal, arguments.run_id)
        if run.alive:
            # Also one that does not seem to be paused: it may not have come to that yet.
            ask_run(journal.state_dir, run, RequestKind.RESUME)
            _say(f"asked run {run.id} to go on")
            return 0
        if run.status is RunStatus.COMPLETED:
            raise ModeratorError(
                f"run {run.id} has completed: there is nothing to go on with; pytest --moderator begins a new run, "
                f"and moderator retry runs a task of this one again"
            )
        return go_on(journal, run, "--moderator-resume", execute=arguments.exec)


def cancel(arguments: argparse.Namespace) -> int:
    """Do ``moderator cancel``."""
    with open_journal(arguments) as journal:
        run = run_to_steer(journal, arguments.run_id)
        check_is_alive(run, "cancel")
        if arguments.ids:
            return _cancel_tasks(journal, run, arguments.ids)
        ask_run(journal.state_dir, run, RequestKind.CANCEL)
        running = journal.with_status(run.id, TaskStatus.RUNNING)
    ends = f"these are ended: {names_of(run, running)}" if running else "nothing of it runs now"
    _say(f"asked run {run.id} to end: it starts nothing new; {ends}")
    return 0


def retry(arguments: argparse.Namespace) -> int:
    """Do ``moderator retry``."""
    with open_journal(arguments) as journal:
        run = run_to_steer(journal, arguments.run_id)
        row = find_task(journal, run, arguments.id)
        if not run.alive:
            return go_on(
                journal, run, f"--moderator-rerun={_unambiguous(journal, run, row)}", execute=arguments.exec
            )
        if reason := _why_not_again(row):
            raise ModeratorError(f"{arguments.id!r} cannot be tried again in run {run.id}: {reason}")
        ask_run(journal.state_dir, run, RequestKind.RETRY, tasks=[row])
    name = names_of(run, [row])
    if waits_for_attempt(row):
        _say(f"asked run {run.id} not to wait any longer before it tries {name} again")
    else:
        _say(f"asked run {run.id} to try {name} again, and then what it blocks")
    return 0


def _cancel_tasks(journal: Glance, run: RunSummary, ids: list[str]) -> int:
    rows, errors = [], []
    for name in dict.fromkeys(ids):
        try:
            row = find_task(journal, run, name)
        except ModeratorError as error:
            errors.append(str(error))
            continue
        if row.status.ended:
            errors.append(f"{name!r} has ended already ({_how(row)}): there is nothing to cancel")
        rows.append(row)
    if errors:
        raise ModeratorError("\n".join([*errors, "nothing was cancelled"]))
    ask_run(journal.state_dir, run, RequestKind.CANCEL, tasks=rows)
    running = [row for row in rows if row.status is TaskStatus.RUNNING]
    waiting = [row for row in rows if row.status is not TaskStatus.RUNNING]
    parts = [f"{names_of(run, running)} ended"] if running else []
    parts += [f"{names_of(run, waiting)} skipped"] if waiting else []
    _say(f"asked run {run.id} to cancel {count(len(rows), 'task')}: {', '.join(parts)}")
    return 0


def _why_not_again(row: TaskRow) -> str:
    """Say why a run that is alive does not try a task again; empty when it does."""
    reason = row.reason or ""
    if row.status is TaskStatus.COMPLETED:
        return "it has completed; when the run is over, moderator retry runs it again"
    if not row.status.ended and not waits_for_attempt(row):
        return f"it is {row.status.value}, and has not ended yet"
    if reason.startswith(_BLOCKED):
        return f"it was {reason}: try that one again, then it follows by itself"
    if row.status is TaskStatus.SKIPPED and reason in _NOT_OF_THIS_RUN:
        return f"it is not part of it ({reason})"
    return ""


def _how(row: TaskRow) -> str:
    return f"{row.status.value}: {row.reason}" if row.reason else row.status.value


def _unambiguous(journal: Glance, run: RunSummary, row: TaskRow) -> str:
    alone = len(journal.with_id(run.id, row.task_id)) == 1
    return row.task_id if alone else f"{row.file}::{row.task_id}"


def _say(text: str) -> None:
    print(one_line(text))
