"""Locks for what several processes do to one repository, or to one worktree of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "moderator.lock"
_LONGEST_WAIT = 60.0
_PAUSE = 0.05


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
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise _cannot_lock(path, error) from error
        yield descriptor
    finally:
        os.close(descriptor)


class PlaceLock:
    """The lock of one task's place, ``<place>.lock``, which is held as long as somebody works there.

    Git processes inherit it, so that it also waits for those that a process which was killed has left behind.

    Args:
        path: the file, which is removed when the lock is let go.

    Raises:
        ModeratorError: somebody still works there after a minute.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _LONGEST_WAIT
        while (descriptor := _try(path)) is None:
            if time.monotonic() > deadline:
                raise ModeratorError(
                    f"another process still works there: end what is left of the run before ({path})"
                )
            time.sleep(_PAUSE)
        self.descriptor = descriptor

    def release(self) -> None:
        """Let go of it."""
        self._path.unlink(missing_ok=True)
        os.close(self.descriptor)


def _try(path: Path) -> int | None:
    """Take a lock, unless somebody has it, or has removed the file meanwhile."""
    descriptor = _open(path)
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    os.close(descriptor)
    return None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _cannot_lock(path, error) from error


def _cannot_lock(path: Path, error: OSError) -> ModeratorError:
    return ModeratorError(
        f"cannot lock {str(path)!r}: {error.strerror}; a task with a branch needs a repository that it can write to, "
        "on a file system with locks"
    )
