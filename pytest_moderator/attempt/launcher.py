"""Starting a task's process on this machine, and seeing to it that all of it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from concurrent import futures
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pytest_moderator.attempt.filtered import FilteredLogs
from pytest_moderator.attempt.processes import (
    MARK,
    SWEEP_GRACE,
    UNKILLABLE_AFTER,
    end_tree,
    may_have_left_something,
    own_mark,
)
from pytest_moderator.backends.base import ProcessOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_moderator.attempt.masking import Masker
    from pytest_moderator.backends.base import ProcessSpec

TIMED_OUT = 124
CANNOT_EXECUTE = 126
NOT_FOUND = 127
SIGNALLED = 128

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_MOMENT = 0.1  # seconds within which most short processes end
_SLICE = 1.0  # seconds between two looks at the clock
_GLANCE = 0.2  # the same while somebody watches what the process does
_GAP = 0.5  # a slice that takes so many seconds more means that we were stopped meanwhile
_FORK_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)


class LocalLauncher:
    """Starts processes on this machine.

    Each is started in a session of its own, so that no signal of the terminal reaches it and its whole group
    can be ended at once; with ``/dev/null`` as standard input unless it is given a file; and with its output
    going straight to files, after what they hold already. May be used by several threads at once.

    Args:
        parent: the process that this one works for, if there is one. When it is gone, so is the reason for
            running anything: what runs is ended as by Ctrl-C, within seconds, and nothing is started.
        held: while this file exists all processes are stopped where they stand, and no time passes for them.
    """

    def __init__(self, parent: int | None = None, held: Path | None = None) -> None:
        self._parent = parent
        self._held = held
        self._lost = 0.0

    def clock(self) -> float:
        """Give seconds on a clock for time limits, which stands still while processes are held, or we are stopped."""
        return time.monotonic() - self._lost

    def run(self, spec: ProcessSpec) -> ProcessOutcome:
        """Run a process to its end, and leave nothing of its tree behind.

        What keeps it from starting, its time limit, and that whoever watches it wants it ended, are outcomes.
        Whatever interrupts the wait (such as :class:`KeyboardInterrupt`) ends the tree first and is raised again.

        Args:
            spec: what is to be run; the mark in its environment is what strays are found by.

        Raises:
            OSError: what a filter let through could not be written.
        """
        if spec.filter is None:
            return self._run(spec)
        with FilteredLogs(spec.filter) as logs:
            return self._run(spec, logs)

    def _run(self, spec: ProcessSpec, logs: FilteredLogs | None = None) -> ProcessOutcome:
        mark = own_mark(spec.env.get(MARK))
        begun = time.monotonic()
        child: _Child | None = None
        try:
            self._check_parent()
            try:
                child = _Child(_start(spec, logs))
            except (OSError, ValueError) as error:
                return _not_started(spec, error, time.monotonic() - begun)
            timed_out, stopped = self._wait(child, spec, mark)
            leftovers: tuple[str, ...] = ()
            if timed_out or stopped:
                end_tree(child.pid, mark, spec.grace)
            child.reap()
            if not timed_out and not stopped and may_have_left_something(child.pid, mark):
                leftovers = end_tree(child.pid, mark, min(spec.grace, SWEEP_GRACE))
            outcome = child.outcome(time.monotonic() - begun, timed_out=timed_out, leftovers=leftovers)
            return stopped.told(outcome) if stopped else outcome
        except BaseException:
            grace = min(spec.grace, SWEEP_GRACE) if self._abandoned else spec.grace
            end_tree(None if child is None else child.pid, mark, grace)
            if child is not None:
                child.reap()
            raise

    def _wait(self, child: _Child, spec: ProcessSpec, mark: str | None) -> tuple[bool, _Stopped | None]:
        """Wait for the end of a child, and say what is to end it: its time limit, whoever watches it, or neither."""
        if child.ends_within(_MOMENT if spec.timeout is None else min(_MOMENT, spec.timeout)):
            return False, None
        if spec.lasting is not None:
            spec.lasting(child.pid)
        look = _look_at(child.pid, spec, mark)
        if look is None:
            return not child.wait(spec.timeout, self._count), None

        def count(spent: float, portion: float) -> float:
            if counts := self._count(spent, portion):
                look()
            return counts

        try:
            return not child.wait(spec.timeout, count, _GLANCE), None
        except _Stopped as stopped:
            return False, stopped

    @property
    def _abandoned(self) -> bool:
        return self._parent is not None and os.getppid() != self._parent

    def _check_parent(self) -> None:
        if self._abandoned:
            raise KeyboardInterrupt("the process that this one works for is gone")

    def _count(self, spent: float, portion: float) -> float:
        """Say how many of the seconds that were spent count, of those that were meant; the others are lost."""
        self._check_parent()
        held = self._held is not None and self._held.exists()
        counts = 0.0 if held else spent if spent < portion + _GAP else portion
        self._lost += spent - counts
        return counts


class _Stopped(Exception):  # noqa: N818 (a way out of the wait, not an error)
    """Whoever watches a process wants it ended; its text says why."""

    def told(self, outcome: ProcessOutcome) -> ProcessOutcome:
        """Say in the outcome that it was ended."""
        return replace(outcome, stopped=str(self))


class _TooLarge(_Stopped):
    """A process and what it has started use too much memory."""

    def told(self, outcome: ProcessOutcome) -> ProcessOutcome:
        """Say it as if the system had killed it for want of memory."""
        code = SIGNALLED + signal.SIGKILL
        return replace(outcome, exit_code=code, error=str(self), errno=errno.ENOMEM)


def _look_at(pid: int, spec: ProcessSpec, mark: str | None) -> Callable[[], None] | None:
    """Give what is called while a process runs, and raises :class:`_Stopped`; ``None`` where nobody watches it."""
    watch, exceeded = spec.watch, None
    if spec.memory is not None:
        from pytest_moderator.attempt.memory import MemoryLimit  # noqa: PLC0415 (imports psutil; few tasks have one)

        exceeded = MemoryLimit(spec.memory, pid, mark).exceeded
    if watch is None and exceeded is None:
        return None

    def look() -> None:
        if exceeded is not None and (reason := exceeded()):
            raise _TooLarge(reason)
        if watch is not None and (wish := watch()):
            raise _Stopped(wish)

    return look


class _Child:
    """A process that was started, until it has been waited for."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        self._end = _watch(process.pid)
        self._usage: resource.struct_rusage | None = None
        self._error: str | None = None

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends within some seconds."""
        return self._end.wait(seconds)

    def wait(
        self, timeout: float | None, count: Callable[[float, float], float], pause: float = _SLICE
    ) -> bool:
        """Wait for its end, and say whether it came in time; time in which we were stopped does not count.

        Args:
            timeout: limit in seconds.
            count: asked again and again how many of the last seconds count, of those that were meant; may raise.
            pause: seconds between two calls of it.
        """
        left = float("inf") if timeout is None else timeout
        while left > 0:
            portion = min(left, pause)
            begun = time.monotonic()
            if self._end.wait(portion):
                return True
            left -= count(time.monotonic() - begun, portion)
        return False

    def reap(self) -> None:
        """Take its exit status, unless it has been taken already."""
        if self._process.returncode is not None:
            return
        if not self._end.wait(UNKILLABLE_AFTER):
            self._process.returncode = -signal.SIGKILL
            self._error = f"process {self.pid} was killed, but the kernel still holds it"
            return
        try:
            status, self._usage = self._end.collect()
        except ChildProcessError:
            self._process.returncode = 1
            self._error = f"somebody else in this process took the exit status of process {self.pid}"
        else:
            self._process.returncode = os.waitstatus_to_exitcode(status)

    def outcome(self, duration: float, *, timed_out: bool, leftovers: tuple[str, ...]) -> ProcessOutcome:
        """Say how it ended, once it has been reaped."""
        code: int = self._process.returncode
        if timed_out:
            code = TIMED_OUT
        elif code < 0:
            code = SIGNALLED - code
        usage = self._usage
        return ProcessOutcome(
            exit_code=code,
            duration_seconds=duration,
            cpu_seconds=None if usage is None else usage.ru_utime + usage.ru_stime,
            max_rss_bytes=None if usage is None else _max_rss(usage),
            timed_out=timed_out,
            leftovers=leftovers,
            error=self._error,
        )


class _End(Protocol):
    """The end of a child, which can be waited for."""

    def wait(self, seconds: float | None) -> bool:
        """Wait at most so long, and say whether the child has ended."""
        ...

    def collect(self) -> tuple[int, resource.struct_rusage]:
        """Give the exit status and the usage of a child that has ended, once."""
        ...


class _PidfdEnd:
    """The end of a child, on Linux: without a thread, and without delay."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self._pid = pid
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def wait(self, seconds: float | None) -> bool:
        return bool(self._poll.poll(None if seconds is None else seconds * 1000))

    def collect(self) -> tuple[int, resource.struct_rusage]:
        os.close(self._descriptor)
        return os.wait4(self._pid, 0)[1:]


