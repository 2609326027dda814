"""A run of pytest in a child process: starting it, hearing what happens in it, and ending all of it."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from pytest_moderator.attempt.processes import MARK, end_marked_processes, make_mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

LOGGER = logging.getLogger("pytest_moderator")

ENDED_BY_ITSELF = (0, 1)  # pytest's exit codes for a run that went through all of its tasks
END_TIMEOUT = 30.0
"""Seconds that a run has to end its tasks when it is asked to, before all of it is killed."""

_NOTHING_MORE = b"\n"


class ChildRun:
    """A pytest session in a process, session and process group of its own.

    It has no input, no terminal, and a pipe for its events. All that it starts carries a mark in its environment, by
    which it is found when the child can end it no more. Use it as a context manager: leaving it early ends the run.

    Args:
        name: names the run; no other run on this machine may have it.
        arguments: what pytest is given.
        cwd: its current directory.
        log: the file to which its output goes.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, name: str, arguments: Sequence[str], *, cwd: Path, log: Path) -> None:
        self._name = name
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        reading, writing = os.pipe()
        try:
            self._process = _start(name, arguments, cwd, log, writing)
        except BaseException:
            os.close(reading)
            os.close(writing)
            raise
        self._threads = (
            threading.Thread(target=self._listen, args=(reading,), name=f"events of {name}", daemon=True),
            threading.Thread(target=self._wait, args=(writing,), name=f"end of {name}", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    @property
    def exit_code(self) -> int | None:
        """What it ended with: pytest's exit code, ``-n`` for signal n; ``None`` while it runs."""
        return self._process.returncode

    def events(self) -> Iterator[dict[str, Any]]:
        """Give what happens until the process has ended. However slowly events are taken, it goes on."""
        while (event := self._events.get()) is not None:
            yield event

    def ask_to_end(self) -> None:
        """Ask it to end its tasks and itself. From any thread, at any time."""
        self._process.terminate()

    def end(self, timeout: float) -> None:
        """Ask it to end, and kill all of it when it has not done so in time. From any thread, at any time.

        Args:
            timeout: seconds that it has.
        """
        ended = False
        try:
            self.ask_to_end()
            ended = self._ended.wait(timeout)
        finally:
            if not ended:
                end_marked_processes(self._name, grace=0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended.is_set():
            self.end(END_TIMEOUT)
        for thread in self._threads:
            thread.join()
        if self.exit_code not in ENDED_BY_ITSELF:
            end_marked_processes(self._name)

    def _listen(self, reading: int) -> None:
        """Take events off the pipe at once: a full one would stop the run."""
        with os.fdopen(reading, "rb") as stream:
            for line in iter(stream.readline, _NOTHING_MORE):
                try:
                    self._events.put(json.loads(line))
                except ValueError:
                    LOGGER.warning("half an event, of a run that was killed: %.80r", line)
        self._events.put(None)

    def _wait(self, writing: int) -> None:
        """Wait for the end of the process, and put an empty line behind its last event.

        The end of the pipe would not do: whatever the child forked may hold it open.
        """
        self._process.wait()
        self._ended.set()
        with os.fdopen(writing, "wb") as stream:
            stream.write(b"\n" + _NOTHING_MORE)  # the first one ends a line that was begun


def _start(
    name: str, arguments: Sequence[str], cwd: Path, log: Path, writing: int
) -> subprocess.Popen[bytes]:
    # What an outer pytest said to itself is not for this one. With -P, no module of the project that happens to be
    # called `queue` or `platform` gets in the way.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment[MARK] = make_mark(name, "executor", 1, environment.get(MARK, ""))
    command = [sys.executable, "-P", "-m", "pytest", "--moderator", f"--moderator-events=/dev/fd/{writing}"]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(writing,),
        )
