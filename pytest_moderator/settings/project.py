"""What pytest would take for the project of a file, for those who ask without starting pytest."""

from __future__ import annotations

import configparser
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_moderator.errors import ModeratorError
from pytest_moderator.settings.table import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

# In the order in which pytest looks; the first four count also when they are empty.
_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)


@dataclass(frozen=True, slots=True)
class Project:
    """A project, as far as settings need it.

    Attributes:
        rootdir: what pytest calls its root directory.
        ini: our values in pytest's configuration, by name of option.
        ini_path: the file that they come from.
    """

    rootdir: Path
    ini: Mapping[str, object] = field(default_factory=dict)
    ini_path: str = "pytest configuration"


def find_project(start: Path, here: Path) -> Project:
    """Find the project of a file the way pytest does when it is given that file alone.

    Args:
        start: the directory of the file, absolute.
        here: the current directory, absolute.

    Returns:
        The project.

    Raises:
        ModeratorError: a configuration file cannot be read.
    """
    upwards = (start, *start.parents)
    bare = None
    for path in (directory / name for directory in upwards for name in _FILES):
        if path.is_file():
            table = _table(path)
            if table is not None:
                return Project(path.parent, _ours(table), path.name)
            if path.name == "pyproject.toml" and bare is None:
                bare = path.parent
    with_setup = (directory for directory in upwards if (directory / "setup.py").is_file())
    common = Path(os.path.commonpath([start, here]))
    fallback = start if common == Path(common.anchor) else common
    return Project(bare or next(with_setup, fallback))


def _ours(table: Mapping[str, Any]) -> dict[str, object]:
    return {option.name: table[option.ini] for option in OPTIONS if option.ini and option.ini in table}


def _table(path: Path) -> Mapping[str, Any] | None:
    """Give pytest's table of a configuration file; ``None`` where it has none and may do without."""
    try:
        text = path.read_text(encoding="utf-8")
        return _toml_table(path.name, text) if path.suffix == ".toml" else _ini_table(path.name, text)
    except (OSError, ValueError, configparser.Error) as error:
        reason = str(error).replace("\n", " ")
        raise ModeratorError(f"{path}: cannot be read as pytest's configuration: {reason}") from error


def _toml_table(name: str, text: str) -> Mapping[str, Any] | None:
    document = tomllib.loads(text)
    if name != "pyproject.toml":
        table = document.get("pytest", {})
    else:
        tool = document.get("tool")
        table = tool.get("pytest") if isinstance(tool, dict) else tool
        table = table.get("ini_options", table) if isinstance(table, dict) else table
    if table is not None and not isinstance(table, dict):
        raise ValueError("pytest's part must be a table")
    return table


def _ini_table(name: str, text: str) -> Mapping[str, Any] | None:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    section = "tool:pytest" if name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return dict(parser.items(section))
    return {} if name.endswith("pytest.ini") else None
