"""What the sub-commands do with the files that they are given."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.backends.builtin import pytest_moderator_backends
from pytest_moderator.prepare import Prepared, prepare
from pytest_moderator.settings.project import Project, find_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TASKS_FILE = "tasks.md"
_SKIPPED = frozenset({"build", "dist", "node_modules", "venv", "CVS", "_darcs", "{arch}"})  # as pytest does


def prepare_file(name: str, command_line: Mapping[str, object]) -> Prepared:
    """Prepare a file as a run of it would.

    Args:
        name: the file as the user typed it.
        command_line: values by name of option.
    """
    path = Path(name)
    project = _project(path.absolute().parent, Path.cwd())
    return prepare(
        path,
        name,
        command_line=command_line,
        environ=os.environ,
        ini=project.ini,
        ini_path=project.ini_path,
        rootdir=project.rootdir,
        backends=pytest_moderator_backends(),
    )


def expand(name: str) -> Iterator[str]:
    """Give the tasks files that an argument stands for: a file itself, of a directory those below it."""
    if not os.path.isdir(name):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
        yield name
        return
    for directory, subdirectories, files in os.walk(name):
        subdirectories[:] = sorted(sub for sub in subdirectories if sub[0] != "." and sub not in _SKIPPED)
        if TASKS_FILE in files:
            yield str(Path(directory, TASKS_FILE))


@cache
def _project(directory: Path, here: Path) -> Project:
    return find_project(directory, here)
