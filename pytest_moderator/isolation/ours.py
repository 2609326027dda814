"""Knowing a worktree of ours when we see one. Every process of a run imports this, so it imports next to nothing."""

from __future__ import annotations

import os
from pathlib import Path

MARK = "moderator.json"
"""What we keep about a worktree, in git's own directory of it."""

_GITDIR = "gitdir: "


def git_dir_of(path: Path) -> Path | None:
    """Give git's own directory of a worktree; ``None`` for what is no worktree, or one that git has forgotten.

    Args:
        path: the top of the worktree.
    """
    try:
        text = (path / ".git").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    git_dir = Path(os.path.normpath(path / text.removeprefix(_GITDIR).rstrip("\n")))
    return git_dir if text.startswith(_GITDIR) and (git_dir / "HEAD").exists() else None


def is_of_a_task(path: Path) -> bool:
    """Whether a directory is the top of a task's worktree; asked for many, so it looks no further than it must."""
    if not (path / ".git").is_file():
        return False
    git_dir = git_dir_of(path)
    return git_dir is not None and (git_dir / MARK).is_file()
