"""The database file: finding it, connecting to it, and opening it for those who do not run tasks."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

from pytest_moderator.journal import schema
from pytest_moderator.journal.records import JournalError
from pytest_moderator.journal.trouble import OTHER_PLACE, TROUBLE, damaged, explain, explain_os

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "state.db"
BUSY_SECONDS = 5.0
"""How long to wait for another process that writes."""


class DamagedError(Exception):
    """The database is not as SQLite has written it."""


def open_to_read(state_dir: Path) -> sqlite3.Connection:
    """Open the journal for a view. What is in it is not changed.

    Raises:
        JournalError: there is none, it was written by another version, or it cannot be read.
    """
    path = _existing(state_dir)
    try:
        connection = _connect_to_read(path)
        with closed_on_error(connection):
            check_version(connection, path)
            _check_is_not_older(connection, path)
            return connection
    except DamagedError as error:
        raise damaged(path, error) from error
    except TROUBLE as error:
        raise explain(error, path, "read") from error


def open_to_ask(state_dir: Path) -> sqlite3.Connection:
    """Open the journal for somebody who only writes a request.

    Raises:
        JournalError: there is none, it was written by another version, or it cannot be read.
    """
    open_to_read(state_dir).close()
    return connect(state_dir / NAME, "mode=rw")


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Connect to a database that is there: SQLite makes none, so that its permissions are ours to choose.

    Args:
        path: the database.
        mode: ``mode=ro``, ``mode=rw`` or another parameter of SQLite's file names.
    """
    text = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(
        f"file://{text}?{mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def check_file(path: Path) -> None:
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
        whose = f"belongs to another user (number {found.st_uid})"
        raise JournalError(f"the journal {str(path)!r} {whose}: {OTHER_PLACE}")


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse the database of a newer version, and one of another program.

    Raises:
        JournalError: it is one of these.
        DamagedError: tables are missing.
        sqlite3.Error: it cannot be read.
    """
    version, tables = schema.version_of(connection), schema.tables_of(connection)
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner != schema.APPLICATION_ID and (owner or version or tables):
        raise JournalError(f"{str(path)!r} is the database of another program, not a journal: move it away")
    if version > schema.newest():
        raise JournalError(
            f"the journal {str(path)!r} was written by a newer pytest-moderator (version {version} of the journal, "
            f"this one knows {schema.newest()}): update pytest-moderator, or {OTHER_PLACE}"
        )
    if version == schema.newest() and (missing := schema.TABLES - tables):
        raise DamagedError(f"tables are missing: {', '.join(sorted(missing))}")


@contextlib.contextmanager
def closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection that nobody will get."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _existing(state_dir: Path) -> Path:
    path = state_dir / NAME
    try:
        check_file(path)
    except FileNotFoundError as error:
        raise _no_journal(path) from error
    except OSError as error:
        raise explain_os(error, path, "read") from error
    return path


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect for reading, also where a process was killed while it wrote, and where nobody may write."""
    try:
        return _tried(path, "mode=ro")
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:
            _tried(
                path, "mode=rw"
            ).close()  # a transaction was half written: SQLite undoes it for who may write
            return _tried(path, "mode=ro")
        if code == sqlite3.SQLITE_CANTOPEN and not _is_left_over(path.with_name(f"{path.name}-wal")):
            return _tried(path, "immutable=1")  # on a read-only file system nothing can change while we read
        raise


def _tried(path: Path, mode: str) -> sqlite3.Connection:
    """Connect and read: SQLite opens files only when it has to."""
    connection = connect(path, mode)
    with closed_on_error(connection):
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection


def _is_left_over(wal: Path) -> bool:
    try:
        return wal.stat().st_size > 0
    except FileNotFoundError:
        return False


def _check_is_not_older(connection: sqlite3.Connection, path: Path) -> None:
    version = schema.version_of(connection)
    if not version:
        raise _no_journal(path)
    if version < schema.newest():
        raise JournalError(
            f"the journal {str(path)!r} was written by an older pytest-moderator (version {version} of the journal, "
            f"this one needs {schema.newest()}): the next run brings it up to date"
        )


def _no_journal(path: Path) -> JournalError:
    return JournalError(
        f"there is no journal in {str(path.parent)!r}: no run was started with this state directory yet"
    )
