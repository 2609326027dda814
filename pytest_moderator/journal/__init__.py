"""What is written down of every run: SQLite in ``state.db`` of the state directory (``docs/journal.md``).

One process writes to a run: the one that the user has started. Everybody may read. Others can only ask
(:func:`ask`), and the run does it. The names are imported on first use, because views that only read must be quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.late import late_names

if TYPE_CHECKING:
    from pytest_moderator.holder import Holder
    from pytest_moderator.journal.begun import RunRecord, TaskRecord
    from pytest_moderator.journal.lock import HeldError, RunLock, is_held
    from pytest_moderator.journal.reader import JournalReader
    from pytest_moderator.journal.records import Event, JournalError, RunStatus, RunSummary, TaskRow
    from pytest_moderator.journal.requests import Request, RequestKind, ask, was_taken
    from pytest_moderator.journal.writer import Journal

_HOMES = {
    "Event": "records",
    "HeldError": "lock",
    "Holder": ".holder",
    "Journal": "writer",
    "JournalError": "records",
    "JournalReader": "reader",
    "Request": "requests",
    "RequestKind": "requests",
    "RunLock": "lock",
    "RunRecord": "begun",
    "RunStatus": "records",
    "RunSummary": "records",
    "TaskRecord": "begun",
    "TaskRow": "records",
    "ask": "requests",
    "is_held": "lock",
    "was_taken": "requests",
}

__all__ = [
    "Event",
    "HeldError",
    "Holder",
    "Journal",
    "JournalError",
    "JournalReader",
    "Request",
    "RequestKind",
    "RunLock",
    "RunRecord",
    "RunStatus",
    "RunSummary",
    "TaskRecord",
    "TaskRow",
    "ask",
    "is_held",
    "was_taken",
]


__getattr__ = late_names(__name__, __package__, _HOMES)


def __dir__() -> list[str]:
    """List the names too, though they are not imported yet."""
    return sorted({*globals(), *__all__})
