"""Backends that other packages bring: the entry points of the group ``pytest_moderator_backends``."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.backends.base import Backend
from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUP = "pytest_moderator_backends"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class BrokenBackend(NamedTuple):
    """An entry point that gives no backend.

    Attributes:
        name: the name of the entry point.
        package: the package that has it, with its version; empty where that is not known.
        value: what it points to.
        reason: why there is no backend.
    """

    name: str
    package: str
    value: str
    reason: str

    def __str__(self) -> str:
        """Say it in a sentence, without what to do."""
        package = f" of {self.package}" if self.package else ""
        return f"the backend plugin {self.name!r}{package} ({self.value}) cannot be used: {self.reason}"

    @property
    def hint(self) -> str:
        """What to do about it."""
        return f"repair {self.package.partition(' ')[0] or 'it'}, or uninstall it"


class BrokenBackendError(ModeratorError):
    """Entry points give no backend.

    Attributes:
        broken: which, and why.
    """

    def __init__(self, broken: Iterable[BrokenBackend]) -> None:
        """Make the message, one line an entry point."""
        self.broken = tuple(broken)
        super().__init__("\n".join(f"{entry}; {entry.hint}" for entry in self.broken))


def installed_backends() -> tuple[list[Backend], list[BrokenBackend]]:
    """Load the backends of all entry points: classes, which are called without arguments, or functions.

    A function gives a backend, or several; an entry point may also be a backend itself.

    Returns:
        The backends, and those entry points that give none.
    """
    backends: list[Backend] = []
    broken: list[BrokenBackend] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            backends += _load(entry)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a stranger's code, whatever it raises)
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            broken.append(BrokenBackend(entry.name, _package(entry), entry.value, said))
    return backends, broken


def load_installed_backends() -> list[Backend]:
    """Load the backends of all entry points.

    Raises:
        BrokenBackendError: one of them gives none, so that nobody knows which tasks it would have taken.
    """
    backends, broken = installed_backends()
    if broken:
        raise BrokenBackendError(broken)
    return backends


def _load(entry: EntryPoint) -> Iterator[Backend]:
    given = entry.load()
    if callable(given) and not isinstance(given, Backend):
        given = given()
    for backend in [given] if isinstance(given, Backend) else given:
        if not isinstance(backend, Backend):
            raise TypeError(f"it gives {backend!r}, which is no pytest_moderator.Backend")
        if not _NAME.fullmatch(str(getattr(backend, "name", ""))):
            raise ValueError("its backend needs a name of lower-case letters, digits and '-'")
        yield backend


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
