"""Whether anything has changed where an agent has worked: one that says "done" may have done nothing."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.git import Git
from pytest_moderator.isolation.status import file_state

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext

_MOST = 50_000  # files that are looked at outside of git; reading more takes too long
_OF_TOOLS = frozenset(
    {".git", ".hypothesis", ".moderator", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".venv"}
    | {"__pycache__", "node_modules"}
)
_STATUS = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")


def look(directory: Path, written: Collection[Path] = ()) -> str | None:
    """Look at the work tree that a directory belongs to, or at its files, where that is none.

    Nothing in it is changed, and no lock of git is taken.

    Args:
        directory: the directory.
        written: files that others write meanwhile, which do not count.

    Returns:
        Its commit, and a fingerprint of all that differs from that, ignored files left out, for :func:`differ`;
        ``None`` where there are too many files to tell.
    """
    passed_over = {os.path.realpath(path) for path in written}
    try:
        git = Git(directory)
        top = git("rev-parse", "--show-toplevel").line
        head = git("rev-parse", "--verify", "--quiet", "HEAD", accept=(0, 1)).line
        status = git("status", *_STATUS, env={"GIT_OPTIONAL_LOCKS": "0"}).parts
    except (ModeratorError, OSError):
        return _files_of(directory, passed_over)
    root = type(directory)(top)
    # one that was taken away is not the one around it
    digest = hashlib.sha256(top.encode("utf-8", "surrogateescape"))
    for entry in sorted(filter(None, status)):
        path = root / entry[3:]
        if os.path.realpath(path) not in passed_over:
            digest.update(f"{entry}\0{file_state(path)}\0".encode("utf-8", "surrogateescape"))
    return f"{head} {digest.hexdigest()}"


def _files_of(directory: Path, passed_over: Collection[str]) -> str | None:
    """Look at the files below a directory, but for those of tools and the records of runs."""
    digest = hashlib.sha256()
    count = 0
    for folder, names, files in os.walk(directory):
        if "state.db" in files and "runs" in names:
            names.clear()
            continue
        names[:] = sorted(set(names) - _OF_TOOLS)
        count += len(files)
        if count > _MOST:
            return None
        for path in (directory.__class__(folder, name) for name in sorted(files)):
            if os.path.realpath(path) not in passed_over:
                digest.update(f"{path}\0{file_state(path)}\0".encode("utf-8", "surrogateescape"))
    return f" {digest.hexdigest()}"


def differ(directory: Path, before: str, after: str, written: Collection[Path] = ()) -> bool:
    """Whether somebody has done something between two looks at a work tree.

    A commit is nothing by itself: it may be empty, have files in it that do not count, or be an older one.

    Args:
        directory: the directory, as it was looked at.
        before: the first look.
        after: the second one.
        written: files that others write meanwhile, which do not count.
    """
    old, new = before.partition(" "), after.partition(" ")
    if old[2] != new[2] or not (old[0] and new[0]):
        return before != after
    if old[0] == new[0]:
        return False
    try:
        git = Git(directory)
        if not git("merge-base", "--is-ancestor", new[0], old[0], accept=(0, 1)).status:
            return False
        top = os.path.realpath(git("rev-parse", "--show-toplevel").line)
        names = (os.path.relpath(os.path.realpath(path), top) for path in written)
        left_out = [f":(top,exclude,literal){name}" for name in names if not name.startswith("..")]
        compared = git("diff", "--quiet", old[0], new[0], "--", ":(top)", *left_out, accept=(0, 1))
        return bool(compared.status)
    except (ModeratorError, OSError):  # the commit before is gone, for example
        return True


def tasks_file_here(context: AttemptContext) -> Path:
    """Give the tasks file; for a task with a work tree of its own, the one that is in there."""
    path = context.tasks_file
    if not path.is_relative_to(context.workspace):
        for start in range(1, len(path.parts)):
            there = context.workspace.joinpath(*path.parts[start:])
            if there.is_file():
                return there
    return path


def state(context: AttemptContext) -> str | None:
    """Look at the work tree of an attempt. What the run writes does not count, nor do ticks in the tasks file."""
    return look(context.working_directory, _passed_over(context))


def has_changed(context: AttemptContext, before: str | None) -> bool | None:
    """Whether an attempt has changed something since a look at its work tree; ``None`` where nobody can tell."""
    after = before and state(context)
    return (
        differ(context.working_directory, before, after, _passed_over(context)) if before and after else None
    )


def _passed_over(context: AttemptContext) -> tuple[Path, ...]:
    return *context.written, context.tasks_file, tasks_file_here(context)
