"""How a run stands at one moment: what ``moderator status`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.cli._command import is_last
from pytest_moderator.model.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_moderator.journal import RunSummary, TaskRow
    from pytest_moderator.journal.glance import Glance

GONE = "the process of the run is gone"
"""Why a task that was running runs no more."""

SHOWN = 5
"""How many tasks of a kind are listed."""

DONE_BEFORE = "already done"
NOT_SELECTED = "not selected"
_BLOCKED = "blocked by "
_FOR_ATTEMPT = "waiting for attempt "
_ROOT = ", because of "


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        run: the run.
        state_dir: where its journal and its logs are.
        counts: how many tasks have which status, all statuses; what nobody runs any more is pending.
        started: tasks that run, or that did when the run broke off.
        waiting: the first of the tasks that wait for something before they start, in a run that is alive.
        failed: the first of the tasks that have failed.
        reasons: why tasks were skipped, and how many.
        last_event_at: when something was written for the last time.
        other: ids of other runs that are alive.
        resumable: whether pytest can go on with it.
    """

    run: RunSummary
    state_dir: Path
    counts: Mapping[TaskStatus, int]
    started: tuple[TaskRow, ...]
    waiting: tuple[TaskRow, ...]
    failed: tuple[TaskRow, ...]
    reasons: tuple[tuple[str, int], ...]
    last_event_at: str
    other: tuple[str, ...]
    resumable: bool

    @property
    def total(self) -> int:
        """How many tasks the run has, those aside that were not selected."""
        return sum(self.counts.values()) - self._skipped(NOT_SELECTED)

    @property
    def done_before(self) -> int:
        """How many tasks were done before the run."""
        return self._skipped(DONE_BEFORE)

    @property
    def ended(self) -> int:
        """How many tasks of the total have ended."""
        ended = sum(count for status, count in self.counts.items() if status.ended)
        return ended - self._skipped(NOT_SELECTED)

    @property
    def blocked(self) -> dict[str, int]:
        """How many tasks are blocked, by what blocks them in the end."""
        found: dict[str, int] = {}
        for reason, count in self.reasons:
            if reason.startswith(_BLOCKED):
                by = reason.rpartition(_ROOT)[2].removeprefix(_BLOCKED)
                found[by] = found.get(by, 0) + count
        return found

    @property
    def skipped(self) -> dict[str, int]:
        """How many tasks were skipped for other reasons, by the reason."""
        known = (DONE_BEFORE, NOT_SELECTED)
        return {
            reason or "no reason given": count
            for reason, count in self.reasons
            if reason not in known and not reason.startswith(_BLOCKED)
        }

    def _skipped(self, why: str) -> int:
        return sum(count for reason, count in self.reasons if reason == why)


def waits_for_attempt(row: TaskRow) -> bool:
    """Whether a task has failed, and its next attempt is not due yet."""
    return row.status is TaskStatus.PAUSED and (row.reason or "").startswith(_FOR_ATTEMPT)


def counts_of(run: RunSummary) -> dict[TaskStatus, int]:
    """Count the tasks of a run by status, all statuses; what nobody runs any more is pending."""
    counts = {status: run.counts.get(status, 0) for status in TaskStatus}
    if not run.alive:
        for status in (TaskStatus.RUNNING, TaskStatus.PAUSED):
            counts[TaskStatus.PENDING] += counts[status]
            counts[status] = 0
    return counts


def take(journal: Glance, run: RunSummary) -> Snapshot:
    """Look at a run."""
    waiting = journal.with_status(run.id, TaskStatus.PAUSED, SHOWN) if run.alive else ()
    return Snapshot(
        run=run,
        state_dir=journal.state_dir,
        counts=counts_of(run),
        started=tuple(journal.with_status(run.id, TaskStatus.RUNNING)),
        waiting=tuple(waiting),
        failed=tuple(journal.with_status(run.id, TaskStatus.FAILED, SHOWN)),
        reasons=tuple(journal.reasons(run.id, TaskStatus.SKIPPED)),
        last_event_at=journal.last_event_at(run.id),
        other=tuple(other.id for other in journal.alive() if other.id != run.id),
        resumable=not run.alive and is_last(journal, run),
    )
