"""Tasks that keep a ledger of what they do, and the one oracle that looks at everything after a fault."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import psutil
import pytest
from waiting import until

from pytest_moderator.attempt.processes import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from faulty import Ended, Project, RunningRun

FULL = os.environ.get("MODERATOR_FAULTS") == "full"
"""Whether the experiments are made as often, and as large, as the promises want it."""

ORDER = "--moderator-order=explicit"
WORKERS = {"alone": (), "n2": ("-n2",), "n4": ("-n4",)}
_LINE = 'echo "$MODERATOR_RUN_ID $MODERATOR_TASK_ID $MODERATOR_ATTEMPT {what}" >> ledger'
_EXIT_CODES = {"completed": 0, "failed": 1, "interrupted": 2, "cancelled": 2}


def often(short: int, full: int) -> range:
    """Give the seeds of an experiment: a few, or as many as it takes."""
    return range(full if FULL else short)


class Ledger:
    """Tasks that depend on each other at random; each writes down that it starts, and that it ends.

    Args:
        project: where they are.
        seed: makes the same tasks again.
        count: how many; as many as usual without it.
        longest: seconds that a task takes at most.
        extra: what each task says besides, such as ``retries: 1``.
        gate: a file that the last task waits for, so that the run does not end before it is there.

    Attributes:
        forgotten: ids of runs of which no journal knows any more; what their tasks wrote is passed over.
    """

    def __init__(
        self,
        project: Project,
        seed: object,
        *,
        count: int = 0,
        longest: float = 0.15,
        extra: str = "",
        gate: str = "",
    ) -> None:
        self.random = random.Random(str(seed))
        self.project = project
        self.path = project.path / "ledger"
        self.forgotten: set[str] = set()
        self.ids = [f"T{number:03}" for number in range(1, (count or (40 if FULL else 10)) + 1)]
        self.parents = {
            task_id: tuple(
                sorted(self.random.sample(self.ids[:place], min(place, self.random.randint(0, 2))))
            )
            for place, task_id in enumerate(self.ids)
        }
        gates = {self.ids[-1]: gate}
        project.tasks(
            "".join(self._task(task_id, longest, extra, gates.get(task_id)) for task_id in self.ids)
        )

    def _task(self, task_id: str, longest: float, extra: str, gate: str | None) -> str:
        parents = self.parents[task_id]
        needs = f" (depends on {', '.join(parents)})" if parents else ""
        pause = f"sleep {self.random.uniform(0, longest):.3f}"
        if gate:
            pause = f"until [ -e {gate} ]; do sleep 0.01; done"
        script = "; ".join((_LINE.format(what="start"), pause, _LINE.format(what="end")))
        more = f"  - {extra}\n" if extra else ""
        return f"- [ ] {task_id} writes{needs}\n{more}  - run: `{script}`\n"

    @property
    def lines(self) -> list[tuple[str, int, str]]:
        """What the tasks have written: id, attempt, ``start`` or ``end``."""
        if not self.path.exists():
            return []
        rows = (line.split() for line in self.path.read_text().splitlines())
        return [
            (task_id, int(attempt), what) for run, task_id, attempt, what in rows if run not in self.forgotten
        ]

    def run(self, *args: str, **options: Any) -> Ended:
        """Run the tasks to the end."""
        return self.project.run(ORDER, *args, **options)

    def start(self, *args: str, **options: Any) -> RunningRun:
        """Begin to run the tasks."""
        return self.project.start(ORDER, *args, **options)

    def until_written(self, run: RunningRun, lines: int) -> None:
        """Wait until the ledger has so many lines, and then for any other moment."""
        until(lambda: len(self.lines) >= lines or run.process.poll() is not None)
        time.sleep(self.random.uniform(0, 0.05))

    def kill_at_random(self, run: RunningRun) -> None:
        """Kill the controlling process at some moment of the run."""
        already = len(self.lines)
        self.until_written(run, self.random.randint(already, max(already + 1, 2 * len(self.ids) - 2)))
        run.kill()


@dataclass
class Journal:
    """The journal of a project, as anybody may read it."""

    project: Project

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        path = self.project.path / ".moderator" / "state.db"
        with contextlib.closing(
            sqlite3.connect(f"file://{path}?mode=rw", timeout=10, uri=True)
        ) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def ask(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Give the rows of a query."""
        with self._connected() as connection:
            return connection.execute(query, values).fetchall()

    @property
    def runs(self) -> list[sqlite3.Row]:
        return self.ask("SELECT * FROM runs ORDER BY rowid")

    @property
    def begun(self) -> bool:
        """Whether any run has."""
        if not (self.project.path / ".moderator" / "state.db").exists():
            return False
        return bool(self.ask("SELECT 1 FROM sqlite_master WHERE name = 'runs'")) and bool(self.runs)

    @property
    def statuses(self) -> dict[str, str]:
        """Where the tasks of the newest run stand."""
        rows = self.ask("SELECT * FROM task_executions WHERE run_id = ?", self.runs[-1]["id"])
        assert len({row["task_id"] for row in rows}) == len(rows)
        return {row["task_id"]: row["status"] for row in rows}

    @property
    def events(self) -> list[tuple[str, str | None, Mapping[str, Any]]]:
        """The events of the newest run: kind, task, payload."""
        query = "SELECT kind, task_id, payload FROM events WHERE run_id = ? ORDER BY seq"
        return [
            (row["kind"], row["task_id"], json.loads(row["payload"]))
            for row in self.ask(query, self.runs[-1]["id"])
        ]

    @property
    def completed(self) -> dict[str, int]:
        """The tasks whose success was acknowledged, and in which attempt."""
        return {
            str(task_id): payload["result"]["attempts"]
            for kind, task_id, payload in self.events
            if kind == "task_ended" and payload["status"] == "completed"
        }


