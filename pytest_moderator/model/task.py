"""A task, as it stands in its file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_moderator.model.context import IsolationLevel

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMPTY: Mapping[str, str] = MappingProxyType({})


class TaskStatus(StrEnum):
    """Where a task stands in a run."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def ended(self) -> bool:
        """Whether this status is final for the run."""
        return self in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.SKIPPED)


@dataclass(frozen=True, slots=True)
class TaskPhase:
    """A heading that groups tasks.

    Attributes:
        name: the heading's text, with its markup.
        line: 1-based line of the heading.
    """

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Command:
    """Something to run: a code fence or a ``run:`` line of a task.

    Attributes:
        language: the fence's language in lower case; ``sh`` for ``run:``.
        text: what the fence holds, with a final newline.
        line: 1-based line of the first line of the text.
    """

    language: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a tasks file, with everything that the file says about it.

    What the file leaves open is ``None`` (or empty), so that a setting can fill it in.

    Attributes:
        id: unique in its file; made from the title where the file gives none.
        title: the first line without box, id and known tags.
        line: 1-based line of the task.
        end_line: last line that belongs to the task (its notes and fences included).
        description: all text of the task with its notes and fences, indentation removed.
        phase: text of the heading it stands under.
        phase_line: 1-based line of that heading; 0 where there is none.
        parent: id of the task that it is nested in (or numbered under).
        done: whether its box was ticked before the run.
        parallel: whether it carries ``[P]`` or ``(P)``.
        story: such as ``US1``.
        optional: its failure does not fail the run and blocks nobody.
        critical: its failure stops the run.
        depends_on: ids that the file states as its prerequisites, direct ones, in order of mention.
        wave: number of its wave in a Kiro dependency graph; ``None`` where there is none.
        files: paths that it names, relative with ``/``, in order of mention.
        commands: its code fences in a language that can be run, and its ``run:`` line.
        call: ``package.module:function`` of its ``call:`` key.
        backend: name of the backend that it asks for.
        verify: commands or pytest node ids that show that it is done.
        timeout: limit of one attempt in seconds, above 0.
        retries: further attempts after a failed one, 0 or more.
        refresh: command that is run before another attempt when it was not allowed to do something.
        reduced: environment variables of an attempt after one that lacked memory or the like.
        approve: whether a person has to agree before it starts.
        isolation: the level that it asks for.
        env: further environment variables.
        secrets: names of environment variables that it may see and nobody may print.
        fixtures: names of pytest fixtures set up around it.
        resources: names of things that no two tasks may use at once.
        memory: limit in bytes.
        estimate: expected duration in seconds.
        budget: what it may cost, as written.
        notes: keys that are not ours, as written.
        checkpoint: whether it stands at the end of its phase, and does nothing but verify it.
    """

    id: str
    title: str
    line: int
    end_line: int = 0
    description: str = ""
    phase: str | None = None
    phase_line: int = 0
    parent: str | None = None
    done: bool = False
    parallel: bool = False
    story: str | None = None
    optional: bool = False
    critical: bool = False
    depends_on: tuple[str, ...] = ()
    wave: int | None = None
    files: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    call: str | None = None
    backend: str | None = None
    verify: tuple[str, ...] = ()
    timeout: float | None = None
    retries: int | None = None
    refresh: str | None = None
    reduced: Mapping[str, str] = field(default_factory=lambda: _EMPTY, hash=False)
    approve: bool | None = None
    isolation: IsolationLevel | None = None
    env: Mapping[str, str] = field(default_factory=lambda: _EMPTY, hash=False)
    secrets: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    memory: int | None = None
    estimate: float | None = None
    budget: str | None = None
    notes: Mapping[str, str] = field(default_factory=lambda: _EMPTY, hash=False)
    checkpoint: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON types; :meth:`from_dict` reads them back."""
        data: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "commands":
                value = [{"language": c.language, "text": c.text, "line": c.line} for c in value]
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, IsolationLevel):
                value = value.value
            elif item.name in ("env", "notes", "reduced"):
                value = dict(value)
            data[item.name] = value
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Task:
        """Read what :meth:`to_dict` gave.

        Args:
            data: the mapping; unknown keys are ignored, so that an older version can read a newer record.

        Raises:
            KeyError: ``id``, ``title`` or ``line`` is missing.
        """
        values = {name: data[name] for name in _NAMES if name in data}
        for name in ("id", "title", "line"):
            values[name] = data[name]
        if "commands" in values:
            values["commands"] = [Command(**command) for command in values["commands"]]
        for name in _LISTS:
            if name in values:
                values[name] = tuple(values[name])
        if values.get("isolation") is not None:
            values["isolation"] = IsolationLevel(values["isolation"])
        return cls(**values)


_NAMES = tuple(item.name for item in fields(Task))
_LISTS = ("commands", "depends_on", "files", "verify", "secrets", "fixtures", "resources")
