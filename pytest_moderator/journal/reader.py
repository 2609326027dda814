"""Reading the journal, as views do: also while a run writes it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pytest_moderator.holder import Holder
from pytest_moderator.journal.database import NAME, open_to_read
from pytest_moderator.journal.records import Event, JournalError, RunStatus, RunSummary, TaskRow
from pytest_moderator.journal.texts import clean
from pytest_moderator.journal.trouble import TROUBLE, damaged, explain
from pytest_moderator.model.result import Usage
from pytest_moderator.model.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_RUNS = """
SELECT id, files, root, workers, command, pid, process_started, boot, host, status, started_at, ended_at, exit_code,
    directory
FROM runs
"""
_NEWEST_RUNS = _RUNS + "ORDER BY rowid DESC"
_RUNS_BEGINNING = _RUNS + "WHERE substr(id, 1, length(:begin)) = :begin ORDER BY rowid DESC LIMIT 4"
_COUNTS = "SELECT status, count(*) FROM task_executions WHERE run_id = ? GROUP BY status"
_TASKS = """
SELECT file, task_id, title, line, phase, step_number, status, started_at, completed_at, worker, error_message,
    retry_count, fingerprint, {result}, logs
FROM task_executions WHERE run_id = ? ORDER BY step_number, file, id
"""
_TASKS_ALONE = _TASKS.format(result="NULL")
_TASKS_WITH_RESULTS = _TASKS.format(result="result")
# most have none; SQLite's own JSON functions are an option of its build
_RESULTS_WITH_USAGE = """
SELECT result FROM task_executions WHERE run_id = ? AND result NOT LIKE '%"usage":null%'
"""
_EVENTS = (
    "SELECT seq, run_id, file, task_id, attempt, kind, at, payload FROM events WHERE run_id = ? AND seq > ?"
)
_STATUS, _RESULT = 6, 13  # among the columns of a task
_NEAR = 3  # runs


class JournalReader:
    """What is in a journal. Any number of readers may read while a run writes; they change nothing.

    Raises:
        JournalError: there is no journal, it was written by a newer version, or it cannot be read.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir.absolute()
        self.path = self._state_dir / NAME
        self._connection = open_to_read(self._state_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal; once is enough."""
        self._connection.close()

    def runs(self, limit: int = 50, file: str | None = None) -> list[RunSummary]:
        """Give the runs, the one that began last first.

        Args:
            limit: give at most so many.
            file: only those of this tasks file, as pytest names it.

        Raises:
            JournalError: the journal cannot be read.
        """
        found: list[RunSummary] = []
        wanted = None if file is None else clean(file)
        with self._reading():
            for row in self._connection.execute(_NEWEST_RUNS).fetchall():
                if len(found) == limit:
                    break
                if wanted is None or wanted in json.loads(row[1]):
                    found.append(self._summary(row))
        return found

    def run(self, run_id: str) -> RunSummary:
        """Give a run.

        Args:
            run_id: its id, or as much of its beginning as no other run has.

        Raises:
            JournalError: there is no such run, or several; or the journal cannot be read.
        """
        with self._reading():
            rows = self._connection.execute(_RUNS_BEGINNING, {"begin": clean(run_id)}).fetchall()
            exact = [row for row in rows if row[0] == clean(run_id)]
            if len(exact or rows) == 1:
                return self._summary((exact or rows)[0])
        if rows:
            raise JournalError(f"several runs begin with {run_id!r}: {', '.join(row[0] for row in rows)}")
        raise JournalError(f"there is no run {run_id!r} in {str(self.path)!r}{self._near(run_id)}")

    def tasks(self, run_id: str, *, results: bool = True) -> list[TaskRow]:
        """Give the tasks of a run, in the order of their steps.

        Args:
            run_id: the run's whole id.
            results: whether to read what came of them; it is left out otherwise, which is faster.

        Raises:
            JournalError: the journal cannot be read.
        """
        return self._rows(_TASKS_WITH_RESULTS if results else _TASKS_ALONE, run_id)

    def spent(self, run_id: str) -> Usage:
        """Sum up what all tasks of a run have used: money, tokens, turns.

        Args:
            run_id: the run's whole id.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._reading():
            rows = self._connection.execute(_RESULTS_WITH_USAGE, (clean(run_id),)).fetchall()
            usages = (json.loads(result).get("usage") for (result,) in rows)
            return reduce(Usage.plus, (Usage(**usage) for usage in usages if usage), Usage())

    def events(
        self, run_id: str, after: int = 0, limit: int = 1000, kinds: Collection[str] = ()
    ) -> list[Event]:
        """Give events of a run, in their order.

        Args:
            run_id: the run's whole id.
            after: only those whose ``seq`` is above this.
            limit: give at most so many.
            kinds: only these kinds; all without it.

        Raises:
            JournalError: the journal cannot be read.
        """
        chosen = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        query = f"{_EVENTS}{chosen} ORDER BY seq LIMIT ?"
        with self._reading():
            rows = self._connection.execute(query, (clean(run_id), after, *kinds, limit)).fetchall()
            return [_event(row) for row in rows]

    def data_version(self) -> int:
        """Give a number that changes when somebody else has written.

        Raises:
            JournalError: the journal cannot be read.
        """
        with self._reading():
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _rows(self, query: str, run_id: str, *values: object) -> list[TaskRow]:
        """Give what a query for tasks of a run finds; its first parameter is the run."""
        with self._reading():
            rows = self._connection.execute(query, (clean(run_id), *values)).fetchall()
            return [_task(row) for row in rows]

    def _summary(self, row: tuple[Any, ...]) -> RunSummary:
        holder = Holder(*row[5:9])
        files = tuple(json.loads(row[1]))
        status = RunStatus(row[9])
        counts = self._connection.execute(_COUNTS, (row[0],)).fetchall()
        return RunSummary(
            id=row[0],
            files=files,
            root=Path(row[2]),
            workers=row[3],
            command=tuple(json.loads(row[4])),
            directory=Path(row[13]),
            holder=holder,
            status=status,
            alive=not status.ended and self._is_alive(files, holder),
            started_at=row[10],
            ended_at=row[11],
            exit_code=row[12],
            counts={TaskStatus(name): count for name, count in counts},
        )

    def _is_alive(self, files: tuple[str, ...], holder: Holder) -> bool:
        """Whether a process is still at work on a run: it is there, or (from another machine) its lock is held."""
        from pytest_moderator.journal.lock import is_held_by  # noqa: PLC0415 (most runs have ended)

        return holder.is_alive() is True or any(is_held_by(self._state_dir, file, holder) for file in files)

    def _near(self, run_id: str) -> str:
        from pytest_moderator.nearest import NearestIds  # noqa: PLC0415 (for a mistake only)

        known = [row[0] for row in self._connection.execute(_NEWEST_RUNS)]
        nearest = NearestIds(known).of(run_id)
        if nearest:
            return f"; did you mean {nearest!r}?"
        return f"; the last ones are {', '.join(known[:_NEAR])}" if known else "; there are none yet"

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except TROUBLE as error:
            raise explain(error, self.path, "read") from error
        except (ValueError, TypeError) as error:
            raise damaged(self.path, error) from error  # what we wrote ourselves was JSON and our own words


def _task(row: tuple[Any, ...]) -> TaskRow:
    values = list(row)
    values[_STATUS] = TaskStatus(values[_STATUS])
    if values[_RESULT] is not None:
        values[_RESULT] = json.loads(values[_RESULT])
    return TaskRow(*values)


def _event(row: tuple[Any, ...]) -> Event:
    values = list(row)
    values[-1] = json.loads(values[-1])
    return Event(*values)
