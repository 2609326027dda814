"""Opening the journal for the one who runs tasks: making, checking, bringing up to date, setting aside."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_moderator.journal import schema
from pytest_moderator.journal.database import (
    BUSY_SECONDS,
    NAME,
    DamagedError,
    check_file,
    check_version,
    closed_on_error,
    connect,
)
from pytest_moderator.journal.filesystems import network_kind
from pytest_moderator.journal.lock import held
from pytest_moderator.journal.trouble import TROUBLE, explain, explain_os, is_damage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Opened = tuple[sqlite3.Connection, tuple[str, ...]]

_BESIDE = ("-wal", "-shm", "-journal")
_NEW = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def open_to_write(state_dir: Path) -> _Opened:
    """Open the journal for its writer; make it where there is none.

    Args:
        state_dir: the state directory; made where it is missing.

    Returns:
        The connection, and what the user must be told.

    Raises:
        JournalError: it cannot be written, belongs to somebody else, or was written by a newer version.
    """
    path = state_dir / NAME
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One at a time: of two that find it damaged, the second would set aside what the first has made.
        with held(state_dir, f".{NAME}", 2 * BUSY_SECONDS):
            return _open_or_set_aside(path)
    except OSError as error:
        raise explain_os(error, path, "write to") from error
    except sqlite3.Error as error:
        raise explain(error, path, "write to") from error


def set_aside(state_dir: Path, why: object) -> str:
    """Give a journal another name that looked sound and is not, as who has read it knows.

    Args:
        state_dir: the state directory.
        why: what is wrong with it.

    Returns:
        What the user must be told.

    Raises:
        JournalError: it cannot be renamed.
    """
    path = state_dir.absolute() / NAME
    try:
        with held(state_dir, f".{NAME}", 2 * BUSY_SECONDS):
            return f"{why}: it was set aside as {_set_aside(path).name!r}"
    except OSError as error:
        raise explain_os(error, path, "write to") from error


def _open_or_set_aside(path: Path) -> _Opened:
    try:
        return _open_checked(path)
    except DamagedError as error:
        kept = _set_aside(path)
        notice = f"the journal {str(path)!r} is damaged ({error}): it was set aside as {kept.name!r}"
    connection, notices = _open_checked(path)
    return connection, (notice, *notices)


def _open_checked(path: Path) -> _Opened:
    """Open a database that is sound, at the newest version.

    Raises:
        DamagedError: it is not sound.
        JournalError: it is not ours to write.
        OSError: it cannot be made.
        sqlite3.Error: it cannot be opened or written.
    """
    try:
        check_file(path)
    except FileNotFoundError:
        os.close(os.open(path, _NEW, 0o600))
    else:
        _look(path)
    connection = connect(path, "mode=rw")
    with closed_on_error(connection), _damage_named():
        _check_sound(connection)
        notices = (*_choose_mode(connection, path), *_bring_up_to_date(connection, path))
        _check_columns(connection)
        # Whether there is room, and whether we may write, shows before anything depends on it.
        connection.execute(schema.TOUCH)
        return connection, notices


def _look(path: Path) -> None:
    """Look at an existing database without changing a byte of it."""
    with contextlib.closing(connect(path, "mode=ro")) as connection, _damage_named():
        try:
            check_version(connection, path)
        except sqlite3.OperationalError as error:
            # A process was killed in the middle of a transaction: SQLite undoes it when we open for writing.
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise


def _check_columns(connection: sqlite3.Connection) -> None:
    """See that no name in the schema was damaged, which SQLite takes for another schema."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        schema.migrate(model)
        missing = schema.columns_of(model) - schema.columns_of(connection)
    if missing:
        raise DamagedError(f"columns are missing: {', '.join(sorted(map('.'.join, missing)))}")


def _check_sound(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise DamagedError(" ".join(str(verdict).split()))


def _choose_mode(connection: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """Choose WAL, or on a network file system what works there; say so then."""
    kind = network_kind(path.parent)
    (mode,) = connection.execute(f"PRAGMA journal_mode = {'delete' if kind else 'wal'}").fetchone()
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA fullfsync = ON")  # on macOS nothing else reaches the disk
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    if kind:
        return (
            f"the journal {str(path)!r} is on a network file system ({kind}): it is written more slowly there",
        )
    if mode != "wal":
        return (
            f"the journal {str(path)!r} is on a file system without shared memory: it is written more slowly",
        )
    return ()


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """Migrate the database of an older version, and keep a copy of it."""
    version = schema.version_of(connection)
    if version == schema.newest():
        return ()
    if not version:
        schema.migrate(connection)
        return ()
    kept = _free_name(path, f"version-{version}")
    os.close(os.open(kept, _NEW, 0o600))
    with contextlib.closing(connect(kept, "mode=rw")) as copy:
        connection.backup(copy)
    schema.migrate(connection)
    what = f"the journal {str(path)!r} was brought from version {version} to {schema.newest()}"
    return (f"{what}; a copy of the old one is {kept.name!r}",)


def _set_aside(path: Path) -> Path:
    """Give a damaged database and what belongs to it another name, and never that of another file."""
    kept = _free_name(path, "damaged")
    # The database goes last: what lies beside a missing one would be taken for that of the new one.
    for beside in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}{beside}").rename(path.with_name(f"{kept.name}{beside}"))
    return path.rename(kept)


def _free_name(path: Path, why: str) -> Path:
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    endings = ("", *(f"-{count}" for count in range(2, 1000)))
    return next(
        free
        for free in (path.with_name(f"{path.name}.{why}-{time}{ending}") for ending in endings)
        if not os.path.lexists(free)
    )


@contextlib.contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except TROUBLE as error:
        if is_damage(error):
            raise DamagedError(error) from error
        raise
