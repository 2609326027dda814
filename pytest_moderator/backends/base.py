"""What a backend is, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from pytest_moderator.model import ExecutionContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_moderator.attempt.masking import Masker
    from pytest_moderator.model import Problem, Task, TaskResult, Usage


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


@dataclass(frozen=True)
class AttemptContext(ExecutionContext):
    """The place of one attempt, with what a backend needs to work there.

    Attributes:
        run_id: names the run.
        name: names the task in its run; its id, unless several files have a task of that id.
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


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a backend can be used.

    Attributes:
        ok: whether it can.
        version: of the program that it uses; ``None`` where it uses none, or where that is not known.
        detail: what was found, or what is wrong, in a few words.
        hint: what to do about it; empty where nothing is.
    """

    ok: bool = True
    version: str | None = None
    detail: str = ""
    hint: str = ""


class Backend(ABC):
    """Does one kind of task. A new one is a subclass, handed over in ``pytest_moderator_backends``.

    Attributes:
        name: what ``backend:`` calls it; lower-case letters, digits and ``-``.
        needs_command: whether it can do nothing with a task that is only text, so that such a task is skipped
            where this is the default backend.
        has_costs: whether what it does costs money or tokens, so that nothing new starts when a budget is spent.
        elsewhere: whether its tasks are done elsewhere and answered later
            (:class:`~pytest_moderator.backends.elsewhere.ElsewhereBackend`): they have no place of their own, and are
            not tried again unasked.
        goes_on: whether another try of a task goes on with what the one before has left, as one who remembers it
            does. On a branch its files stay then, unless ``retry_from`` says something else.
    """

    name: str
    needs_command: bool = False
    has_costs: bool = False
    elsewhere: bool = False
    goes_on: bool = False

    @abstractmethod
    def accepts(self, task: Task) -> bool:
        """Whether the task carries what this backend runs, so that it needs no ``backend:`` key."""

    @abstractmethod
    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """Try the task once.

        A failure is a result with a status, not an exception; what is raised all the same is recorded as
        a failure with its traceback.
        """

    def validate(self, task: Task) -> list[Problem]:
        """Name what would keep the task from working, before anything runs."""
        del task
        return []

    def estimate(self, task: Task) -> float | None:
        """Say how many seconds the task will take; ``None`` where that is not known."""
        del task
        return None

    def health(self) -> Health:
        """Say whether this backend can be used at all.

        Asked before a run in which tasks need it, again when it has failed, each time in a thread of its own, and by
        ``moderator doctor``. It has a few
        seconds, so a process that it starts should have a time limit. What it raises counts as an answer: it cannot
        be used.
        """
        return Health()

    def close(self) -> None:
        """Let go of what was opened; called once at the end of the session."""
        return