def check(ledger: Ledger, ended: Ended | None = None, *, code: int | None = None, heard: bool = True) -> None:
    """See that nothing is lost, that nothing ran twice, and that nothing is left.

    Args:
        ledger: the tasks.
        ended: the last run, if it could end by itself: what it has reported is looked at, too.
        code: the exit code that it must have; any that fits to what it has written down without it.
        heard: whether somebody has read what it wrote; its exit code is Python's otherwise.
    """
    journal = Journal(ledger.project)
    if ended is None and not journal.begun:  # it was killed before that
        assert not ledger.lines
        return
    assert [tuple(row) for row in journal.ask("PRAGMA integrity_check")] == [("ok",)]
    _check_ledger(ledger, journal)
    _check_history(journal)
    _check_locks(ledger.project)
    if ended is not None:
        _check_reports(journal, ended, heard=heard)
        _check_processes(ledger.project, journal)
        assert code is None or ended.code == code, ended.output


def check_complete(ledger: Ledger, ended: Ended) -> None:
    """The same, and that every task has been done."""
    check(ledger, ended, code=pytest.ExitCode.OK)
    assert set(Journal(ledger.project).statuses.values()) == {"completed"}
    check_done(ledger, ended)


def check_done(ledger: Ledger, ended: Ended) -> None:
    """See that every task has been done, whatever the journal says of it."""
    assert ended.code == pytest.ExitCode.OK, ended.output
    assert "INTERNALERROR" not in ended.output
    assert {task_id for task_id, _, what in ledger.lines if what == "end"} == set(ledger.ids)


def _check_ledger(ledger: Ledger, journal: Journal) -> None:
    lines = ledger.lines
    twice = [line for line, count in Counter(lines).items() if count > 1]
    assert not twice
    completed = journal.completed
    for task_id, attempt, what in lines:
        if what == "start":
            assert attempt <= completed.get(task_id, attempt), f"{task_id} ran again though it was done"
    for task_id, attempt in completed.items():
        assert (task_id, attempt, "end") in lines, f"{task_id} is done, and was not"
    place = {line: number for number, line in enumerate(lines)}
    first_end: dict[str, int] = {}
    for task_id, attempt, what in lines:
        if what == "end":
            first_end.setdefault(task_id, place[task_id, attempt, what])
    for task_id, attempt, what in lines:
        for parent in ledger.parents[task_id] if what == "start" else ():
            assert first_end.get(parent, len(lines)) < place[task_id, attempt, what], (
                f"{task_id} before {parent}"
            )


def _check_history(journal: Journal) -> None:
    """No task that is done starts, nor ends again; a result is that of a task that had started."""
    done: set[str] = set()
    for kind, task_id, payload in journal.events:
        if kind in ("task_started", "task_ended", "task_interrupted"):
            assert task_id not in done, (kind, task_id)
        if kind == "task_ended" and payload["status"] == "completed":
            done.add(str(task_id))
    assert done <= {task_id for task_id, status in journal.statuses.items() if status == "completed"}


def _check_locks(project: Project) -> None:
    """Nobody holds one: a process that was just forked has it too, but lets go of it when it becomes its program."""
    for path in (project.path / ".moderator" / "locks").iterdir():
        with path.open("rb") as file:
            until(lambda file=file: _can_lock(file), 10)


def _can_lock(file: IO[bytes]) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _check_reports(journal: Journal, ended: Ended, *, heard: bool) -> None:
    """What people are told is what was written down."""
    run = journal.runs[-1]
    assert run["exit_code"] == ended.report["exit_code"], ended.output
    assert run["ended_at"] is not None
    if heard:
        assert (run["exit_code"], _EXIT_CODES[run["status"]]) == (ended.code, ended.code), ended.output
    written = journal.statuses
    if run["status"] in ("completed", "failed"):
        assert set(written.values()) <= {"completed", "failed", "skipped"}
    told = {name: "pending" if status == "running" else status for name, status in ended.told.items()}
    before = {
        name for name, task in ended.tasks.items() if task["error_message"] == "completed earlier in this run"
    }
    assert {name: "completed" if name in before else told[name] for name in told} == written
    cases = Counter(str(case.get("name")) for case in ended.cases)
    assert not heard or set(cases.values()) <= {1}
    reported = {name for name, status in told.items() if status != "pending"}
    assert reported <= cases.keys(), ended.output


def _check_processes(project: Project, journal: Journal) -> None:
    assert not project.processes()
    ids = [row["id"] for row in journal.runs]
    left = [process for process in psutil.process_iter() if any(run in _mark_of(process) for run in ids)]
    assert not left


def _mark_of(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return str(process.environ().get(MARK, ""))
    return ""
