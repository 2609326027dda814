"""A run at one moment, for people."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from pytest_moderator.cli._console import Paint, count, one_line
from pytest_moderator.cli._logs import attempts_in
from pytest_moderator.cli._snapshot import SHOWN, waits_for_attempt
from pytest_moderator.cli._times import lasted, shown
from pytest_moderator.journal import RunStatus
from pytest_moderator.model.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_moderator.cli._snapshot import Snapshot
    from pytest_moderator.journal import RunSummary, TaskRow

COLOURS = {
    RunStatus.RUNNING: "cyan",
    RunStatus.PAUSED: "yellow",
    RunStatus.COMPLETED: "green",
    RunStatus.FAILED: "red",
    RunStatus.INTERRUPTED: "yellow",
    RunStatus.CANCELLED: "yellow",
}
_VERBS = {
    RunStatus.RUNNING: "is running",
    RunStatus.PAUSED: "is paused",
    RunStatus.COMPLETED: "has completed",
    RunStatus.FAILED: "has failed",
    RunStatus.INTERRUPTED: "was interrupted",
    RunStatus.CANCELLED: "was cancelled",
}
_LONGEST = 60  # characters of a title


def status_as_text(snapshot: Snapshot, paint: Paint, again: Sequence[str] = ()) -> list[str]:
    """Write how a run stands, line by line.

    Args:
        snapshot: the run at one moment.
        paint: colours it.
        again: the arguments with which another sub-command is about the same run.
    """
    run = snapshot.run
    status = paint(_VERBS[run.shown_status], COLOURS[run.shown_status])
    files = one_line(", ".join(run.files))
    lines = [
        f"{paint(files, 'bold')}: run {one_line(run.id)} {status}",
        _progress(snapshot),
        _times(snapshot),
        *_started(snapshot, paint),
        *_waiting(snapshot, paint),
        *_failed(snapshot, paint),
        *_sums("blocked", "by ", snapshot.blocked, paint),
        *_sums("skipped", "", snapshot.skipped, paint),
    ]
    if step := _next_step(snapshot):
        lines.append(f"next: {shlex.join(['moderator', *step, *again])}")
    if snapshot.other:
        lines.append(
            paint(f"also alive: {', '.join(map(one_line, snapshot.other))} (--run shows one)", "dim")
        )
    return lines


def counts_as_words(counts: Mapping[TaskStatus, int]) -> str:
    """Write how many tasks have which status, without those that none has."""
    return ", ".join(f"{counts[status]:,} {status}" for status in TaskStatus if counts.get(status))


def duration_of(run: RunSummary, last_event_at: str) -> str:
    """Write how long a run has taken, or has been going on."""
    if run.alive:
        return lasted(run.started_at)
    return lasted(run.started_at, run.ended_at or last_event_at)


def _progress(snapshot: Snapshot) -> str:
    counts = dict(snapshot.counts)
    blocked = sum(snapshot.blocked.values())
    words = [
        (counts[TaskStatus.COMPLETED], "completed"),
        (snapshot.done_before, "done before"),
        (counts[TaskStatus.FAILED], "failed"),
        (blocked, "blocked"),
        (sum(snapshot.skipped.values()), "skipped"),
        (counts[TaskStatus.RUNNING], "running"),
        (counts[TaskStatus.PAUSED], "paused"),
        (counts[TaskStatus.PENDING], "pending"),
    ]
    listed = ", ".join(f"{number:,} {word}" for number, word in words if number)
    return f"{snapshot.ended:,} of {count(snapshot.total, 'task')}{f': {listed}' if listed else ''}"


def _times(snapshot: Snapshot) -> str:
    run, duration = snapshot.run, duration_of(snapshot.run, snapshot.last_event_at)
    workers = count(run.workers, "worker")
    if run.alive:
        return f"since {shown(run.started_at)} ({duration}); {workers}, process {run.holder.pid} on {run.holder.host}"
    ended = run.ended_at or snapshot.last_event_at
    code = "" if run.exit_code is None else f"; exit code {run.exit_code}"
    return f"from {shown(run.started_at)} to {shown(ended)} ({duration}); {workers}{code}"


def _started(snapshot: Snapshot, paint: Paint) -> Iterator[str]:
    rows = snapshot.started
    if not rows:
        return
    yield paint("running" if snapshot.run.alive else "were running", "bold")
    for row in rows[:SHOWN]:
        about = [row.worker or "main", f"attempt {_attempt(snapshot, row)}"]
        if row.started_at:
            since = f"since {shown(row.started_at)}"
            about.append(f"{since} ({lasted(row.started_at)})" if snapshot.run.alive else since)
        yield f"  {_name(row, snapshot, paint)}  {_title(row)}  {one_line(', '.join(about))}"
    yield from _more(len(rows), len(rows[:SHOWN]))


def _attempt(snapshot: Snapshot, row: TaskRow) -> int:
    """Number the attempt that goes on: the journal knows how many there were when the task has ended."""
    return max((0, *attempts_in(snapshot.state_dir / row.logs))) + 1 if row.logs else 1


def _waiting(snapshot: Snapshot, paint: Paint) -> Iterator[str]:
    if not snapshot.waiting:
        return
    yield paint("paused", "bold")
    for row in snapshot.waiting:
        yield f"  {_name(row, snapshot, paint)}  {_title(row)}: {one_line(row.reason or 'no reason given')}"
    yield from _more(snapshot.counts[TaskStatus.PAUSED], len(snapshot.waiting))


def _failed(snapshot: Snapshot, paint: Paint) -> Iterator[str]:
    if not snapshot.failed:
        return
    yield paint("failed", "bold")
    for row in snapshot.failed:
        logs = f"  {_path(snapshot, row.logs)}" if row.logs else ""
        yield f"  {_name(row, snapshot, paint)}  {_title(row)}: {one_line(row.reason or 'no reason given')}{logs}"
    yield from _more(snapshot.counts[TaskStatus.FAILED], len(snapshot.failed))


def _sums(word: str, before: str, sums: Mapping[str, int], paint: Paint) -> Iterator[str]:
    if not sums:
        return
    yield paint(word, "bold")
    for reason, number in list(sums.items())[:SHOWN]:
        yield f"  {number:,} {before}{one_line(reason)}" if before else f"  {number:,}: {one_line(reason)}"
    yield from _more(len(sums), len(list(sums)[:SHOWN]))


def _more(number: int, listed: int) -> Iterator[str]:
    if number > listed:
        yield f"  and {number - listed:,} more"


def _name(row: TaskRow, snapshot: Snapshot, paint: Paint) -> str:
    name = row.task_id if len(snapshot.run.files) == 1 else f"{row.file}::{row.task_id}"
    return paint(one_line(name), "cyan")


def _title(row: TaskRow) -> str:
    title = one_line(row.title)
    return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"


def _path(snapshot: Snapshot, logs: str) -> str:
    """Write the folder of a task's logs, from here where it lies below."""
    path = str(snapshot.state_dir / logs)
    here = os.path.relpath(path)
    return one_line(path if here.startswith(os.pardir) else here)


def _next_step(snapshot: Snapshot) -> Sequence[str]:
    status = snapshot.run.shown_status
    if status is RunStatus.PAUSED:
        return ("resume",)
    to_retry = [*snapshot.failed, *filter(waits_for_attempt, snapshot.waiting)]
    if status is RunStatus.RUNNING and to_retry:
        return ("retry", _argument(to_retry[0], snapshot))
    if snapshot.resumable and status is not RunStatus.COMPLETED:
        return ("resume", "--exec")
    return ()


def _argument(row: TaskRow, snapshot: Snapshot) -> str:
    return row.task_id if len(snapshot.run.files) == 1 else f"{row.file}::{row.task_id}"
