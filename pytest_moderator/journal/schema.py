"""The tables of the journal and their versions; ``docs/journal.md`` explains them to those who query them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID = 0x4D4F4452  # "MODR", for `file` and for telling our databases from others

_VERSION_1 = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT
);
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    files TEXT NOT NULL,
    root TEXT NOT NULL,
    directory TEXT NOT NULL,
    status TEXT NOT NULL,
    workers INTEGER NOT NULL,
    command TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started REAL NOT NULL,
    boot TEXT NOT NULL,
    host TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    exit_code INTEGER,
    version TEXT NOT NULL
);
CREATE TABLE task_executions (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    file TEXT NOT NULL,
    task_id TEXT NOT NULL,
    title TEXT NOT NULL,
    line INTEGER NOT NULL,
    phase TEXT,
    fingerprint TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    worker TEXT,
    logs TEXT,
    error_message TEXT,
    retry_count INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    result TEXT,
    UNIQUE (run_id, file, task_id)
);
CREATE INDEX task_executions_by_status ON task_executions (run_id, status);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    file TEXT,
    task_id TEXT,
    attempt INTEGER,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX events_by_run ON events (run_id, seq);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    file TEXT,
    task_id TEXT,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    payload TEXT NOT NULL,
    taken_at TEXT
);
CREATE INDEX requests_not_taken ON requests (run_id) WHERE taken_at IS NULL;
"""

MIGRATIONS: tuple[str, ...] = (_VERSION_1,)
"""The n-th makes version n + 1 of version n; version 0 is an empty database. Never change one that was released."""

TOUCH = "INSERT INTO meta VALUES ('touched', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1"
"""Writes something that was not there before: SQLite does not write what stays the same."""

TABLES = frozenset({"meta", "runs", "task_executions", "events", "requests"})
"""The tables that the newest version must have."""


def newest() -> int:
    """Give the version that this program writes."""
    return len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """Give the version of an open database; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def tables_of(connection: sqlite3.Connection) -> frozenset[str]:
    """Name the tables of an open database."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return frozenset(str(name) for (name,) in rows)


def columns_of(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Name the columns of our tables in an open database, each with its table."""
    columns = "SELECT :table, name FROM pragma_table_info(:table)"
    return frozenset(row for table in TABLES for row in connection.execute(columns, {"table": table}))


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an open database to the newest version, as a whole or not at all.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    steps = "".join(MIGRATIONS[version_of(connection) :])
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {newest()};"
    connection.executescript(f"BEGIN IMMEDIATE; {steps} {marks} COMMIT;")
