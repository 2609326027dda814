"""One run of one file at a time. The kernel lets go of a lock when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import WeakSet

from pytest_moderator.holder import Holder
from pytest_moderator.journal.records import JournalError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_PATIENCE = 0.3  # seconds: a view may look at a lock for a moment
_AGAIN = 0.01  # seconds
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_TAKEN: WeakSet[RunLock] = WeakSet()


class HeldError(JournalError):
    """Somebody else is at work on the file.

    Attributes:
        file: the tasks file.
        holder: the process; ``None`` where it is not known.
    """

    def __init__(self, file: str, holder: Holder | None) -> None:
        """Make the message."""
        self.file = file
        self.holder = holder
        super().__init__(f"{file}: {_describe(holder)} is running it already")


class RunLock:
    """The right to run a tasks file, until it is released or this process ends. Children do not inherit it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        _watch_forks()
        _TAKEN.add(self)

    @classmethod
    def acquire(cls, state_dir: Path, file: str) -> RunLock:
        """Take the lock of a tasks file.

        Args:
            state_dir: the state directory.
            file: the tasks file as pytest names it.

        Raises:
            HeldError: another run has it.
            JournalError: the lock cannot be made.
        """
        from pytest_moderator.isolation.names import sanitise_id  # noqa: PLC0415 (slow, and not always needed)

        name = sanitise_id(file)
        descriptor = _take(state_dir, name, _PATIENCE)
        if descriptor is None:
            raise HeldError(file, _holder(state_dir, name))
        with contextlib.suppress(
            OSError
        ):  # who holds it is only told to people; that it is held does not depend on it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(Holder.here().to_dict()).encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let others run the file; once is enough."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def is_held(state_dir: Path, file: str) -> bool:
    """Whether some process has the lock of a tasks file. Nothing is made, and nobody is kept from taking it.

    Raises:
        JournalError: the lock cannot be looked at.
    """
    from pytest_moderator.isolation.names import sanitise_id  # noqa: PLC0415 (slow, and not always needed)

    return _is_held(state_dir, sanitise_id(file))


def is_held_by(state_dir: Path, file: str, holder: Holder) -> bool:
    """Whether it is this process that has the lock of a tasks file.

    Raises:
        JournalError: the lock cannot be looked at.
    """
    from pytest_moderator.isolation.names import sanitise_id  # noqa: PLC0415 (slow, and not always needed)

    name = sanitise_id(file)
    if not _is_held(state_dir, name):
        return False
    known = _holder(state_dir, name)
    return known == holder if known else holder.is_alive() is None


def any_held(state_dir: Path, besides: Collection[str]) -> bool:
    """Whether some process has the lock of any other tasks file than these.

    Args:
        state_dir: the state directory.
        besides: tasks files as pytest names them.

    Raises:
        JournalError: a lock cannot be looked at.
    """
    from pytest_moderator.isolation.names import sanitise_id  # noqa: PLC0415 (slow, and not always needed)

    known = {sanitise_id(file) for file in besides}
    names = (path.stem for path in (state_dir / "locks").glob("[!.]*.lock"))
    return any(_is_held(state_dir, name) for name in names if name not in known)


@contextlib.contextmanager
def held(state_dir: Path, name: str, patience: float) -> Iterator[None]:
    """Hold a lock of the state directory for a moment.

    Args:
        state_dir: the state directory.
        name: name of the lock.
        patience: how many seconds to wait for it.

    Raises:
        JournalError: another process has it all that time, or it cannot be made.
    """
    descriptor = _take(state_dir, name, patience)
    if descriptor is None:
        raise JournalError(
            f"another process has been opening the journal in {str(state_dir)!r} for {patience:g} s: "
            "see which one it is, and try again"
        )
    try:
        yield
    finally:
        os.close(descriptor)


def _take(state_dir: Path, name: str, patience: float) -> int | None:
    """Give the descriptor that holds a lock; ``None`` when somebody else has it all the time."""
    path = _path(state_dir, name)
    end = time.monotonic() + patience
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while (descriptor := _try(path)) is None:
            if time.monotonic() >= end:
                return None
            time.sleep(_AGAIN)
    except OSError as error:
        raise _cannot("lock", path, error) from error
    return descriptor


def _try(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass  # somebody has it, or has removed the file in this moment
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_held(state_dir: Path, name: str) -> bool:
    path = _path(state_dir, name)
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _cannot("look at", path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise _cannot("look at", path, error) from error
    finally:
        os.close(descriptor)
    return False


def _holder(state_dir: Path, name: str) -> Holder | None:
    """Read who has said to have a lock; ``None`` where that cannot be read."""
    try:
        return Holder.from_dict(json.loads(_path(state_dir, name).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is just being written, or the disk was full


@lru_cache(maxsize=1)
def _watch_forks() -> None:
    """See that a fork of this process, which may outlive it, does not hold its locks."""
    os.register_at_fork(after_in_child=_release_all)


def _release_all() -> None:
    for lock in tuple(_TAKEN):
        lock.release()


def _describe(holder: Holder | None) -> str:
    if holder is None:
        return "another process"
    since = datetime.fromtimestamp(holder.started, UTC).isoformat(timespec="seconds")
    return f"process {holder.pid} on {holder.host}, started at {since},"


def _path(state_dir: Path, name: str) -> Path:
    return state_dir / "locks" / f"{name}.lock"


def _cannot(do: str, path: Path, error: OSError) -> JournalError:
    advice = "choose another place with --moderator-state-dir"
    if error.errno == errno.ELOOP:
        return JournalError(f"{str(path)!r} is a symbolic link: remove it")
    return JournalError(f"cannot {do} {str(path)!r}: {error.strerror}; {advice}")
