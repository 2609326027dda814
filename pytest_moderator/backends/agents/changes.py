"""Whether anything has changed in a git work tree: an agent that says "done" may have done nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_GIT = "git"
_PATIENCE = 120.0  # seconds; a very large work tree on a slow disk


def look(directory: Path, written: Collection[Path] = ()) -> str | None:
    """Look at the work tree that a directory belongs to. Nothing in it is changed, and no lock of git is taken.

    Args:
        directory: the directory.
        written: files that others write meanwhile, which do not count.

    Returns:
        A fingerprint of its commit and of all that differs from it, ignored files left out; ``None`` where it is
        no git work tree, or where git cannot tell.
    """
    top = _git(directory, "rev-parse", "--show-toplevel")
    status = _git(directory, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    if top is None or status is None:
        return None
    root = type(directory)(top.rstrip("\n"))
    passed_over = {os.path.realpath(path) for path in written}
    head = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD") or ""
    digest = hashlib.sha256(head.encode())
    for entry in sorted(filter(None, status.split("\0"))):
        path = root / entry[3:]
        if os.path.realpath(path) not in passed_over:
            digest.update(f"{entry}\0{_state_of(path)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _state_of(path: Path) -> str:
    """Give what changes when somebody writes to a file."""
    try:
        found = path.lstat()
    except OSError:
        return "gone"
    return f"{found.st_size} {found.st_mtime_ns}"


def _git(directory: Path, *arguments: str) -> str | None:
    """Run git, without any program that the repository's configuration may name; ``None`` where it fails."""
    command = [_GIT, "--no-optional-locks", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "surrogateescape")
