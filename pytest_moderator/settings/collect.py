"""What the sources hold, gathered with the place of each value, so that a mistake can be pointed at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.model import Problem, Severity
from pytest_moderator.settings.table import Origin

if TYPE_CHECKING:
    from pytest_moderator.safe_yaml import KeyPath
    from pytest_moderator.settings.option import Option, Source


class Place(NamedTuple):
    """A source, or one key in it.

    Attributes:
        source: the kind of source.
        path: what it is called in messages: a file as the user named it, ``command line`` or the like.
        base: where relative paths start.
        keys: the keys that lead here.
        line: line of the whole source; 0 where it has none.
        lines: lines of the keys in it, as far as known.
    """

    source: Source
    path: str
    base: Path
    keys: KeyPath = ()
    line: int = 0
    lines: Mapping[KeyPath, int] = MappingProxyType({})

    def child(self, key: str) -> Place:
        """Go one key down."""
        return self._replace(keys=(*self.keys, key))

    @property
    def key(self) -> str:
        """The keys that lead here, dotted."""
        return ".".join(self.keys)

    @property
    def origin(self) -> Origin:
        """This place as the origin of a value."""
        return Origin(self.source, self.key, self.path, self.lines.get(self.keys, self.line))

    def problem(
        self, code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR
    ) -> Problem:
        """Blame this place."""
        return Problem(severity, code, message, hint, self.path, self.origin.line)


class Found(NamedTuple):
    """A value of an option, read from a place.

    Attributes:
        option: the option.
        value: the value, checked.
        raw: the value as the place has it.
        place: where it was found.
    """

    option: Option
    value: object
    raw: object
    place: Place


class Collector:
    """Gathers values and problems from source after source.

    Attributes:
        found: the values, in the order in which they were read.
        problems: what is wrong.
    """

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.problems: list[Problem] = []

    def offer(self, option: Option, raw: object, place: Place) -> None:
        """Check a value and keep it, or say what is wrong with it."""
        try:
            value = option.parse(raw)
        except ValueError as error:
            self.problems.append(place.problem("bad-value", f"{place.key} {error}"))
            return
        if isinstance(value, Path):
            value = place.base / value
        self.found.append(Found(option, value, raw, place))

    def merged(self, name: str) -> Mapping[str, object]:
        """Give a mapping option with the entries of all sources; of equal names, the greater source's."""
        entries: dict[str, object] = {}
        for found in sorted(self.found, key=lambda found: found.place.source):
            if found.option.name == name and isinstance(found.value, Mapping):
                entries |= found.value
        return MappingProxyType(entries)

    def winner(self, name: str) -> Found | None:
        """Give the value of the greatest source that has one."""
        candidates = [found for found in self.found if found.option.name == name]
        return max(candidates, key=lambda found: found.place.source, default=None)
