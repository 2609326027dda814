"""The YAML between two ``---`` lines at the top of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KEY = "moderator"
_MAX_CHARS = 64 * 1024
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the front matter says to us.

    Attributes:
        lines: how many lines it takes, both ``---`` included; 0 where there is none.
        settings: the value of its key ``moderator``.
        settings_line: 1-based line of that key; 0 where there is none.
        error: why it could not be read; empty when it could.
        error_line: 1-based line to blame.
    """

    lines: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_line: int = 0
    error: str = ""
    error_line: int = 0


def read_front_matter(lines: Sequence[str]) -> FrontMatter:
    """Read the front matter of a file; never raises."""
    if not lines or lines[0].rstrip() != "---":
        return FrontMatter()
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)
    if not end:
        return FrontMatter()  # without its end it is just a rule
    text = "\n".join(lines[1:end])
    try:
        _check_size(text)
        settings, line = _settings(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        reason = error.problem or "it is not valid YAML"
        return FrontMatter(end + 1, error=reason, error_line=mark.line + 2 if mark else 1)
    except (yaml.YAMLError, ValueError) as error:
        return FrontMatter(end + 1, error=str(error).splitlines()[0], error_line=1)
    return FrontMatter(end + 1, settings, line)


def _check_size(text: str) -> None:
    """Refuse what could cost much more than its length: aliases, deep nesting, very long texts."""
    if len(text) > _MAX_CHARS:
        raise ValueError(f"it is longer than {_MAX_CHARS} characters")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {_MAX_DEPTH} levels")


def _settings(text: str) -> tuple[Mapping[str, Any], int]:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            return {}, 0
        for key, value in node.value:
            if key.value == _KEY:
                line = key.start_mark.line + 2
                settings = loader.construct_document(value)
                if settings is None:
                    return {}, line
                if not isinstance(settings, dict):
                    raise yaml.MarkedYAMLError(
                        problem=f"{_KEY!r} must hold keys and values", problem_mark=key.start_mark
                    )
                return settings, line
        return {}, 0
    finally:
        loader.dispose()
