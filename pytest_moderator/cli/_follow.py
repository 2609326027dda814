"""Printing what a task has printed, and going on while it prints more."""

from __future__ import annotations

import codecs
import sys
import time
from typing import TYPE_CHECKING, Protocol

from pytest_moderator.cleaning import clean
from pytest_moderator.cli._journal import find_task, open_journal, run_to_look_at
from pytest_moderator.cli._logs import attempts_in, open_attempt, open_next
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model.task import TaskStatus

if TYPE_CHECKING:
    import argparse
    from typing import BinaryIO, TextIO

    from pytest_moderator.journal import RunSummary, TaskRow
    from pytest_moderator.journal.glance import Glance

PERIOD = 0.1
"""Seconds between two looks for more."""

_ALIVE = 1.0  # seconds between two looks whether the run is alive
_CHUNK = 1 << 16  # bytes
_LONGEST = 1 << 16  # characters of a line without an end that are kept back


class Writer(Protocol):
    """Where logs go."""

    def copy(self, log: BinaryIO) -> None:
        """Write what a log has more of by now."""
        ...

    def flush(self) -> None:
        """Write also what was kept back, because nothing more has come so far."""
        ...


def logs(arguments: argparse.Namespace) -> int:
    """Do ``moderator logs``."""
    with open_journal(arguments) as journal:
        run = run_to_look_at(journal, arguments.run_id)
        row = find_task(journal, run, arguments.id)
        stream = "verify" if arguments.verify else "stderr" if arguments.stderr else "stdout"
        writer = _CleanWriter(sys.stdout) if sys.stdout.isatty() else _RawWriter(sys.stdout.buffer)
        task = _Task(journal, run, row)
        if arguments.follow:
            _follow(task, stream, arguments.attempt, writer)
            return 0
        log = _first(task, stream, arguments.attempt)
        if log is None:
            raise _no_logs(task)
        with log:
            writer.copy(log)
        writer.flush()
    return 0


class _Task:
    """A task of a run, as it stands now."""

    def __init__(self, journal: Glance, run: RunSummary, row: TaskRow) -> None:
        self._journal = journal
        self._alive = run.alive
        self._looked_at = time.monotonic()
        self._version = -1
        self.run = run
        self.row = row

    @property
    def over(self) -> bool:
        """Whether nothing more comes, as far as is known."""
        return self.row.status.ended or not self._alive

    @property
    def removed(self) -> bool:
        """Whether it had logs that went away with all others of the run (``moderator clean``, ``rm``)."""
        return self.row.logs is not None and not (self._journal.state_dir / self.row.logs).parents[1].exists()

    def look(self) -> None:
        """Look again."""
        version = self._journal.data_version()
        if version != self._version:
            self._version = version
            rows = self._journal.with_id(self.run.id, self.row.task_id)
            self.row = next(row for row in rows if row.file == self.row.file)
        if time.monotonic() > self._looked_at + _ALIVE:
            self._looked_at = time.monotonic()
            self._alive = self._journal.run(self.run.id).alive

    def stream(self, wanted: str) -> str:
        """Give the stream to print: that of its verification for a task which has nothing else to run."""
        folder = self._journal.state_dir / (self.row.logs or "")
        others = wanted == "stdout" and self.row.logs is not None and not any(folder.glob("stdout*.log"))
        return "verify" if others and (folder / "verify.log").exists() else wanted

    def open(self, stream: str, attempt: int | None = None) -> BinaryIO | None:
        """Open the log of one attempt, or of the last one; ``None`` when there is none."""
        folder = self._journal.state_dir / (self.row.logs or "")
        return open_attempt(folder, stream, attempt) if self.row.logs else None

    def open_next(self, stream: str, log: BinaryIO) -> BinaryIO | None:
        """Open the log of the attempt after another one; ``None`` when there is none."""
        return open_next(self._journal.state_dir / (self.row.logs or ""), stream, log)

    def attempts(self, stream: str) -> tuple[int, ...]:
        """Number the attempts that have logs."""
        if self.row.logs is None:
            return ()
        earlier = attempts_in(self._journal.state_dir / self.row.logs, stream)
        last = max((*earlier, self.row.retry_count if self.row.status.ended else 0)) + 1
        return (*earlier, last)


def _first(task: _Task, stream: str, attempt: int | None) -> BinaryIO | None:
    """Open the log to begin with."""
    stream = task.stream(stream)
    known = task.attempts(stream)
    if attempt is not None and known and attempt not in known:
        listed = ", ".join(map(str, known))
        raise ModeratorError(f"{task.row.task_id!r} has no attempt {attempt} with logs: there are {listed}")
    if attempt is not None and known and attempt != known[-1]:
        return task.open(stream, attempt)
    # none for the moment in which the next attempt begins
    return task.open(stream) or (task.open(stream, known[-2]) if len(known) > 1 else None)


def _follow(task: _Task, stream: str, attempt: int | None, writer: Writer) -> None:
    log: BinaryIO | None = None
    try:
        while True:
            task.look()
            over = task.over  # all that came before that is there now
            log = log or _first(task, stream, attempt)
            while log:
                writer.copy(log)
                later = task.open_next(task.stream(stream), log)
                if later is None:
                    break
                writer.copy(log)  # what came before the later attempt began
                log.close()
                log = later
            writer.flush()
            if over:
                break
            time.sleep(PERIOD)
    finally:
        if log:
            log.close()
    if log is None:
        raise _no_logs(task)


def _no_logs(task: _Task) -> ModeratorError:
    why = "the logs of that run have been removed" if task.removed else _why_none(task.row)
    return ModeratorError(f"{task.row.task_id!r} has no logs in run {task.run.id}: {why}")


def _why_none(row: TaskRow) -> str:
    if row.status is TaskStatus.PENDING:
        return "it has not started"
    if row.status is TaskStatus.SKIPPED:
        return f"it was skipped ({row.reason or 'no reason given'})"
    return f"it is {row.status.value}, and has printed nothing"


class _RawWriter:
    """Writes bytes as they are."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def copy(self, log: BinaryIO) -> None:
        while chunk := log.read(_CHUNK):
            self._out.write(chunk)

    def flush(self) -> None:
        self._out.flush()


class _CleanWriter:
    """Writes text without what a terminal would obey."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def copy(self, log: BinaryIO) -> None:
        while chunk := log.read(_CHUNK):
            lines, end, self._rest = (self._rest + self._decoder.decode(chunk)).rpartition("\n")
            self._out.write(clean(lines) + end)
            if len(self._rest) > _LONGEST:
                self.flush()

    def flush(self) -> None:
        self._out.write(clean(self._rest))
        self._out.flush()
        self._rest = ""
