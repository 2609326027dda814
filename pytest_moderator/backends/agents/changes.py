"""Whether anything has changed in a git work tree: an agent that says "done" may have done nothing."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.git import Git

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext

_STATUS = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")


def look(directory: Path, written: Collection[Path] = ()) -> str | None:
    """Look at the work tree that a directory belongs to. Nothing in it is changed, and no lock of git is taken.

    Args:
        directory: the directory.
        written: files that others write meanwhile, which do not count.

    Returns:
        A fingerprint of its commit and of all that differs from it, ignored files left out; ``None`` where it is
        no git work tree, or where git cannot tell.
    """
    try:
        git = Git(directory)
        top = git("rev-parse", "--show-toplevel").line
        head = git("rev-parse", "--verify", "--quiet", "HEAD", accept=(0, 1)).line
        status = git("status", *_STATUS, env={"GIT_OPTIONAL_LOCKS": "0"}).parts
    except (ModeratorError, OSError):
        return None
    root = type(directory)(top)
    passed_over = {os.path.realpath(path) for path in written}
    # one that was taken away is not the one around it
    digest = hashlib.sha256(f"{top}\0{head}".encode("utf-8", "surrogateescape"))
    for entry in sorted(filter(None, status)):
        path = root / entry[3:]
        if os.path.realpath(path) not in passed_over:
            digest.update(f"{entry}\0{_state_of(path)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def tasks_file_here(context: AttemptContext) -> Path:
    """Give the tasks file; for a task with a work tree of its own, the one that is in there."""
    path = context.tasks_file
    if not path.is_relative_to(context.workspace):
        for start in range(1, len(path.parts)):
            there = context.workspace.joinpath(*path.parts[start:])
            if there.is_file():
                return there
    return path


def changes(context: AttemptContext) -> str | None:
    """Look at the work tree of an attempt. What the run writes does not count, nor do ticks in the tasks file."""
    passed_over = (*context.written, context.tasks_file, tasks_file_here(context))
    return look(context.working_directory, passed_over)


def _state_of(path: Path) -> str:
    """Give what changes when somebody writes to a file."""
    try:
        found = path.lstat()
    except OSError:
        return "gone"
    return f"{found.st_size} {found.st_mtime_ns}"
