"""Finding, checking and opening the database, for writing and for reading."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_moderator.journal import schema
from pytest_moderator.journal.records import JournalError
from pytest_moderator.journal.trouble import damaged, explain, explain_os, is_damage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "state.db"
BUSY_SECONDS = 5.0
"""How long to wait for another process that writes."""

_BESIDE = ("-wal", "-shm", "-journal")


class _DamagedError(Exception):
    """The database is not as SQLite has written it."""


def open_to_write(state_dir: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
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
        with _alone(state_dir):
            return _open_or_set_aside(path)
    except OSError as error:
        raise explain_os(error, path, "write to") from error
    except sqlite3.Error as error:
        raise explain(error, path, "open") from error


def open_to_read(state_dir: Path) -> sqlite3.Connection:
    """Open the journal for a view. Nothing of it is changed.

    Raises:
        JournalError: there is none, it was written by a newer version, or it cannot be read.
    """
    path = _existing(state_dir)
    try:
        connection = _connect(path, "ro")
        with _closed_on_error(connection):
            _check_version(connection, path)
            _check_is_not_older(connection, path)
            return connection
    except _DamagedError as error:
        raise damaged(path, error) from error
    except sqlite3.Error as error:
        raise (damaged(path, error) if is_damage(error) else explain(error, path, "read")) from error


def open_to_ask(state_dir: Path) -> sqlite3.Connection:
    """Open the journal for somebody who only writes a request.

    Raises:
        JournalError: there is none, it cannot be written, or it was written by another version.
    """
    open_to_read(state_dir).close()
    path = _existing(state_dir)
    try:
        return _connect(path, "rw")
    except sqlite3.Error as error:
        raise explain(error, path, "write to") from error


def _existing(state_dir: Path) -> Path:
    path = state_dir / NAME
    try:
        _check_file(path)
    except FileNotFoundError as error:
        raise JournalError(
            f"there is no journal in {str(state_dir)!r}: no run was started with this state directory yet; "
            "name another one with --state-dir"
        ) from error
    except OSError as error:
        raise explain_os(error, path, "read") from error
    return path


def _check_file(path: Path) -> None:
    """Refuse a file that may lead somewhere else, or that another user controls.

    Raises:
        JournalError: it is such a file.
        OSError: it is not there.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise JournalError(f"the journal {str(path)!r} is a symbolic link: replace it by the file itself")
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"the journal {str(path)!r} is not a file: move it away")
    if found.st_uid != os.geteuid():
        raise JournalError(
            f"the journal {str(path)!r} belongs to another user (id {found.st_uid}): "
            "choose another place with --moderator-state-dir"
        )


def _open_or_set_aside(path: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    try:
        return _open_checked(path)
    except _DamagedError as error:
        kept = _set_aside(path)
        notice = f"the journal {str(path)!r} is damaged ({error}): it was set aside as {kept.name!r}"
    connection, notices = _open_checked(path)
    return connection, (notice, *notices)


def _open_checked(path: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    """Open a database that is sound, at the newest version.

    Raises:
        _DamagedError: it is not sound.
        JournalError: it is not ours to write.
        OSError: it cannot be made.
        sqlite3.Error: it cannot be opened or written.
    """
    try:
        _check_file(path)
        _look(path)
    except FileNotFoundError:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    connection = _connect(path, "rw")
    with _closed_on_error(connection), _damage_named():
        notices = (*_set_journal_mode(connection, path), *_bring_up_to_date(connection, path))
        _check_sound(connection)
        # Whether there is room, and whether we may write, shows before anything depends on it.
        connection.execute(
            "INSERT OR REPLACE INTO meta VALUES ('opened_at', ?)", (datetime.now(UTC).isoformat(),)
        )
        return connection, notices


def _look(path: Path) -> None:
    """Look at an existing database without changing a byte of it."""
    connection = _connect(path, "ro")
    with contextlib.closing(connection), _damage_named():
        try:
            _check_version(connection, path)
        except sqlite3.OperationalError as error:
            # A process was killed in the middle of a transaction: SQLite undoes it when we open for writing.
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse the database of a newer version, and one of another program.

    Raises:
        JournalError: it is one of these.
        _DamagedError: tables are missing.
        sqlite3.Error: it cannot be read.
    """
    version, tables = schema.version_of(connection), schema.tables_of(connection)
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner != schema.APPLICATION_ID and (owner or version or tables):
        raise JournalError(f"{str(path)!r} is the database of another program, not a journal: move it away")
    if version > schema.newest():
        raise JournalError(
            f"the journal {str(path)!r} was written by a newer pytest-moderator (version {version} of the journal, "
            f"this one knows {schema.newest()}): update pytest-moderator, or choose another place with "
            "--moderator-state-dir"
        )
    if version == schema.newest() and (missing := schema.TABLES - tables):
        raise _DamagedError(f"tables are missing: {', '.join(sorted(missing))}")


def _check_is_not_older(connection: sqlite3.Connection, path: Path) -> None:
    if (version := schema.version_of(connection)) < schema.newest():
        raise JournalError(
            f"the journal {str(path)!r} was written by an older pytest-moderator (version {version} of the journal, "
            f"this one needs {schema.newest()}): the next run brings it up to date"
        )


def _check_sound(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _DamagedError(" ".join(str(verdict).split()))


def _set_journal_mode(connection: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """Choose WAL, or on a network file system what works there; say so then."""
    from pytest_moderator.journal.filesystems import network_kind  # noqa: PLC0415 (views need none of it)

    kind = network_kind(path.parent)
    wanted = "delete" if kind else "wal"
    (mode,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    connection.execute("PRAGMA synchronous = NORMAL")
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
    os.close(os.open(kept, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    with contextlib.closing(_connect(kept, "rw")) as copy:
        connection.backup(copy)
    schema.migrate(connection)
    notice = (
        f"the journal {str(path)!r} was brought from version {version} to {schema.newest()}; "
        f"the old one is kept as {kept.name!r}"
    )
    return (notice,)


def _set_aside(path: Path) -> Path:
    """Give a damaged database and what belongs to it another name, and never that of another file."""
    kept = _free_name(path, "damaged")
    # The database goes last: without it, what lies beside it would be taken for that of the new one.
    for beside in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{beside}", f"{kept}{beside}")  # noqa: PTH104 (names are made of text)
    return path.rename(kept)


def _free_name(path: Path, why: str) -> Path:
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.name}.{why}-{time}{count}" for count in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(free for free in map(path.with_name, names) if not os.path.lexists(free))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Connect to a database that is there. SQLite itself makes none, so that its mode is ours to choose."""
    text = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(
        f"file://{text}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


@contextlib.contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextlib.contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            raise _DamagedError(error) from error
        raise


@contextlib.contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Let nobody else open the journal for writing at the same time: it could set aside what we make."""
    from pytest_moderator.journal.lock import held  # noqa: PLC0415 (views need none of it)

    with held(state_dir, f".{NAME}", BUSY_SECONDS * 2):
        yield
