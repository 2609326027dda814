"""Which backend does which task, as a person has written it down."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class TaskKind(StrEnum):
    """What a task is about."""

    PROTOTYPING = "prototyping"
    REFACTORING = "refactoring"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    GENERAL = "general"


@dataclass(frozen=True, slots=True)
class PhaseRule:
    """What is said of phases, as a person has written it down.

    Attributes:
        phase: words of a heading, or a pattern with ``*``; all phases whose headings it names are meant.
        verify: commands or tests that show that the phase is done.
        path: the file that it stands in, as messages call it.
        line: its line there; 0 where none is known.
    """

    phase: str
    verify: tuple[str, ...] = ()
    path: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: tasks for which all of its conditions hold go to its backend. One without conditions takes all.

    Attributes:
        backend: name of the backend.
        task_type: kinds of tasks; the task is of one of them.
        phase: words of headings, or patterns with ``*``; the task stands under one of them.
        story: names of stories, such as ``US1``; the task belongs to one of them.
        paths: patterns such as ``src/**/*.py``; the task names a file that one of them matches.
        marks: such as ``parallel``; the task has all of them.
        fallback: names of backends that take its place, in this order.
        number: place among the rules, from 1.
        path: the file that it stands in, as messages call it.
        line: its line there; 0 where none is known.
    """

    backend: str
    task_type: tuple[TaskKind, ...] = ()
    phase: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    number: int = field(default=1, compare=False)
    path: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON types; :meth:`from_dict` reads them back."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rule:
        """Read what :meth:`to_dict` gave.

        Raises:
            TypeError: ``backend`` is missing, or there is an unknown key.
            ValueError: a kind of task is unknown.
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        values["task_type"] = tuple(TaskKind(kind) for kind in values.get("task_type", ()))
        return cls(**values)
