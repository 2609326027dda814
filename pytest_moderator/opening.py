"""What comes before a run: no other runs its files, a dead one leaves nothing behind, what is done is known."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.attempt import CANCELLED, HELD, end_marked_processes, end_recorded_processes
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
from pytest_moderator.journal.lock import any_held
from pytest_moderator.journal.records import DamagedJournalError
from pytest_moderator.journal.store import set_aside
from pytest_moderator.left_waiting import LeftWaiting, left_waiting
from pytest_moderator.model import TaskStatus, Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_moderator.journal import Event, RunSummary
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.settings import Settings


_GONE = "the process of the run is gone"
_ALL = -1
_LATELY = 20  # runs


class Opening(NamedTuple):
    """What is known before a run begins.

    Attributes:
        run_id: names the run.
        resumed: whether the journal knows the run already.
        completed: node ids of the tasks that it has completed earlier.
        notices: what the user must be told.
        journal: open for writing; ``None`` when nothing is going to run.
        locks: what keeps other runs from these files.
        approvals: what was approved earlier in this run.
        done_elsewhere: what was said to be done earlier in this run, and has not been settled.
        spent: what agents have used earlier in this run.
        waiting: what was waited for when this run broke off, and is not over yet.
    """

    run_id: str
    resumed: bool = False
    completed: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()
    journal: Journal | None = None
    locks: tuple[RunLock, ...] = ()
    approvals: tuple[Event, ...] = ()
    done_elsewhere: tuple[Event, ...] = ()
    spent: Usage = Usage()
    waiting: LeftWaiting = LeftWaiting()


class _Past:
    """What the journal says."""

    def __init__(self, notices: Iterable[str] = ()) -> None:
        self.notices = list(notices)
        self.completed: set[str] = set()
        self.unfinished: list[str] = []
        self.run: RunSummary | None = None
        self.approvals: tuple[Event, ...] = ()
        self.done_elsewhere: tuple[Event, ...] = ()
        self.spent = Usage()
        self.waiting = LeftWaiting()


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
            has an id that is to run again, or is approved.
    """
    _make_directory(state_dir)
    locks = () if settings.force else _lock(state_dir, plans)
    try:
        try:
            journal, past = _open_journal(state_dir, plans, settings)
        except DamagedJournalError as error:  # only who reads it all can tell
            notice = set_aside(state_dir, error)
            journal, past = _open_journal(state_dir, plans, settings)
            past.notices.insert(0, notice)
    except BaseException:
        for lock in locks:
            lock.release()
        raise
    return _opening(past, journal, locks)


def _open_journal(
    state_dir: Path, plans: Mapping[str, ExecutionPlan], settings: Settings
) -> tuple[Journal, _Past]:
    journal = Journal.open(state_dir)
    try:
        past = _Past(journal.notices)
        with JournalReader(state_dir) as reader:
            past.notices += _bury_the_dead(journal, reader, frozenset(() if settings.force else plans))
            _bury_the_unknown(state_dir, reader, plans)
            _look_back(reader, plans, settings, past)
            _forget_what_was_asked(state_dir, past)
    except BaseException:
        with contextlib.suppress(JournalError):
            journal.close()
        raise
    return journal, past


