"""Asking a run to do something: the only thing that anybody but the run writes into its journal."""

from __future__ import annotations

import json
import os
from contextlib import closing
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_moderator.clock import now
from pytest_moderator.journal.database import NAME, open_to_ask, open_to_read
from pytest_moderator.journal.records import JournalError
from pytest_moderator.journal.texts import clean, clean_or_none, to_json
from pytest_moderator.journal.trouble import TROUBLE, explain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OPEN_REQUESTS = """
SELECT id, run_id, kind, file, task_id, at, by, payload FROM requests
WHERE run_id = ? AND taken_at IS NULL ORDER BY id
"""
"""The columns of a :class:`RequestRow`, of those that a run has not taken, oldest first."""

_NOTHING: Mapping[str, object] = MappingProxyType({})
_ASK = "INSERT INTO requests (run_id, kind, file, task_id, at, by, payload) VALUES (?, ?, ?, ?, ?, ?, ?)"
_IS_KNOWN = "SELECT count(*) FROM runs WHERE id = ?"
_TAKEN = "SELECT taken_at FROM requests WHERE id = ?"


class RequestKind(StrEnum):
    """What a run may be asked to do."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    APPROVE = "approve"
    REJECT = "reject"
    DONE = "done"
    FAIL = "fail"


class Request(NamedTuple):
    """Something that a run was asked to do.

    Attributes:
        id: names the request in its journal.
        run_id: the run.
        kind: what to do.
        file: the tasks file, where it concerns a task.
        task_id: the task.
        at: when it was asked; ISO 8601 in UTC.
        by: who asked, as ``user@host``.
        payload: more about it.
    """

    id: int
    run_id: str
    kind: RequestKind
    file: str | None
    task_id: str | None
    at: str
    by: str
    payload: Mapping[str, Any]


class RequestRow(NamedTuple):
    """A request as it stands in the database, where anybody may have written anything."""

    id: int
    run_id: str
    kind: str
    file: str | None
    task_id: str | None
    at: str
    by: str
    payload: str

    def understood(self) -> Request | None:
        """Give the request; ``None`` when it is none that we know."""
        try:
            kind, payload = RequestKind(self.kind), dict(json.loads(self.payload))
        except (ValueError, TypeError):
            return None
        return Request(self.id, self.run_id, kind, self.file, self.task_id, self.at, self.by, payload)


def ask(
    state_dir: Path,
    run_id: str,
    kind: RequestKind,
    *,
    task_id: str | None = None,
    file: str | None = None,
    payload: Mapping[str, object] = _NOTHING,
) -> int:
    """Ask a run to do something. It does so when it looks next, if it is alive.

    Args:
        state_dir: the state directory.
        run_id: the run's whole id.
        kind: what to do.
        task_id: the task, where it concerns one.
        file: its tasks file.
        payload: more about it, of JSON's types.

    Returns:
        The number of the request, for :func:`was_taken`.

    Raises:
        JournalError: there is no journal or no such run, or it could not be written for 5 seconds.
    """
    values = (
        clean(run_id),
        kind.value,
        clean_or_none(file),
        clean_or_none(task_id),
        now(),
        who(),
        to_json(dict(payload)),
    )
    try:
        with closing(open_to_ask(state_dir)) as connection:
            if not connection.execute(_IS_KNOWN, values[:1]).fetchone()[0]:
                raise JournalError(f"there is no run {run_id!r} in {str(state_dir / NAME)!r}")
            return int(connection.execute(_ASK, values).lastrowid or 0)
    except TROUBLE as error:
        raise explain(error, state_dir / NAME, "write to") from error


def was_taken(state_dir: Path, request_id: int) -> bool:
    """Whether the run has taken a request.

    Raises:
        JournalError: the journal cannot be read.
    """
    try:
        with closing(open_to_read(state_dir)) as connection:
            row = connection.execute(_TAKEN, (request_id,)).fetchone()
    except TROUBLE as error:
        raise explain(error, state_dir / NAME, "read") from error
    return row is not None and row[0] is not None


def who() -> str:
    """Name who asks, as ``user@host``: the user that this process belongs to, whatever the environment says."""
    import pwd  # noqa: PLC0415 (only for those who ask)

    user = os.geteuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    return f"{name}@{os.uname().nodename}"
