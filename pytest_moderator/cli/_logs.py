"""The logs in a task's folder: ``stdout.log`` of its last attempt, ``stdout.1.log`` and so on of those before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

_PARTS = 3  # of a name such as stdout.1.log


def attempts_in(folder: Path, stream: str = "stdout") -> tuple[int, ...]:
    """Number the attempts before the last one that a task's folder has logs of."""
    names = (path.name.split(".") for path in folder.glob(f"{stream}.*.log"))
    return tuple(sorted(int(parts[1]) for parts in names if len(parts) == _PARTS and parts[1].isdecimal()))


def open_attempt(folder: Path, stream: str, attempt: int | None = None) -> BinaryIO | None:
    """Open the log of an attempt before the last one, or without a number that of the last one.

    Returns:
        The log; ``None`` when there is none.

    Raises:
        ModeratorError: it cannot be read.
    """
    return _open(folder / (f"{stream}.log" if attempt is None else f"{stream}.{attempt}.log"))


def open_next(folder: Path, stream: str, log: BinaryIO) -> BinaryIO | None:
    """Open the log of the attempt that came after another one.

    Args:
        folder: the task's folder.
        stream: ``stdout`` or ``stderr``.
        log: the open log of the other one, which may have got its number meanwhile.

    Returns:
        The log; ``None`` as long as there is none.

    Raises:
        ModeratorError: it cannot be read.
    """
    own = os.fstat(log.fileno())
    while True:
        earlier = attempts_in(folder, stream)
        paths = [*(folder / f"{stream}.{number}.log" for number in earlier), folder / f"{stream}.log"]
        found = _open_behind(paths, own)
        if attempts_in(folder, stream) == earlier:
            return found
        if found:
            found.close()  # a further attempt has begun while we were looking


def _open_behind(paths: Sequence[Path], own: os.stat_result) -> BinaryIO | None:
    """Open what comes after a file; the last one when that file is not among them any more."""
    for place, path in enumerate(paths):
        if _is(path, own):
            return _open(paths[place + 1]) if path != paths[-1] else None
    return _open(paths[-1])


def _is(path: Path, own: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), own)
    except FileNotFoundError:
        return False


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModeratorError(f"cannot read {str(path)!r}: {error.strerror}") from error
