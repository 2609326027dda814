"""Where a backend tries a task."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_moderator.model import ExecutionContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from pytest_moderator.attempt.masking import Masker
    from pytest_moderator.backends.spec import ByteFilter, Launcher
    from pytest_moderator.model import Usage


@dataclass(frozen=True)
class AttemptContext(ExecutionContext):
    """The place of one attempt, with what a backend needs to work there.

    Attributes:
        run_id: names the run.
        name: names the task in its run; its id, unless several files have a task of that id.
        backend_reason: why it is this backend that works here; ``None`` where nobody has chosen.
        attempt: number of this try, from 1.
        worker: the process that tries it, such as ``gw0``; ``main`` without workers.
        directory: where this task's scripts and logs are written.
        environment: the whole environment of the task's process.
        timeout: limit in seconds; ``None`` for no limit.
        grace: seconds between asking a process tree to end and killing it.
        workspace: the project's root.
        tasks_file: the file that the task stands in.
        worker_directory: scratch directory of the worker.
        output_limit: bytes of stdout and of stderr that a result shows.
        launcher: starts processes; this machine's without one.
        given: names of the variables in ``environment`` that were given to this task on purpose.
        patience: seconds that a pause before another attempt may last where this one was tried, unless a limit of the
            backend is the reason; ``None`` for any, whatever the reason. Below 0 no other attempt is made here.
        refresh: command that is run before another attempt when this one was not allowed to do something.
        reductions: environment variables of an attempt that follows one which lacked memory or the like.
        reduced: whether this is such an attempt.
        memory: bytes that the processes of the task may use together; ``None`` for no limit.
        feedback: why the attempt before this one failed, with the end of the output of its verification; empty for
            the first.
        put_back: whether what the attempt before this one had changed was put away, so that this one begins anew.
        prerequisites: folders of the tasks that the file states as this one's prerequisites, by their id.
        written: files that the run itself writes, and no task.
        progress: told what happens while the task runs, if somebody wants to know: a mapping with a ``kind``.
        withheld: names of variables of the run that this task is not to see: secrets of other tasks.
        used: what the attempts before this one have used of coding agents together; ``None`` where that is nothing.
        purse: the file that tells of the budget of the run, where there is one.
        masker: takes the secrets of the run out of texts and streams; ``None`` where there are none.
    """

    run_id: str = ""
    name: str = ""
    backend_reason: str | None = None
    attempt: int = 1
    worker: str = "main"
    directory: Path = field(default_factory=Path)
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    grace: float = 5.0
    workspace: Path = field(default_factory=Path)
    tasks_file: Path = field(default_factory=Path)
    worker_directory: Path = field(default_factory=Path)
    output_limit: int = 65536
    launcher: Launcher | None = None
    given: frozenset[str] = frozenset()
    patience: float | None = None
    refresh: str = ""
    reductions: Mapping[str, str] = field(default_factory=dict)
    reduced: bool = False
    memory: int | None = None
    feedback: str = ""
    put_back: bool = False
    prerequisites: Mapping[str, Path] = field(default_factory=dict)
    written: tuple[Path, ...] = ()
    progress: Callable[[Mapping[str, object]], None] | None = None
    withheld: frozenset[str] = frozenset()
    masker: Masker | None = None
    used: Usage | None = None
    purse: Path | None = None

    def but(self, **changes: Any) -> Self:
        """Give the same with some things changed; :func:`dataclasses.replace` takes ten times as long for so many.

        Args:
            changes: by the name of an attribute, but ``directory``.
        """
        new = object.__new__(type(self))
        vars(new).update(vars(self), **changes)
        return new

    def clock(self) -> float:
        """Give seconds on a clock for time limits, which stands still while the processes of the run are held."""
        return time.monotonic() if self.launcher is None else self.launcher.clock()

    def deadline(self) -> float | None:
        """Give the time on :meth:`clock` at which a limit ends that begins now; ``None`` for no limit."""
        return None if self.timeout is None else self.clock() + self.timeout

    def left(self, deadline: float | None) -> float | None:
        """Give the seconds until a :meth:`deadline`, never below 0; ``None`` for no limit."""
        return None if deadline is None else max(0.0, deadline - self.clock())

    @property
    def filter(self) -> Callable[[], ByteFilter] | None:
        """What a :class:`ProcessSpec` of this task is given as its ``filter``."""
        return None if self.masker is None else self.masker.stream

    @cached_property
    def artifacts(self) -> Path:
        """The directory of ``MODERATOR_ARTIFACTS``."""
        return self.directory / "artifacts"

    @cached_property
    def stdout_log(self) -> Path:
        """Where all standard output of this attempt is."""
        return self.directory / "stdout.log"

    @cached_property
    def stderr_log(self) -> Path:
        """Where all standard error of this attempt is."""
        return self.directory / "stderr.log"

    @cached_property
    def verify_log(self) -> Path:
        """Where all output of this attempt's verification is."""
        return self.directory / "verify.log"
