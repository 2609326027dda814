"""What SQLite complains about, in words that help."""

from __future__ import annotations

import errno
import os
import sqlite3
from typing import TYPE_CHECKING

from pytest_moderator.journal.records import DamagedJournalError, JournalError

if TYPE_CHECKING:
    from pathlib import Path

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
OTHER_PLACE = "choose another place with --moderator-state-dir"
_LONGEST_PATH = 500  # bytes: SQLite takes 512, and adds endings to it

# What the operating system would say, and what can be done about it.
_WORDS = {
    sqlite3.SQLITE_FULL: (os.strerror(errno.ENOSPC), "make room on the disk"),
    sqlite3.SQLITE_IOERR: (
        os.strerror(errno.EIO),
        "see whether the disk is full or broken, or a limit on the size of files is reached",
    ),
    sqlite3.SQLITE_READONLY: (os.strerror(errno.EACCES), f"make it writable, or {OTHER_PLACE}"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", f"make it writable, or {OTHER_PLACE}"),
    sqlite3.SQLITE_PERM: (os.strerror(errno.EACCES), f"make it writable, or {OTHER_PLACE}"),
    sqlite3.SQLITE_BUSY: ("another process has locked it", "see which one holds it (fuser), and try again"),
}


Trouble = sqlite3.Error | UnicodeDecodeError
TROUBLE = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; the second one when damage has got into its message."""


def primary_code(error: Trouble) -> int | None:
    """Give the kind of an error of SQLite; ``None`` for one that Python has made."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_damage(error: Trouble) -> bool:
    """Whether an error says that the file is not as SQLite has written it."""
    undecodable = isinstance(error, UnicodeDecodeError) or "Could not decode to UTF-8" in str(error)
    return undecodable or primary_code(error) in _DAMAGE


def explain(error: Trouble, path: Path, doing: str) -> JournalError:
    """Make the message for an error of SQLite.

    Args:
        error: the error.
        path: the database.
        doing: what could not be done, such as ``write to``.
    """
    if is_damage(error):
        return damaged(path, error)
    reason, advice = _WORDS.get(primary_code(error) or -1, ("", OTHER_PLACE))
    if primary_code(error) == sqlite3.SQLITE_CANTOPEN and len(os.fsencode(path)) > _LONGEST_PATH:
        reason, advice = f"its path has more than the {_LONGEST_PATH} bytes that SQLite takes", OTHER_PLACE
    said = f"{error}, {getattr(error, 'sqlite_errorname', type(error).__name__)}"
    return JournalError(
        f"cannot {doing} the journal {str(path)!r}: {reason or 'it failed'} ({said}); {advice}"
    )


def explain_os(error: OSError, path: Path, doing: str) -> JournalError:
    """Make the message for an error of the operating system."""
    advice = "make room on the disk" if error.errno == errno.ENOSPC else f"make it writable, or {OTHER_PLACE}"
    return JournalError(f"cannot {doing} the journal {str(path)!r}: {error.strerror or error}; {advice}")


def damaged(path: Path, why: object) -> DamagedJournalError:
    """Make the message for a journal that can be read in part only."""
    return DamagedJournalError(
        f"the journal {str(path)!r} is damaged ({why}); the next run sets it aside and begins a new one"
    )
