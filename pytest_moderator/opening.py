"""What comes before a run: no other runs its files, a dead one leaves nothing behind, what is done is known."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_moderator.attempt import end_marked_processes
from pytest_moderator.errors import ModeratorError
from pytest_moderator.journal import (
    HeldError,
    Holder,
    Journal,
    JournalError,
    JournalReader,
    RunLock,
    RunStatus,
)
from pytest_moderator.model import TaskStatus
from pytest_moderator.resume import Earlier, rerun_by_file, resume

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_moderator.journal import Event, RunSummary
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.settings import Settings


_GONE = "the process of the run is gone"


@dataclass(frozen=True)
class Opening:
    """What is known before a run begins.

    Attributes:
        run_id: names the run.
        resumed: whether the journal knows the run already.
        completed: node ids of the tasks that it has completed earlier.
        notices: what the user must be told.
        journal: open for writing; ``None`` when nothing is going to run.
        locks: what keeps other runs from these files.
        approvals: what was approved earlier in this run.
    """

    run_id: str
    resumed: bool = False
    completed: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()
    journal: Journal | None = None
    locks: tuple[RunLock, ...] = ()
    approvals: tuple[Event, ...] = ()


@dataclass
class _Past:
    """What the journal says."""

    notices: list[str] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    run: RunSummary | None = None
    approvals: tuple[Event, ...] = ()


def look(state_dir: Path, plans: Mapping[str, ExecutionPlan], settings: Settings) -> Opening:
    """Find out what a run would begin with, and change nothing.

    Raises:
        ModeratorError: the journal cannot be read; no task has an id that is to run again.
    """
    past = _Past()
    if (state_dir / "state.db").exists():
        reader = JournalReader(state_dir)
        try:
            _look_back(reader, plans, settings, past)
        finally:
            reader.close()
    return _opening(past)


def open_run(state_dir: Path, plans: Mapping[str, ExecutionPlan], settings: Settings) -> Opening:
    """Open the journal for a new run, or for one that goes on.

    Args:
        state_dir: where records are kept.
        plans: the files of the run, by their node ids.
        settings: those of the run.

    Raises:
        ModeratorError: the directory or the journal cannot be written; another run of a file is alive; no task
            has an id that is to run again.
    """
    _make_directory(state_dir)
    locks = () if settings.force else _lock(state_dir, plans)
    try:
        journal = Journal.open(state_dir)
        past = _Past(notices=list(journal.notices))
        reader = JournalReader(state_dir)
        try:
            past.notices += _bury_the_dead(journal, reader, frozenset(plans) if locks else frozenset())
            _look_back(reader, plans, settings, past)
        finally:
            reader.close()
    except BaseException:
        for lock in locks:
            lock.release()
        raise
    return _opening(past, journal, locks)


def _opening(past: _Past, journal: Journal | None = None, locks: tuple[RunLock, ...] = ()) -> Opening:
    new = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return Opening(
        run_id=past.run.id if past.run else new,
        resumed=past.run is not None,
        completed=frozenset(past.completed),
        notices=tuple(past.notices),
        journal=journal,
        locks=locks,
        approvals=past.approvals,
    )


def _make_directory(state_dir: Path) -> None:
    """Make the directory of all runs, for its owner only and out of git's sight."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = state_dir / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise ModeratorError(
            f"nothing was run: cannot write to {str(state_dir)!r}: {error.strerror}; "
            "choose another place with --moderator-state-dir"
        ) from error


def _lock(state_dir: Path, files: Iterable[str]) -> tuple[RunLock, ...]:
    locks: list[RunLock] = []
    try:
        for file in sorted(files):
            locks.append(RunLock.acquire(state_dir, file))
    except HeldError as error:
        for lock in locks:
            lock.release()
        raise ModeratorError(_refusal(state_dir, file)) from error
    return tuple(locks)


def _refusal(state_dir: Path, file: str) -> str:
    who = "another run"
    with contextlib.suppress(JournalError):
        reader = JournalReader(state_dir)
        alive = [run for run in reader.runs(file=file) if run.alive]
        reader.close()
        if alive:
            run = alive[0]
            who = f"run {run.id} (process {run.holder.pid} on {run.holder.host}, since {run.started_at})"
    return (
        f"nothing was run: {file} is being run by {who}; `moderator status` shows it, `moderator cancel` ends it, "
        "--moderator-force runs beside it"
    )


def _bury_the_dead(journal: Journal, reader: JournalReader, ours: frozenset[str]) -> list[str]:
    """End what is left of runs whose own process is gone, and write down that they were interrupted."""
    notices = []
    here = Holder.here()
    for run in reader.runs():
        alive = run.holder.is_alive() if not ours else run.alive and ours.isdisjoint(run.files)
        if run.status.ended or alive:
            continue
        left = 0
        if (run.holder.host, run.holder.boot) == (here.host, here.boot):
            left = end_marked_processes(run.id)
        for row in reader.tasks(run.id):
            if row.status is TaskStatus.RUNNING:
                journal.record(
                    "task_interrupted",
                    file=row.file,
                    task_id=row.task_id,
                    status=TaskStatus.PENDING,
                    reason=_GONE,
                    run_id=run.id,
                )
        journal.set_run_status(
            RunStatus.INTERRUPTED, kind="run_ended", payload={"reason": _GONE}, run_id=run.id
        )
        ended = f"; {left} processes of it were still there and were ended" if left else ""
        notices.append(f"run {run.id} had been interrupted: its process is gone{ended}")
    return notices


def _look_back(
    reader: JournalReader, plans: Mapping[str, ExecutionPlan], settings: Settings, past: _Past
) -> None:
    """Find the last run of these files; where it is to go on, find what is left to do."""
    wanted = settings.resume or bool(settings.rerun)
    earlier = [run for run in reader.runs(file=next(iter(plans))) if set(run.files) == set(plans)]
    last = earlier[0] if earlier else None
    if not wanted:
        if last and last.status is not RunStatus.COMPLETED:
            past.notices.append(
                f"run {last.id} of {_names(plans)} is unfinished ({last.status}): --moderator-resume goes on with it"
            )
        return
    if last is None:
        past.notices.append(f"there is no earlier run of {_names(plans)} to go on with: this is a new one")
        return
    past.run = last
    past.approvals = tuple(reader.events(last.id, kinds=("approved",), limit=100_000))
    rows = reader.tasks(last.id)
    rerun = rerun_by_file(settings.rerun, plans)
    for file, plan in plans.items():
        known = {
            row.task_id: Earlier(row.status, row.fingerprint, row.status is TaskStatus.COMPLETED)
            for row in rows
            if row.file == file
        }
        resumption = resume(plan, known, rerun[file])
        past.completed.update(f"{file}::{task_id}" for task_id in resumption.completed)
        past.notices.extend(f"{task_id} runs again: {why}" for task_id, why in resumption.again.items())
    if all(f"{file}::{task.id}" in past.completed for file, plan in plans.items() for task in plan.tasks):
        past.notices.append(
            f"run {last.id} had completed all tasks; without --moderator-resume a new run starts from the beginning"
        )


def _names(files: Iterable[str]) -> str:
    return ", ".join(files)
