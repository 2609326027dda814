"""What kind of failure it was, by what was raised, the exit code, or a signal; and what to do about it."""

from __future__ import annotations

import errno
import signal
from typing import TYPE_CHECKING

from pytest_moderator.attempt.launcher import CANNOT_EXECUTE, NOT_FOUND, SIGNALLED, TIMED_OUT
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import ErrorCategory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.base import ProcessOutcome

_TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h: programs say with it that it may work later
_LAST_SIGNALLED = SIGNALLED + 64

_OF_EXIT_CODE = {
    _TRY_LATER: ErrorCategory.TRANSIENT,
    TIMED_OUT: ErrorCategory.TIMEOUT,
    CANNOT_EXECUTE: ErrorCategory.CONFIGURATION,
    NOT_FOUND: ErrorCategory.CONFIGURATION,
}
# Who is asked to end was not wrong; who crashes was. A SIGKILL that is not ours is mostly the kernel's, which lacks
# memory.
_OF_SIGNAL: Mapping[int, ErrorCategory] = {
    signal.SIGHUP: ErrorCategory.CANCELLED,
    signal.SIGINT: ErrorCategory.CANCELLED,
    signal.SIGQUIT: ErrorCategory.CANCELLED,
    signal.SIGTERM: ErrorCategory.CANCELLED,
    signal.SIGKILL: ErrorCategory.RESOURCE,
    signal.SIGXCPU: ErrorCategory.RESOURCE,
    signal.SIGXFSZ: ErrorCategory.RESOURCE,
    signal.SIGALRM: ErrorCategory.TIMEOUT,
}
_OF_ERRNO = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), ErrorCategory.PERMISSION),
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE),
        ErrorCategory.RESOURCE,
    ),
    **dict.fromkeys(
        (
            errno.ENOENT,
            errno.ENOTDIR,
            errno.EISDIR,
            errno.ENOEXEC,
            errno.ELOOP,
            errno.ENAMETOOLONG,
            errno.E2BIG,
        ),
        ErrorCategory.CONFIGURATION,
    ),
    **dict.fromkeys(
        (errno.EBUSY, errno.ETXTBSY, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH),
        ErrorCategory.TRANSIENT,
    ),
}
_HINTS = {
    ErrorCategory.TRANSIENT: "it may work later: run it again, or give it more retries",
    ErrorCategory.CONFIGURATION: "something is missing or set wrongly: moderator doctor shows what is there",
    ErrorCategory.PERMISSION: "it was not allowed to: give it the right, or log in",
    ErrorCategory.RESOURCE: "it lacked memory, disk space or the like: make room, or run fewer tasks at once",
    ErrorCategory.LOGIC: "what it does is wrong: its output says where",
    ErrorCategory.VERIFICATION: "what it has made does not pass: verify.log says what is wrong",
    ErrorCategory.CONFLICT: "it has changed what others have: merge its branch, or let it depend on them",
    ErrorCategory.TIMEOUT: "it needs more time than its timeout, or hangs: its output says how far it came",
    ErrorCategory.CANCELLED: "somebody has ended it: run it again",
}


def category_of_exit(exit_code: int) -> ErrorCategory:
    """Say what kind of failure an exit code other than 0 tells of.

    Args:
        exit_code: as results have it: 124 for a time limit, 126 and 127 for what cannot be started, 128 + n for
            signal n.
    """
    if SIGNALLED < exit_code <= _LAST_SIGNALLED:
        return _OF_SIGNAL.get(exit_code - SIGNALLED, ErrorCategory.LOGIC)
    return _OF_EXIT_CODE.get(exit_code, ErrorCategory.LOGIC)


def category_of_error(error: BaseException) -> ErrorCategory:
    """Say what kind of failure an exception tells of."""
    if isinstance(error, ModeratorError):
        return ErrorCategory(getattr(error, "category", ErrorCategory.CONFIGURATION))
    if isinstance(error, MemoryError):
        return ErrorCategory.RESOURCE
    if isinstance(error, TimeoutError):
        return ErrorCategory.TIMEOUT
    if isinstance(error, ConnectionError):
        return ErrorCategory.TRANSIENT
    if isinstance(error, OSError):
        return _OF_ERRNO.get(error.errno or 0, ErrorCategory.LOGIC)
    return ErrorCategory.LOGIC


def category_of_start(outcome: ProcessOutcome) -> ErrorCategory | None:
    """Say why a process could not be started; ``None`` when it was."""
    if outcome.error is None or outcome.errno is None:
        return None
    return _OF_ERRNO.get(outcome.errno, ErrorCategory.CONFIGURATION)


def hint_of(category: str) -> str:
    """Say what to do about failures of a kind; empty for a kind that is none of ours."""
    return _HINTS.get(ErrorCategory(category), "") if category in list(ErrorCategory) else ""
