"""Ignored files that tasks need: found once, and put into each worktree."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from pytest_moderator.isolation.git import Git

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_GLOB = re.compile(r"[*?\[]")


def find(top: Path, patterns: Sequence[str], prefix: str = "") -> tuple[str, ...]:
    """Find what git ignores and patterns name.

    Args:
        top: the checkout.
        patterns: as git's pathspecs: a path, or one with ``*``, relative to the project or to the top.
        prefix: the project's directory in the checkout, with ``/`` at its end.

    Returns:
        Paths relative to the top; of a directory that is ignored as a whole, its own.

    Raises:
        GitError: git cannot tell.
    """
    if not patterns:
        return ()
    git = Git(top)
    patterns = [start + path.strip("/") for path in patterns for start in dict.fromkeys((prefix, ""))]
    plain = [path for path in patterns if not _GLOB.search(path)]
    found = [
        path
        for path in plain
        if os.path.lexists(top / path)
        and not git("check-ignore", "--quiet", "--", path, accept=(0, 1)).status
    ]
    globs = [f":(top,glob){pattern}" for pattern in patterns if _GLOB.search(pattern)]
    if globs:
        listed = git(
            "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", "--", *globs
        )
        found += (path.rstrip("/") for path in listed.parts)
    return tuple(sorted({path for path in found if path}))


def include(top: Path, target: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Put ignored files into a worktree: copies of files; for a directory, one of links to what is in it.

    A link in place of the directory would not be ignored by patterns such as ``node_modules/``, and what is put
    into it would end up in the user's own.

    Args:
        top: the user's checkout.
        target: the worktree.
        paths: what :func:`find` gave.

    Returns:
        What was put in.

    Raises:
        OSError: a file cannot be copied.
    """
    done = []
    for path in paths:
        source, place = top / path, target / path
        if not os.path.lexists(source) or os.path.lexists(place):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            place.mkdir()
            for entry in source.iterdir():
                (place / entry.name).symlink_to(entry)
        else:
            shutil.copy2(source, place, follow_symlinks=False)
        done.append(path)
    return tuple(done)
