"""What every process of a run is told at its start: the tasks as the controlling process has read them.

Workers get this text and never open the tasks file, so that an edit during the run, or a worker that is
replaced after a crash, can not put one task in another's place.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pytest_moderator.model import Command, ExecutionContext, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pytest_moderator.isolation.git_run import GitRun
    from pytest_moderator.model import Rule
    from pytest_moderator.prepare import Prepared

_DEFAULTS = {item.name: item.default for item in fields(Task)}
_values_of = attrgetter(*_DEFAULTS)


@dataclass(frozen=True)
class FileHandout:
    """One tasks file of a run.

    Attributes:
        nodeid: the file as pytest names it: relative to its root directory, with ``/``.
        path: the file.
        tasks: its tasks, with the settings filled in where they leave something open.
        groups: ids of tasks whose sub-tasks are their work.
        backend: name of the backend for tasks that carry nothing to run.
        routing: whether backends are chosen task by task.
        grace: seconds between asking a process tree to end and killing it.
        output_limit: bytes of stdout and of stderr that a result keeps.
        refresh: command before another attempt, where neither a task nor what is set for its backend names one.
        reduced: variables of reduced attempts; those of backends and of tasks are added.
        memory: bytes that the processes of a task may use together, where neither it nor its backend says it.
        rules: which backend does which tasks, of those that carry nothing to run.
        fallbacks: by name of backend, the names of those that take its place.
        unavailable: by name of backend, why it cannot be used in this run.
        backends: what is set for backends, by their name, in plain JSON types.
    """

    nodeid: str
    path: Path
    tasks: tuple[Task, ...]
    groups: frozenset[str]
    backend: str | None
    routing: bool
    grace: float
    output_limit: int
    refresh: str | None = None
    reduced: Mapping[str, str] = field(default_factory=dict)
    memory: int | None = None
    rules: tuple[Rule, ...] = ()
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    backends: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> dict[str, Task]:
        """The tasks by id."""
        return {task.id: task for task in self.tasks}


@dataclass(frozen=True)
class Handout:
    """One run.

    Attributes:
        run_id: names the run.
        root: the project's root directory.
        state_dir: where records and logs are kept.
        with_deps: whether prerequisites of what is selected are selected too.
        files: its tasks files.
        git: what tasks that work on branches have in common; ``None`` where there are none.
        written: files that the run itself writes while it goes on.
    """

    run_id: str
    root: Path
    state_dir: Path
    with_deps: bool
    files: tuple[FileHandout, ...]
    git: GitRun | None = None
    written: tuple[Path, ...] = ()

    @cached_property
    def directory(self) -> Path:
        """The run's own directory."""
        return self.state_dir / "runs" / self.run_id

    @cached_property
    def folders(self) -> Path:
        """Where its tasks have their folders."""
        return self.directory / "tasks"

    @cached_property
    def logs(self) -> str:
        """The same, seen from where records and logs are kept."""
        return self.folders.relative_to(self.state_dir).as_posix()

    @cached_property
    def context(self) -> ExecutionContext:
        """The place of the run, which every task's is made of."""
        return ExecutionContext(
            project_id=self.root.name or os.fspath(self.root),
            working_directory=self.root,
            git_branch=f"moderator/{self.run_id}",
            state_dir=self.state_dir,
        )

    def find(self, nodeid: str) -> tuple[FileHandout, Task] | None:
        """Find the task that pytest knows by this node id."""
        return self._by_nodeid.get(nodeid)

    @cached_property
    def _by_nodeid(self) -> dict[str, tuple[FileHandout, Task]]:
        return {f"{file.nodeid}::{task.id}": (file, task) for file in self.files for task in file.tasks}

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Names of the variables that any task of the run names as its secrets."""
        return frozenset(name for file in self.files for task in file.tasks for name in task.secrets)

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """Ids that tasks of more than one file have."""
        seen: set[str] = set()
        twice: set[str] = set()
        for file in self.files:
            twice |= seen & file.by_id.keys()
            seen |= file.by_id.keys()
        return frozenset(twice)

    def to_json(self) -> str:
        """Write it down for another process."""
        files = [
            {
                **{name: value for name, value in vars(file).items() if name in FileHandout.__annotations__},
                "path": str(file.path),
                "tasks": [_compact(task) for task in file.tasks],
                "groups": sorted(file.groups),
                "rules": [rule.to_dict() for rule in file.rules],
            }
            for file in self.files
        ]
        data = {
            "run_id": self.run_id,
            "root": str(self.root),
            "state_dir": str(self.state_dir),
            "with_deps": self.with_deps,
            "files": files,
            "git": self.git and self.git.to_dict(),
            "written": [str(path) for path in self.written],
        }
        return json.dumps(data, default=_plain)

    @classmethod
    def from_json(cls, text: str) -> Handout:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(text)
        files = tuple(
            FileHandout(
                **{
                    **file,
                    "path": Path(file["path"]),
                    "tasks": tuple(Task.from_dict(task) for task in file["tasks"]),
                    "groups": frozenset(file["groups"]),
                    "rules": tuple(_rule(rule) for rule in file["rules"]),
                    "fallbacks": {name: tuple(others) for name, others in file["fallbacks"].items()},
                }
            )
            for file in data["files"]
        )
        return cls(
            run_id=data["run_id"],
            root=Path(data["root"]),
            state_dir=Path(data["state_dir"]),
            with_deps=data["with_deps"],
            files=files,
            git=_git_run(data["git"]),
            written=tuple(Path(path) for path in data["written"]),
        )


def _rule(data: Mapping[str, Any]) -> Rule:
    from pytest_moderator.model import Rule  # noqa: PLC0415 (most projects have no rules)

    return Rule.from_dict(data)


def _git_run(data: Mapping[str, Any] | None) -> GitRun | None:
    if data is None:
        return None
    from pytest_moderator.isolation.git_run import GitRun  # noqa: PLC0415 (most runs have no branches)

    return GitRun.from_dict(data)


def hand_out(
    prepared: Sequence[Prepared],
    *,
    run_id: str,
    root: Path,
    completed: Collection[str] | None = None,
    git: GitRun | None = None,
) -> Handout:
    """Make the handout of a run from its files, once they are read and checked.

    Args:
        prepared: the files.
        run_id: names the run.
        root: the project's root directory.
        completed: node ids of all tasks that count as done, where a run goes on; without it, those with a ticked box.
        git: how tasks get branches, where they do.
    """
    return Handout(
        run_id=run_id,
        root=root,
        state_dir=root / prepared[0].settings.state_dir,
        with_deps=prepared[0].settings.with_deps,
        files=tuple(_file(entry, root, completed) for entry in prepared),
        git=git and (git if git.resumed else git.named(run_id)),
        written=tuple(path for path in (prepared[0].settings.events, prepared[0].settings.json) if path),
    )


def nodeid_of(path: Path, root: Path) -> str:
    """Name a file as pytest does: relative to its root directory, with ``/``."""
    return Path(os.path.relpath(path, root)).as_posix()


def _file(entry: Prepared, root: Path, completed: Collection[str] | None) -> FileHandout:
    settings = entry.settings
    nodeid = nodeid_of(entry.tasks_file.path.absolute(), root)
    of_backends = {name: given["retries"] for name, given in settings.backends.items() if "retries" in given}
    tasks = (
        replace(
            task,
            done=task.done if completed is None else f"{nodeid}::{task.id}" in completed,
            timeout=settings.timeout if task.timeout is None else task.timeout,
            retries=_retries(entry, task, of_backends),
            isolation=settings.isolation if task.isolation is None else task.isolation,
            env={**settings.env, **task.env},
            fixtures=tuple(dict.fromkeys((*settings.fixtures, *task.fixtures))),
            secrets=tuple(dict.fromkeys((*settings.secrets, *task.secrets))),
        )
        for task in entry.plan.tasks
    )
    return FileHandout(
        nodeid=nodeid,
        path=entry.tasks_file.path.absolute(),
        tasks=tuple(tasks),
        groups=entry.plan.groups,
        backend=settings.backend,
        routing=settings.routing,
        rules=settings.rules,
        fallbacks=settings.fallbacks,
        unavailable=entry.router.unavailable,
        grace=settings.grace,
        output_limit=settings.output_limit,
        refresh=settings.refresh,
        reduced=settings.reduced,
        memory=settings.memory,
        backends=settings.backends,
    )


def _retries(entry: Prepared, task: Task, of_backends: Mapping[str, int]) -> int | None:
    """Say how often a task is tried again: as it says, as it is set for the backend planned for it, or for all."""
    if task.retries is not None:
        return task.retries
    planned = entry.backend_of(task) if of_backends else None
    return of_backends.get(planned or "", entry.settings.retries)


def _compact(task: Task) -> dict[str, Any]:
    """Give what a task says, without what it leaves open."""
    return {
        name: value
        for name, value, default in zip(_DEFAULTS, _values_of(task), _DEFAULTS.values(), strict=True)
        if value is not default and value not in (default, {})
    }


def _plain(value: object) -> object:
    """Give what JSON has no type for as one of its own."""
    if isinstance(value, Command):
        return {"language": value.language, "text": value.text, "line": value.line}
    return dict(cast("Mapping[str, str]", value))
