"""A process as a backend wants it, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class ByteFilter(Protocol):
    """Changes a stream of bytes that comes in portions."""

    def feed(self, data: bytes) -> bytes:
        """Take a portion, and give what can be written of all that has come."""
        ...

    def finish(self) -> bytes:
        """Give the rest: nothing comes any more."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What is to be run, said so that any launcher can start it.

    Attributes:
        argv: program and arguments; never a shell line.
        cwd: working directory.
        env: the whole environment.
        stdout: file that standard output is appended to as it comes.
        stderr: likewise; may be the same path as ``stdout``.
        timeout: seconds after which the tree is ended; ``None`` for no limit.
        grace: seconds between asking the tree to end and killing it.
        stdin: file that standard input is read from; ``None`` for ``/dev/null``.
        lasting: told the process id, once, when the process has not ended within the first moments.
        watch: called some five times a second while the process runs; once it gives a reason, the tree is ended.
        filter: makes what both streams go through, each one of its own, before they are written.
        memory: bytes that the tree may use together, looked at as often as ``watch`` is called; beyond them the tree
            is ended. ``None`` for no limit.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    stdout: Path
    stderr: Path
    timeout: float | None = None
    grace: float = 5.0
    stdin: Path | None = None
    lasting: Callable[[int], None] | None = None
    watch: Callable[[], str | None] | None = None
    filter: Callable[[], ByteFilter] | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessOutcome:
    """How a process ended.

    Attributes:
        exit_code: its own; 124 when the time limit ended it; 137 when its limit of memory did; 128 + n for signal n;
            126 or 127 when it could not be started.
        duration_seconds: wall time, monotonic.
        cpu_seconds: user and system time of the process and the children it waited for.
        max_rss_bytes: largest resident size among them; ``None`` where that is not more than the launcher's
            own, with which the kernel begins to count.
        timed_out: whether the time limit ended it.
        leftovers: processes that were still there after its end and were ended by us, as ``sleep (4711)``.
        error: why it could not be started or waited for, or how much memory it used when that was more than it may;
            ``None`` when all went well.
        stopped: the reason that ``watch`` gave for ending it; ``exit_code`` is what it made of that.
        errno: what the system said when it could not be started; ``ENOMEM`` when it used too much memory.
    """

    exit_code: int
    duration_seconds: float
    cpu_seconds: float | None = None
    max_rss_bytes: int | None = None
    timed_out: bool = False
    leftovers: tuple[str, ...] = ()
    error: str | None = None
    stopped: str | None = None
    errno: int | None = None


class Launcher(Protocol):
    """Where a task's process is started. There is one today: this machine."""

    def run(self, spec: ProcessSpec) -> ProcessOutcome:
        """Run to the end, then leave no process of its tree behind."""
        ...

    def clock(self) -> float:
        """Give seconds on a clock for time limits, which stands still while processes are held."""
        ...
