"""One lock for what several processes do to one repository, in git's common directory."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "moderator.lock"


@contextmanager
def repo_lock(common_dir: Path) -> Iterator[int]:
    """Hold the lock of a repository. The kernel lets go of it when its holders have died.

    Each use opens the file anew, so threads of one process wait for each other as well.

    Args:
        common_dir: the directory that all worktrees of the repository share.

    Yields:
        The descriptor, for :class:`~pytest_moderator.isolation.git.Git`. Other processes do not inherit it.

    Raises:
        ModeratorError: the file cannot be made or locked.
    """
    path = common_dir / NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _cannot_lock(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise _cannot_lock(path, error) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _cannot_lock(path: Path, error: OSError) -> ModeratorError:
    return ModeratorError(
        f"cannot lock {str(path)!r}: {error.strerror}; a task with a branch needs a repository that it can write to, "
        "on a file system with locks"
    )
