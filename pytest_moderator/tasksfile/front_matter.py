"""The YAML between two ``---`` lines at the top of a file."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_moderator.safe_yaml import KeyPath

_KEY = "moderator"


class FrontMatter(NamedTuple):
    """What the front matter says to us.

    Attributes:
        lines: how many lines it takes, both ``---`` included; 0 where there is none.
        settings: the value of its key ``moderator``.
        settings_line: 1-based line of that key; 0 where there is none.
        key_lines: 1-based lines of that key and of all below it, by the keys that lead there.
        error: why it could not be read; empty when it could.
        error_line: 1-based line to blame.
    """

    lines: int = 0
    settings: Mapping[str, Any] = MappingProxyType({})
    settings_line: int = 0
    key_lines: Mapping[KeyPath, int] = MappingProxyType({})
    error: str = ""
    error_line: int = 0


def read_front_matter(lines: Sequence[str]) -> FrontMatter:
    """Read the front matter of a file; never raises."""
    if not lines or lines[0].rstrip() != "---":
        return FrontMatter()
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)
    if not end:
        return FrontMatter()  # without its end it is just a rule
    from pytest_moderator.safe_yaml import YamlError, load_entry  # noqa: PLC0415 (many files have none)

    try:
        found = load_entry("\n".join(lines[1:end]), _KEY)
    except YamlError as error:
        return FrontMatter(end + 1, error=error.reason, error_line=min(error.line + 1, end))
    if found is None:
        return FrontMatter(end + 1)
    key_lines = {keys: line + 1 for keys, line in found.lines.items()}
    line = key_lines[_KEY,]
    if found.value is not None and not isinstance(found.value, dict):
        return FrontMatter(end + 1, error=f"{_KEY!r} must hold keys and values", error_line=line)
    return FrontMatter(end + 1, found.value or {}, line, key_lines)
