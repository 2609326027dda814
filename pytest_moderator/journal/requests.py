"""Asking a run to do something: the only thing that anybody but the run writes into its journal."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_moderator.clock import now
from pytest_moderator.journal.changes import clean, clean_or_none, to_json
from pytest_moderator.journal.store import NAME, open_to_ask, open_to_read
from pytest_moderator.journal.trouble import explain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_moderator.journal.records import RequestKind

_NOTHING: Mapping[str, object] = MappingProxyType({})
_ASK = "INSERT INTO requests (run_id, kind, file, task_id, at, by, payload) VALUES (?, ?, ?, ?, ?, ?, ?)"
_TAKEN = "SELECT taken_at FROM requests WHERE id = ?"


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
        JournalError: there is no journal, or it could not be written for 5 seconds.
    """
    values = (
        clean(run_id),
        kind.value,
        clean_or_none(file),
        clean_or_none(task_id),
        now(),
        _who(),
        to_json(dict(payload)),
    )
    try:
        with closing(open_to_ask(state_dir)) as connection:
            return int(connection.execute(_ASK, values).lastrowid or 0)
    except sqlite3.Error as error:
        raise explain(error, state_dir / NAME, "write to") from error


def was_taken(state_dir: Path, request_id: int) -> bool:
    """Whether the run has taken a request.

    Raises:
        JournalError: the journal cannot be read.
    """
    try:
        with closing(open_to_read(state_dir)) as connection:
            row = connection.execute(_TAKEN, (request_id,)).fetchone()
    except sqlite3.Error as error:
        raise explain(error, state_dir / NAME, "read") from error
    return row is not None and row[0] is not None


def _who() -> str:
    """Name who asks: the user that this process belongs to, whatever the environment says."""
    import pwd  # noqa: PLC0415 (only for those who ask)

    user = os.geteuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    return f"{name}@{os.uname().nodename}"
