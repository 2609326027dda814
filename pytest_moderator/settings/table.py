"""The table of options: one field of :class:`Settings` each. A new option is one field and one test."""

# ruff: noqa: RUF009 (each field is made by _option, which is what makes this a table)

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_moderator.model import IsolationLevel
from pytest_moderator.settings import values
from pytest_moderator.settings.option import ANYWHERE, FILES, Option, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_moderator.model import Budget, PhaseRule, Rule


class Origin(NamedTuple):
    """Where a value came from.

    Attributes:
        source: the kind of place; the greater one won.
        key: what it is called there: a flag, a variable, or keys with dots between them.
        path: the file, or what messages call the place.
        line: line in the file; 0 where none is known.
    """

    source: Source
    key: str = "default"
    path: str = ""
    line: int = 0

    @property
    def name(self) -> str:
        """The place in words, such as ``moderator.yaml: gear3.parallel.max_workers``."""
        named = self.source in FILES or self.source is Source.INI
        return f"{self.path}: {self.key}" if named else self.key


_DEFAULT = Origin(Source.DEFAULT)
_BESIDES_FLAGS = frozenset({*FILES, Source.ENVIRONMENT})  # what belongs to a project and is seldom changed


def _option(
    default: object,
    parse: values.Parse,
    help_text: str,
    *,
    metavar: str = "",
    sources: Iterable[Source] = ANYWHERE,
    keys: tuple[str, ...] = (),
) -> Any:
    row = {"parse": parse, "help": help_text, "metavar": metavar, "sources": frozenset(sources), "keys": keys}
    return field(default_factory=lambda: default, metadata={"option": row, "default": default})


