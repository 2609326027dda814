"""What a run that goes on still has to wait for: attempts that are due later, limits and open circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.clock import seconds_until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pytest_moderator.journal import Event, JournalReader

PAUSED = "task_paused"
"""The event of a task that has failed and waits for its next attempt."""

LIMITED = "backend_limited"
"""The event of a backend that has said when its limit ends."""

CIRCUIT = "backend_circuit"
"""The event of a backend that is left alone because tasks have failed, is tried, or is used again."""

_GONE_ON = ("task_started", "task_ended")
_ALL = -1


class LeftWaiting(NamedTuple):
    """What was waited for when a run broke off, and is not over yet.

    Attributes:
        pauses: of tasks that wait for their next attempt, the events that tell of it.
        limits: of backends that have a limit, the events that tell until when.
        circuits: of backends that have failed and are left alone, likewise.
    """

    pauses: tuple[Event, ...] = ()
    limits: tuple[Event, ...] = ()
    circuits: tuple[Event, ...] = ()

    def notices(self) -> Iterator[str]:
        """Say it in words, a line each."""
        for event in self.pauses:
            attempt, end, error = (event.payload[key] for key in ("next", "again_at", "error"))
            yield f"{event.task_id} goes on waiting for attempt {attempt} until {end}: {error}"
        until: dict[str, str] = {}
        for event in self.limits:
            name, end = event.payload["backend"], event.payload["until"]
            until[name] = max(until.get(name, ""), end)
        for name, end in until.items():
            yield f"tasks of the backend {name!r} go on waiting for the end of its limit: {end}"
        for event in self.circuits:
            name, end = event.payload["backend"], event.payload["until"]
            yield f"the backend {name!r} has failed, and is left alone until {end}"


def left_waiting(reader: JournalReader, run_id: str, named: Mapping[str, Collection[str]]) -> LeftWaiting:
    """Find what a run was waiting for when it broke off.

    Args:
        reader: of the journal.
        run_id: the run's whole id.
        named: by file, ids of the tasks that somebody wants to run again: these do not wait.
    """
    pauses = (
        event
        for event in _last_pauses(reader, run_id)
        if str(event.task_id) not in named.get(event.file or "", ()) and _lasts(event, "again_at")
    )
    limits = reader.events(run_id, kinds=(LIMITED,), limit=_ALL)
    changes = reader.events(run_id, kinds=(CIRCUIT,), limit=_ALL)
    last_changes = {event.payload["backend"]: event for event in changes}
    return LeftWaiting(
        tuple(pauses),
        tuple(event for event in limits if _lasts(event, "until")),
        tuple(event for event in last_changes.values() if _lasts(event, "until")),
    )


def _last_pauses(reader: JournalReader, run_id: str) -> Iterable[Event]:
    """Give the pauses of tasks of which nothing is known that came after."""
    paused = reader.events(run_id, kinds=(PAUSED,), limit=_ALL)
    after = reader.events(run_id, paused[0].seq, kinds=_GONE_ON, limit=_ALL) if paused else ()
    gone_on = {(event.file, event.task_id): event.seq for event in after}
    last = {(event.file, event.task_id): event for event in paused}
    return [event for name, event in last.items() if event.seq > gone_on.get(name, 0)]


def _lasts(event: Event, key: str) -> bool:
    return (seconds_until(str(event.payload.get(key))) or 0.0) > 0