def _opening(past: _Past, journal: Journal | None = None, locks: tuple[RunLock, ...] = ()) -> Opening:
    new = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.urandom(2).hex()}"
    return Opening(
        run_id=past.run.id if past.run else new,
        resumed=past.run is not None,
        completed=frozenset(past.completed),
        notices=tuple(past.notices),
        journal=journal,
        locks=locks,
        approvals=past.approvals,
        done_elsewhere=past.done_elsewhere,
        spent=past.spent,
        waiting=past.waiting,
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
        raise ModeratorError(_refusal(state_dir, file, error)) from error
    return tuple(locks)


def _refusal(state_dir: Path, file: str, error: HeldError) -> str:
    """Say who runs a file: the run, and before it has begun its process."""
    who = f"process {error.holder.pid} on {error.holder.host}" if error.holder else "another process"
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
        if not _is_dead(run, ours):
            continue
        left = 0
        if (run.holder.host, run.holder.boot) == (here.host, here.boot):
            left = len(end_recorded_processes(run.id, _processes_of(reader, run.id)))
        for row in reader.tasks(run.id, results=False):
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
        found = "1 process of it was" if left == 1 else f"{left} processes of it were"
        ended = f"; {found} still there and {found.rpartition(' ')[2]} ended" if left else ""
        notices.append(f"run {run.id} had been interrupted: its process is gone{ended}")
    return notices


def _bury_the_unknown(state_dir: Path, reader: JournalReader, ours: Collection[str]) -> None:
    """End what is left of runs that only a journal which was lost has known, unless some other run is alive."""
    folders = sorted((state_dir / "runs").glob("*"), reverse=True) if not reader.runs(limit=1) else []
    if not folders or any_held(state_dir, besides=ours):
        return
    for folder in folders[:_LATELY]:
        end_marked_processes(folder.name)


def _is_dead(run: RunSummary, ours: frozenset[str]) -> bool:
    """Whether a run has not ended, and its process is gone.

    Args:
        run: the run.
        ours: the files whose locks we have. Who is at work on one of these was forced to, or is dead.
    """
    if run.status.ended:
        return False
    if run.holder.is_alive():
        # A run of this very process that has not ended was given up: we are only about to begin.
        return run.holder == Holder.here() and not ours.isdisjoint(run.files)
    return not run.alive or not ours.isdisjoint(run.files)


def _processes_of(reader: JournalReader, run_id: str) -> Iterator[Holder]:
    """Give the processes that were written down of a run: its workers, and those of its tasks."""
    with contextlib.suppress(DamagedJournalError):  # then those that still have their mark are found
        for event in reader.events(run_id, limit=_ALL, kinds=("worker_started", "attempt_running")):
            if process := Holder.from_facts(event.payload):
                yield process


def _look_back(
    reader: JournalReader, plans: Mapping[str, ExecutionPlan], settings: Settings, past: _Past
) -> None:
    """Find the last run of these files; where it is to go on, find what is left to do."""
    wanted = settings.resume or bool(settings.rerun)
    if wanted or settings.approve:
        from pytest_moderator.resume import rerun_by_file  # noqa: PLC0415 (most runs begin anew)

        rerun_by_file((name for name in settings.approve if name != "all"), plans, "--moderator-approve")
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
    _go_on(reader, plans, settings, past, last)


def _go_on(
    reader: JournalReader,
    plans: Mapping[str, ExecutionPlan],
    settings: Settings,
    past: _Past,
    last: RunSummary,
) -> None:
    """Find what is left to do of a run, and what it waits for."""
    from pytest_moderator.resume import Earlier, rerun_by_file, resume  # noqa: PLC0415 (most runs begin anew)

    past.run = last
    past.approvals = tuple(reader.events(last.id, kinds=("approved",), limit=_ALL))
    past.done_elsewhere = tuple(_said_done(reader, last.id))
    past.spent = reader.spent(last.id)
    rows = reader.tasks(last.id, results=False)
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
    past.waiting = left_waiting(reader, last.id, rerun)
    past.notices.extend(past.waiting.notices())
    past.unfinished = [
        row.logs for row in rows if row.logs and f"{row.file}::{row.task_id}" not in past.completed
    ]
    if all(f"{file}::{task.id}" in past.completed for file, plan in plans.items() for task in plan.tasks):
        past.notices.append(
            f"run {last.id} had completed all tasks; without --moderator-resume a new run starts from the beginning"
        )


def _said_done(reader: JournalReader, run_id: str) -> Iterator[Event]:
    """Give what was said to be done, but for tasks that have completed or failed after that."""
    said = reader.events(run_id, kinds=("said_done",), limit=_ALL)
    after = reader.events(run_id, said[0].seq, kinds=("task_ended",), limit=_ALL) if said else ()
    settled = {
        (event.file, event.task_id): event.seq
        for event in after
        if event.payload.get("status") in (TaskStatus.COMPLETED, TaskStatus.FAILED)
    }
    for event in said:
        if event.seq > settled.get((event.file, event.task_id), 0):
            yield event


def _forget_what_was_asked(state_dir: Path, past: _Past) -> None:
    """Let time pass again for a run that was killed while it was held, and tasks be tried that were cancelled."""
    if past.run is None:
        return
    marks = [state_dir / logs / CANCELLED for logs in past.unfinished]
    for mark in (state_dir / "runs" / past.run.id / HELD, *marks):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            mark.unlink()


def _names(files: Iterable[str]) -> str:
    return ", ".join(files)
