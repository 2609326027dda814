"""Logs that something is taken out of before it is written: a pipe for the process, and a thread that copies."""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_moderator.backends.base import ByteFilter

_PORTION = 64 * 1024  # bytes read at once
_PORTIONS_LEFT = (
    16  # that a pipe may hold once the process has ended; who goes on writing then is not waited for
)


class FilteredLogs:
    """What a process writes, on its way into its logs.

    A context manager: when it is left, all that the process has written is in its logs. Whatever still holds the
    other end of a pipe then, and writes into it, gets ``SIGPIPE``.

    Args:
        make_filter: makes the filter of one stream.
    """

    def __init__(self, make_filter: Callable[[], ByteFilter]) -> None:
        self._make_filter = make_filter
        self._bell, self._rope = os.pipe()
        self._threads: list[threading.Thread] = []
        self._errors: list[OSError] = []

    def into(self, log: int) -> int:
        """Give the end of a pipe that a process may write to; the caller closes it.

        Args:
            log: descriptor of the file that comes out of it, which is closed here.
        """
        try:
            source, end = os.pipe()
        except OSError:
            os.close(log)
            raise
        os.set_blocking(source, False)
        thread = threading.Thread(target=self._copy, args=(source, log), name=f"log-{log}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return end

    def __enter__(self) -> FilteredLogs:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Copy what has been written so far, and end.

        Raises:
            OSError: a log could not be written; unless another exception is on its way.
        """
        os.close(self._rope)
        for thread in self._threads:
            thread.join()
        os.close(self._bell)
        if self._errors and kind is None:
            raise self._errors[0]

    def _copy(self, source: int, log: int) -> None:
        try:
            self._copy_all(source, log)
        except OSError as error:  # the process hears of it as it would have: what it writes fails
            self._errors.append(error)
        finally:
            os.close(source)
            os.close(log)

    def _copy_all(self, source: int, log: int) -> None:
        stream = self._make_filter()
        poll = select.poll()
        poll.register(source, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        left = _PORTIONS_LEFT
        while left:
            ended = any(descriptor == self._bell for descriptor, _ in poll.poll())
            left -= ended
            try:
                portion = os.read(source, _PORTION)
            except BlockingIOError:  # so it was the bell
                break
            if not portion:
                break
            _write(log, stream.feed(portion))
        _write(log, stream.finish())


def _write(log: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(log, rest) :]
