"""What the sub-commands do with the files that they are given."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.backends import with_way_given
from pytest_moderator.backends.builtin import pytest_moderator_backends
from pytest_moderator.backends.installed import load_installed_backends
from pytest_moderator.prepare import Prepared, prepare
from pytest_moderator.settings import load_settings
from pytest_moderator.settings.project import Project, find_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.model import Problem
    from pytest_moderator.settings import Settings

TASKS_FILE = "tasks.md"
_SKIPPED = frozenset({"build", "dist", "node_modules", "venv", "CVS", "_darcs", "{arch}"})  # as pytest does


def prepare_file(
    name: str, command_line: Mapping[str, object], backends: Sequence[Backend] | None = None
) -> Prepared:
    """Prepare a file as a run of it would.

    Args:
        name: the file as the user typed it.
        command_line: values by name of option.
        backends: all that there are; without it, those of this package and of other installed packages.

    Raises:
        ModeratorError: backends cannot be loaded, or two of them have one name.
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
        backends=every_backend() if backends is None else backends,
    )


def every_backend() -> list[Backend]:
    """Load the backends that are known without pytest: of this package and of other installed packages.

    Raises:
        BrokenBackendError: one of them cannot be loaded.
    """
    return with_way_given([*pytest_moderator_backends(), *load_installed_backends()])


def settings_here(config: str | None = None) -> tuple[Settings, tuple[Problem, ...]]:
    """Give the settings that a run in the current directory has before its tasks file is read, and what is wrong.

    Args:
        config: a file that is read in place of ``moderator.yaml``.

    Raises:
        ModeratorError: the configuration of pytest cannot be read.
    """
    here = Path.cwd()
    project = _project(here, here)
    return load_settings(
        command_line={"config": config},
        environ=os.environ,
        front_matter={},
        front_matter_path="",
        front_matter_line=0,
        ini=project.ini,
        ini_path=project.ini_path,
        rootdir=project.rootdir,
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
