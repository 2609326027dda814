"""A backend that applies SQL scripts to a SQLite database. docs/writing-a-backend.md goes through it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator import Backend, Health, Problem, Severity, TaskResult, TaskStatus

if TYPE_CHECKING:
    from pytest_moderator import AttemptContext, Task

DATABASE = "out/shop.db"
ROWS_PER_SECOND = 20_000


class SqlBackend(Backend):
    """Applies the ``.sql`` files that a task names, in order; the note ``Database`` names another database."""

    name = "sql"

    def accepts(self, task: Task) -> bool:
        return bool(scripts_of(task))

    def health(self) -> Health:
        found = sqlite3.sqlite_version
        if sqlite3.sqlite_version_info < (3, 35):
            hint = "use a Python that was built with SQLite 3.35 or newer"
            return Health(ok=False, version=found, detail="SQLite is too old", hint=hint)
        return Health(version=found, detail="the SQLite of Python")

    def validate(self, task: Task) -> list[Problem]:
        if not scripts_of(task):
            message = f"{task.id} names no .sql file"
            return [Problem(Severity.ERROR, "no-script", message, "name one in its title")]
        return [
            Problem(
                Severity.WARNING, "no-such-script", f"there is no {name} yet", "make it, or correct the name"
            )
            for name in scripts_of(task)
            if not Path(name).exists()
        ]

    def estimate(self, task: Task) -> float | None:
        paths = [Path(name) for name in scripts_of(task)]
        if not all(path.exists() for path in paths):
            return None
        return sum(path.read_text().count("\n") for path in paths) / ROWS_PER_SECOND

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        database = Path(context.working_directory, task.notes.get("Database", DATABASE))
        database.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(database)
        if context.timeout is not None:  # a backend keeps to the time limit itself
            end = time.monotonic() + context.timeout
            connection.set_progress_handler(lambda: time.monotonic() > end, 1000)
        try:
            before = connection.total_changes
            for name in scripts_of(task):
                script = Path(context.working_directory, name).read_text()
                connection.executescript(f"BEGIN;\n{script}\nCOMMIT;")
            changed = connection.total_changes - before
        except sqlite3.Error as error:
            connection.rollback()
            return TaskResult(
                task,
                exit_code=1,
                status=TaskStatus.FAILED,
                error_message=f"{name}: {error}; nothing of it was kept",
            )
        finally:
            connection.close()
        return TaskResult(task, stdout=f"{database.name}: {changed} rows changed\n")


def scripts_of(task: Task) -> list[str]:
    """List the SQL scripts that a task names."""
    return [name for name in task.files if name.endswith(".sql")]