class _ThreadEnd:
    """The end of a child, anywhere: a thread waits for it."""

    def __init__(self, pid: int) -> None:
        self._result: futures.Future[tuple[int, resource.struct_rusage]] = futures.Future()
        threading.Thread(target=self._wait, args=(pid,), name=f"wait-{pid}", daemon=True).start()

    def _wait(self, pid: int) -> None:
        try:
            self._result.set_result(os.wait4(pid, 0)[1:])
        except ChildProcessError as error:
            self._result.set_exception(error)

    def wait(self, seconds: float | None) -> bool:
        return bool(futures.wait([self._result], seconds).done)

    def collect(self) -> tuple[int, resource.struct_rusage]:
        return self._result.result()


def _watch(pid: int) -> _End:
    """Choose how to wait: macOS has no pidfd, an old kernel neither, and we may be out of descriptors."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            return _PidfdEnd(pid, os.pidfd_open(pid))
    return _ThreadEnd(pid)


def _start(spec: ProcessSpec, logs: FilteredLogs | None = None) -> subprocess.Popen[bytes]:
    """Start a process; where the system has no room for one more just now, try again for a few seconds."""
    opened: list[int] = []
    try:
        stdin = subprocess.DEVNULL
        if spec.stdin is not None:
            stdin = os.open(spec.stdin, os.O_RDONLY | os.O_CLOEXEC)
            opened.append(stdin)
        stdout = stderr = open_log(spec.stdout, logs)
        opened.append(stdout)
        if spec.stderr != spec.stdout:
            stderr = open_log(spec.stderr, logs)
            opened.append(stderr)
        return _fork(spec, stdin, stdout, stderr)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _fork(spec: ProcessSpec, stdin: int, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    pauses = iter(_FORK_PAUSES)
    while True:
        try:
            return subprocess.Popen(
                spec.argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=spec.cwd,
                env=spec.env,
                start_new_session=True,
            )
        except BlockingIOError:
            pause = next(pauses, None)
            if pause is None:
                raise
            time.sleep(pause)


def open_log(path: Path, logs: FilteredLogs | None = None) -> int:
    """Open a log for its owner's eyes only, never through a symbolic link that somebody put there."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    return log if logs is None else logs.into(log)


def note(path: Path, line: str, masker: Masker | None = None) -> None:
    """Add a line of ours to a log.

    Args:
        path: the log.
        line: the line, with its end.
        masker: takes secrets out of it.

    Raises:
        OSError: it cannot be written.
    """
    log = open_log(path)
    try:
        os.write(log, (masker.mask(line) if masker else line).encode("utf-8", "surrogateescape"))
    finally:
        os.close(log)


def _not_started(spec: ProcessSpec, error: OSError | ValueError, duration: float) -> ProcessOutcome:
    why = str(error)
    if isinstance(error, OSError) and error.strerror:
        why = f"{error.strerror}: {str(error.filename)!r}" if error.filename else error.strerror
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    return ProcessOutcome(
        exit_code=NOT_FOUND if missing else CANNOT_EXECUTE,
        duration_seconds=duration,
        error=f"cannot start {spec.argv[0]!r}: {why}",
        errno=error.errno if isinstance(error, OSError) else None,
    )


def _max_rss(usage: resource.struct_rusage) -> int | None:
    """Give the peak of a child in bytes, unless it is our own, which a child begins with."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage.ru_maxrss * _RSS_UNIT if usage.ru_maxrss > own else None
