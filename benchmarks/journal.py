"""What it costs to write a run down, and to read it when the journal has grown."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import best, median, percentile
from benchmarks.tables import Goal, Section, Table
from pytest_moderator.journal import Holder, Journal, JournalReader, RunRecord, RunStatus, TaskRecord
from pytest_moderator.model import Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.options import Options

FILE = "tasks.md"
MS = 1000
MOST_MS_AN_EVENT = 0.6
MOST_MS_READING = 50
EVENTS_OF_A_TASK = 5
OUTPUT = "a line of output\n" * 20
REPEATS = 5
BYTES_OF_A_COMMIT = 32 * 1024


def measure(options: Options) -> Section:
    """Write 100,000 events of 20 runs, and read what views show."""
    runs, tasks = (2, 100) if options.quick else (20, 1000)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as name:
        state_dir = Path(name)
        with Journal.open(state_dir) as journal:
            ends = [
                write_run(journal, f"run-{number}", tasks, durable=number % 2 == 0) for number in range(runs)
            ]
        durable = [seconds for times in ends[::2] for seconds in times.ends]
        plain = [seconds for times in ends[1::2] for seconds in times.ends]
        readings = dict(read(state_dir, f"run-{runs - 1}"))
        bare = write_to_disk(state_dir / "bare", 300)
        size = (state_dir / "state.db").stat().st_size / 2**20
    events = runs * tasks * EVENTS_OF_A_TASK
    slowest = [
        max(times.seconds for times in some) / tasks / EVENTS_OF_A_TASK for some in (ends[1::2], ends[::2])
    ]
    return Section(
        f"Journal: {events} events of {runs} runs",
        tables=(
            Table(
                ("written", "median ms", "99 % ms", "longest ms"),
                (
                    _row("a task's end, committed", plain),
                    _row("a task's end, on the disk", durable),
                    _row("as many bytes on the disk, without a journal", bare),
                ),
            ),
            Table(("read", "ms"), tuple((what, f"{value * MS:.2f}") for what, value in readings.items())),
        ),
        goals=(
            Goal("an event, ends committed: the slowest run", slowest[0] * MS, MOST_MS_AN_EVENT, "ms", 3),
            Goal("an event, ends on the disk: the slowest run", slowest[1] * MS, MOST_MS_AN_EVENT, "ms", 3),
            *(
                Goal(f"reading: {what}", value * MS, MOST_MS_READING, "ms")
                for what, value in readings.items()
            ),
        ),
        notes=(
            f"{EVENTS_OF_A_TASK} events a task, {len(OUTPUT)} characters of output; {size:.0f} MiB in the end",
            "a task's end is committed with the events before it",
            f"reading: best of {REPEATS}, opening included; tasks are the {tasks} of the last run",
        ),
    )


def write_to_disk(path: Path, count: int) -> list[float]:
    """Give what the disk itself takes to write what a task's end changes."""
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(os.urandom(BYTES_OF_A_COMMIT))
            before = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - before)
    return times


class Times:
    """Seconds that a run has taken to write down, and each end of a task in it."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.seconds = 0.0


def write_run(journal: Journal, run_id: str, tasks: int, *, durable: bool) -> Times:
    """Write down a run of so many tasks."""
    times = Times()
    started = time.perf_counter()
    records = [
        TaskRecord(FILE, f"T{n:04}", f"Do {n}", n, "Build", f"{n:064}", n, TaskStatus.PENDING)
        for n in range(tasks)
    ]
    run = RunRecord(run_id, (FILE,), Path("/project"), 2, (FILE,), Holder.here())
    journal.begin_run(run, records)
    for record in records:
        _write_task(journal, record, times, durable=durable)
    journal.set_run_status(RunStatus.COMPLETED, kind="run_ended", payload={"exit_code": 0})
    times.seconds = time.perf_counter() - started
    return times


def _write_task(journal: Journal, record: TaskRecord, times: Times, *, durable: bool) -> None:
    task_id = record.task_id
    place = {"worker": "gw0", "logs": f"runs/run/tasks/{task_id}"}
    journal.record("task_started", file=FILE, task_id=task_id, status=TaskStatus.RUNNING, payload=place)
    for attempt in (1, 2):
        process = {"pid": 4711, "process_started": 1767262500.25}
        journal.record("attempt_running", file=FILE, task_id=task_id, attempt=attempt, payload=process)
    journal.record("attempt_failed", file=FILE, task_id=task_id, attempt=1, payload={"error": "exit code 1"})
    result = TaskResult(Task(task_id, record.title, record.line), stdout=OUTPUT, attempts=2, worker="gw0")
    before = time.perf_counter()
    journal.record("task_ended", file=FILE, task_id=task_id, result=result, durable=durable)
    times.ends.append(time.perf_counter() - before)


def read(state_dir: Path, run_id: str) -> Iterator[tuple[str, float]]:
    """Time what views ask for."""

    def timed(look: Callable[[JournalReader], object]) -> float:
        times = []
        for _ in range(REPEATS):
            before = time.perf_counter()
            with JournalReader(state_dir) as reader:
                look(reader)
            times.append(time.perf_counter() - before)
        return best(times)

    yield "runs", timed(lambda reader: reader.runs())
    yield "tasks", timed(lambda reader: reader.tasks(run_id))
    yield "tasks without results", timed(lambda reader: reader.tasks(run_id, results=False))
    yield "1000 events of the last run", timed(lambda reader: reader.events(run_id))


def _row(what: str, seconds: list[float]) -> tuple[str, ...]:
    values = (median(seconds), percentile(seconds, 0.99), max(seconds))
    return what, *(f"{value * MS:.3f}" for value in values)
