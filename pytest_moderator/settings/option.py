"""One option: all that there is to say about it, and what follows from that."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Source(IntEnum):
    """Where a value came from. The greater one wins."""

    DEFAULT = 0
    INI = 1
    CONFIG_FILE = 2
    FRONT_MATTER = 3
    ENVIRONMENT = 4
    COMMAND_LINE = 5


FILES = frozenset({Source.CONFIG_FILE, Source.FRONT_MATTER})
ANYWHERE = frozenset(Source) - {Source.DEFAULT}


class Option(NamedTuple):
    """One row of the table of options.

    Attributes:
        name: what the code calls it.
        parse: turns what a source holds into the value; raises ``ValueError`` with ``must be ..., not ...``.
        default: the value when no source has one.
        help: one line for ``--help`` and the documentation.
        sources: where it can be set.
        keys: its keys in a file, dotted; the first is the usual one.
        metavar: stands for the value in ``--help``; empty for a flag that takes none.
    """

    name: str
    parse: Callable[[object], object]
    default: object
    help: str
    sources: frozenset[Source]
    keys: tuple[str, ...]
    metavar: str

    @property
    def flag(self) -> str | None:
        """Its flag on pytest's command line."""
        return f"--moderator-{self.name.replace('_', '-')}" if Source.COMMAND_LINE in self.sources else None

    @property
    def dest(self) -> str:
        """Its attribute of pytest's parsed command line."""
        return f"moderator_{self.name}"

    @property
    def variable(self) -> str | None:
        """Its environment variable."""
        return f"MODERATOR_{self.name.upper()}" if Source.ENVIRONMENT in self.sources else None

    @property
    def ini(self) -> str | None:
        """Its key in pytest's configuration."""
        return f"moderator_{self.name}" if Source.INI in self.sources else None

    @property
    def ini_type(self) -> str:
        """The type under which pytest registers :attr:`ini`."""
        return "linelist" if isinstance(self.default, tuple) else "string"

    @property
    def is_flag(self) -> bool:
        """Whether the flag on the command line takes no value."""
        return not self.metavar
