"""Runs and tasks for tests of the journal, and what they must come to."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_moderator.journal import Holder, Journal, JournalReader, RunRecord, TaskRecord
from pytest_moderator.model import Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_moderator.journal import Event

FILE = "tasks.md"
DONE = ("completed", "skipped")
HERE = Path(__file__).parent
OPEN = """
from pathlib import Path
from pytest_moderator.journal import Journal, JournalError
try:
    with Journal.open(Path(sys.argv[1])) as journal:
        print(*journal.notices)
except JournalError as error:
    print("refused:", error)
"""
READ = """
from pathlib import Path
from pytest_moderator.journal import JournalReader, JournalError
try:
    with JournalReader(Path(sys.argv[1])) as reader:
        print([run.id for run in reader.runs()], len(reader.events("run-1")))
except JournalError as error:
    print("refused:", error)
"""


def run_record(run_id: str = "run-1", files: tuple[str, ...] = (FILE,)) -> RunRecord:
    """A run of this process."""
    return RunRecord(run_id, files, Path("/project"), 2, ("--moderator", *files), Holder.here())


def task_record(
    number: int, status: TaskStatus = TaskStatus.PENDING, reason: str | None = None, file: str = FILE
) -> TaskRecord:
    """The n-th task of a file."""
    return TaskRecord(
        file, f"T{number:03}", f"Do {number}", number, "Setup", f"print-{number}", number, status, reason
    )


def result_of(number: int, status: TaskStatus = TaskStatus.COMPLETED, **more: Any) -> TaskResult:
    """What came of the n-th task."""
    return TaskResult(Task(f"T{number:03}", f"Do {number}", number), status=status, **more)


def replay(events: Iterable[Event]) -> dict[tuple[str, str], dict[str, Any]]:
    """Tell from the events of a run alone what the rows of its tasks must hold."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for event in events:
        if event.kind in ("run_started", "run_resumed"):
            _begin(rows, event)
        elif "status" in event.payload and (event.file, event.task_id) in rows:
            _change(rows[event.file, event.task_id], event)
    return rows


def _begin(rows: dict[tuple[str, str], dict[str, Any]], event: Event) -> None:
    for file, statuses in event.payload["tasks"].items():
        for task_id, status in statuses.items():
            old = rows.get((file, task_id), {})
            reason = event.payload["reasons"].get(file, {}).get(task_id)
            kept = old if status in DONE and old.get("status") in DONE else {}
            row = {
                "status": status,
                "reason": reason,
                "logs": old.get("logs"),
                "retry_count": old.get("retry_count", 0),
                **{name: kept.get(name) for name in ("started_at", "completed_at", "worker", "result")},
            }
            if kept.get("status") == "completed":
                row |= {"status": "completed", "reason": old["reason"]}
            rows[file, task_id] = row


def _change(row: dict[str, Any], event: Event) -> None:
    said = event.payload
    result = said.get("result")
    status, before = said["status"], row["status"]
    row["status"] = status
    row["reason"] = said.get("reason")
    row["logs"] = said.get("logs") or row["logs"]
    row["result"] = result
    if result:
        row["retry_count"] = max(result["attempts"] - 1, 0)
    elif event.attempt:
        row["retry_count"] = event.attempt - 1
    if status in ("completed", "failed", "skipped"):
        row["worker"] = (result or {}).get("worker") or said.get("worker") or row["worker"]
        row["started_at"] = (result or {}).get("started_at") or row["started_at"]
        row["completed_at"] = (result or {}).get("finished_at") or event.at
        return
    row["completed_at"] = None
    if status == "pending":
        row["worker"] = row["started_at"] = None
        return
    row["worker"] = said.get("worker") or row["worker"]
    if before not in ("running", "paused"):
        row["started_at"] = None
    if status == "running":
        row["started_at"] = row["started_at"] or event.at


def rows_of(reader: JournalReader, run_id: str = "run-1") -> dict[tuple[str, str], dict[str, Any]]:
    """Give what :func:`replay` tells, as the tables have it."""
    names = ("status", "reason", "logs", "retry_count", "started_at", "completed_at", "worker", "result")
    return {
        (row.file, row.task_id): {name: getattr(row, name) for name in names} for row in reader.tasks(run_id)
    }


def all_events(reader: JournalReader, run_id: str = "run-1") -> list[Event]:
    """Give all events of a run."""
    return reader.events(run_id, limit=10**9)


def check(state_dir: Path, run_id: str = "run-1") -> list[Event]:
    """See that a journal is sound and that its tables say what its events say; give these."""
    with closing(sqlite3.connect(state_dir / "state.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with JournalReader(state_dir) as reader:
        events = all_events(reader, run_id)
        assert rows_of(reader, run_id) == replay(events)
    return events


def crash_image(state_dir: Path, target: Path) -> Path:
    """Copy a journal as it would be found if all its processes were killed now."""
    target.mkdir()
    for path in state_dir.glob("state.db*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, target)
    return target


def fill(state_dir: Path) -> None:
    """Leave a journal with one run."""
    with Journal.open(state_dir) as journal:
        journal.begin_run(run_record(), [task_record(1)])
        journal.record("task_ended", file=FILE, task_id="T001", result=result_of(1))


def contents(state_dir: Path) -> dict[str, bytes]:
    """Give what the files hold that belong to the database."""
    return {path.name: path.read_bytes() for path in state_dir.glob("state.db*")}


def make(state_dir: Path, script: str) -> Path:
    """Make a database by hand."""
    state_dir.mkdir(exist_ok=True)
    with closing(sqlite3.connect(state_dir / "state.db")) as connection:
        connection.executescript(script)
    return state_dir / "state.db"


def start(script: str, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a Python script that can import this module; what it prints is read line by line."""
    code = f"import sys; sys.path.insert(0, {str(HERE)!r})\n{textwrap.dedent(script)}"
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a script that must succeed; give what it printed."""
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, f"{output}\n{errors}"
    return output