@dataclass(frozen=True, eq=False)
class Settings:
    """The settings of a run of one tasks file. What a task says for itself wins over them.

    Attributes:
        order: what a task waits for besides its dependencies: ``phases``, ``stories`` or ``explicit``.
        phases: what is said of phases: what verifies them.
        isolation: how much of a place of its own a task gets.
        timeout: limit of one attempt in seconds.
        retries: further attempts after a failed one; ``None`` where the kind of the failure decides.
        refresh: command that is run before another attempt when a task was not allowed to do something.
        reduced: environment variables of an attempt after one that lacked memory or the like.
        memory: bytes that the processes of a task may use together; ``None`` for no limit.
        grace: seconds between asking a process tree to end and killing it.
        backend: name of the backend for tasks that carry nothing to run.
        routing: whether backends are chosen task by task; else ``backend`` is for all of them.
        rules: which backend does which tasks, of those that carry nothing to run; the first that holds.
        fallbacks: by name of backend, the names of those that take its place when it cannot be used.
        health_timeout: seconds in which a backend has to say whether it can be used.
        workers: how many tasks run at once where ``-n`` is not given; ``None`` for one after another.
        with_deps: whether unfinished prerequisites of selected tasks are selected too.
        dirty: what becomes of uncommitted changes where tasks have branches.
        merge: what becomes of the branch of the run at its end.
        keep: which tasks keep their worktree and branch.
        retry_from: where another try of a task with a branch begins.
        on_conflict: what becomes of a task whose work does not merge.
        worktree_dir: directory for worktrees; ``None`` for ``worktrees`` in the state directory.
        worktree_include: patterns of ignored files that each worktree gets.
        setup: command that runs once in each fresh worktree.
        sparse: patterns of the files that a worktree has; all without them.
        hooks: whether the repository's hooks run on commits of ours.
        resume: whether the last run of the file goes on; else a new one starts.
        rerun: ids of tasks that run again although an earlier run has completed them.
        force: whether to run although another run of the file seems to be alive.
        mark: whether the box of a task is ticked in the file when it completes.
        approve: ids of tasks that are approved; ``all`` for every one.
        approval: whether somebody is waited for: ``auto`` (where there is a terminal), ``wait`` or ``skip``.
        approvals: backends, patterns of paths and of commands, and the cost, whose tasks need an approval.
        budget: what all tasks of the run together may use of coding agents.
        pause_timeout: seconds after which a pause ends by itself; ``None`` for never.
        on_pause_timeout: what happens then: ``resume`` or ``stop``.
        json: where the execution report is written.
        events: where what happens is written as it happens, one JSON object a line.
        state_dir: where records and logs are kept.
        output_limit: bytes of stdout and of stderr that a report keeps.
        config: the configuration file that was asked for.
        file: the tasks file when none is named.
        env: further environment variables of all tasks.
        secrets: names of environment variables that all tasks get, and whose values are masked.
        fixtures: names of pytest fixtures set up around every task.
        backends: what is set for backends, by their name, in plain JSON types.
        origins: where each value came from, by option; options with their default are not in it.
    """

    order: str = _option(
        "phases",
        values.choice("phases", "stories", "explicit"),
        "What a task waits for besides its dependencies: phases, stories or explicit",
        metavar="MODE",
    )
    phases: tuple[PhaseRule, ...] = _option(
        (),
        values.phases,
        "What verifies a phase before anything that waits for it starts",
        metavar="MAPPING",
        sources=FILES,
    )
    isolation: IsolationLevel = _option(
        IsolationLevel.NONE,
        values.isolation_level,
        "How much of a place of its own a task gets: none, directory, branch or full",
        metavar="LEVEL",
        keys=("isolation", "gear3.parallel.isolation_level"),
    )
    timeout: float = _option(
        3600.0,
        values.duration,
        "Time limit of one attempt, such as 90, 10m or 1h30m",
        metavar="TIME",
        keys=("timeout", "gear3.parallel.timeout"),
    )
    retries: int | None = _option(
        None, values.integer(0, 100), "Further attempts after a failed one, 0 to 100", metavar="N"
    )
    refresh: str | None = _option(
        None, values.command, "Command before another attempt that lacked a right", sources=_BESIDES_FLAGS
    )
    reduced: Mapping[str, str] = _option(
        MappingProxyType({}), values.variables, "Variables of an attempt that lacked resources", sources=FILES
    )
    memory: int | None = _option(
        None, values.size, "Memory that the processes of a task may use together", sources=_BESIDES_FLAGS
    )
    grace: float = _option(
        5.0, values.duration, "Time between asking a process to end and killing it", metavar="TIME"
    )
    backend: str | None = _option(
        None,
        values.name,
        "Backend for tasks that carry nothing to run",
        metavar="NAME",
        keys=(
            "default_backend",
            "backend_routing.default_backend",
            "gear3.backend_routing.default_backend",
        ),
    )
    routing: bool = _option(
        True,  # noqa: FBT003 (the default)
        values.flag,
        "Whether backends are chosen task by task; else the default backend is for all",
        sources=FILES,
        keys=("backend_routing.enabled", "gear3.backend_routing.enabled"),
    )
    rules: tuple[Rule, ...] = _option(
        (),
        values.rules,
        "Which backend does which tasks, of those that carry nothing to run",
        metavar="RULES",
        sources=FILES,
        keys=("backend_routing.rules", "gear3.backend_routing.rules"),
    )
    fallbacks: Mapping[str, tuple[str, ...]] = _option(
        MappingProxyType({}),
        values.fallbacks,
        "Backends that take the place of one that cannot be used",
        metavar="MAPPING",
        sources=FILES,
        keys=("backend_routing.fallbacks", "gear3.backend_routing.fallbacks"),
    )
    health_timeout: float = _option(
        5.0,
        values.duration,
        "Time in which a backend has to say whether it can be used",
        metavar="TIME",
        sources=FILES,
        keys=("backend_routing.health_timeout", "gear3.backend_routing.health_timeout"),
    )
    workers: int | None = _option(
        None,
        values.integer(1, 32),
        "How many tasks run at once where -n is not given, 1 to 32",
        metavar="N",
        sources=ANYWHERE - {Source.COMMAND_LINE},
        keys=("workers", "gear3.parallel.max_workers"),
    )
    with_deps: bool = _option(
        False,  # noqa: FBT003 (the default)
        values.flag,
        "Select the unfinished prerequisites of selected tasks too",
    )
    dirty: str = _option(
        "refuse",
        values.choice("refuse", "include", "ignore"),
        "What becomes of uncommitted changes where tasks have branches: refuse, include or ignore",
        metavar="WORD",
    )
    merge: str = _option(
        "branch",
        values.choice("branch", "fast-forward", "none"),
        "What becomes of the branch of the run at its end: branch, fast-forward or none",
        metavar="WORD",
    )
    keep: str = _option(
        "failed",
        values.choice("failed", "all", "none"),
        "Which tasks keep their worktree and branch: failed, all or none",
        metavar="WORD",
    )
    retry_from: str = _option(
        "auto",
        values.choice("auto", "fresh", "kept"),
        "Where another try of a task with a branch begins: fresh, kept, or auto: kept for coding agents",
        sources=_BESIDES_FLAGS,
    )
    on_conflict: str = _option(
        "fail",
        values.choice("fail", "retry", "keep"),
        "What becomes of a task whose work does not merge: fail, retry or keep",
        sources=_BESIDES_FLAGS,
    )
    worktree_dir: Path | None = _option(
        None, values.path, "Directory for the worktrees of tasks", sources=_BESIDES_FLAGS
    )
    worktree_include: tuple[str, ...] = _option(
        (), values.patterns, "Ignored files that each worktree gets", sources=_BESIDES_FLAGS
    )
    setup: str | None = _option(
        None, values.name, "Command that runs once in each fresh worktree", sources=_BESIDES_FLAGS
    )
    sparse: tuple[str, ...] = _option(
        (), values.patterns, "Patterns of the files that a worktree has", sources=_BESIDES_FLAGS
    )
    hooks: bool = _option(
        False,  # noqa: FBT003 (the default)
        values.flag,
        "Whether the repository's hooks run on commits of ours",
        sources=_BESIDES_FLAGS,
    )
    resume: bool = _option(
        False,  # noqa: FBT003 (the default)
        values.flag,
        "Go on with the last run of the tasks file: what it has completed is done",
        sources={Source.COMMAND_LINE},
    )
    rerun: tuple[str, ...] = _option(
        (),
        values.names,
        "Go on with the last run, and run these tasks again (ids with commas between them)",
        metavar="IDS",
        sources={Source.COMMAND_LINE},
    )
    force: bool = _option(
        False,  # noqa: FBT003 (the default)
        values.flag,
        "Run although another run of the same tasks file is alive",
        sources={Source.COMMAND_LINE},
    )
    mark: bool = _option(
        False,  # noqa: FBT003 (the default)
        values.flag,
        "Tick the box of a task in the tasks file when it completes",
    )
    approve: tuple[str, ...] = _option(
        (),
        values.names,
        "Approve these tasks (ids with commas between them, or all)",
        metavar="IDS",
        sources={Source.COMMAND_LINE},
    )
    approval: str = _option(
        "auto",
        values.choice("auto", "wait", "skip"),
        "Whether tasks wait for people, who approve or do them: auto (where there is a terminal), wait or skip",
        metavar="WORD",
    )
    approvals: Mapping[str, tuple[str, ...]] = _option(
        MappingProxyType({}),
        values.approvals,
        "Backends, paths, commands and costs whose tasks need an approval",
        metavar="MAPPING",
        sources=FILES,
    )
    budget: Budget | None = _option(
        None,
        values.budget,
        "Start nothing new once agents have used so much, such as $5 or 200k tokens",
        metavar="AMOUNT",
    )
    pause_timeout: float | None = _option(
        None,
        values.duration,
        "Time after which a pause ends by itself, such as 90, 10m or 1h30m",
        metavar="TIME",
        sources=ANYWHERE - {Source.COMMAND_LINE},
    )
    on_pause_timeout: str = _option(
        "resume",
        values.choice("resume", "stop"),
        "What happens when a pause ends by itself: resume or stop",
        metavar="ACTION",
        sources=ANYWHERE - {Source.COMMAND_LINE},
    )
    json: Path | None = _option(None, values.path, "Write the execution report to this file", metavar="PATH")
    events: Path | None = _option(
        None,
        values.path,
        "Write what happens to this file or pipe as it happens, one JSON object a line",
        metavar="PATH",
    )
    state_dir: Path = _option(
        Path(".moderator"), values.path, "Directory for records and logs", metavar="DIR"
    )
    output_limit: int = _option(
        64 * 1024,
        values.size,
        "How much of stdout and of stderr a report keeps, such as 64KiB",
        metavar="SIZE",
    )
    config: Path | None = _option(
        None,
        values.path,
        "Read this file in place of moderator.yaml",
        metavar="PATH",
        sources=ANYWHERE - FILES,
    )
    file: str | None = _option(
        None, values.name, "The tasks file when none is named", metavar="PATH", sources={Source.INI}
    )
    env: Mapping[str, str] = _option(
        MappingProxyType({}),
        values.variables,
        "Environment variables of all tasks",
        metavar="MAPPING",
        sources=FILES,
    )
    secrets: tuple[str, ...] = _option(
        (),
        values.variable_names,
        "Environment variables that all tasks get and whose values nobody may see",
        metavar="NAMES",
        sources=FILES,
    )
    fixtures: tuple[str, ...] = _option(
        (),
        values.names,
        "Fixtures set up around every task",
        metavar="NAMES",
        sources={*FILES, Source.INI},
    )
    backends: Mapping[str, Mapping[str, Any]] = _option(
        MappingProxyType({}),
        values.mapping,
        "Coding agents and how they are run",
        metavar="MAPPING",
        sources=FILES,
    )
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}))

    def origin(self, name: str) -> Origin:
        """Say where the value of an option came from."""
        return self.origins.get(name, _DEFAULT)


def _rows() -> Iterable[Option]:
    for item in fields(Settings):
        if row := item.metadata.get("option"):
            keys = (row["keys"] or (item.name,)) if row["sources"] & FILES else ()
            yield Option(**{**row, "name": item.name, "default": item.metadata["default"], "keys": keys})


OPTIONS: tuple[Option, ...] = tuple(_rows())
