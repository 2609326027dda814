"""A terminal of one's own, with a session of pytest in it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEADLINE = 120.0  # seconds until something must hang
# Makes the terminal the one that the process is steered from, as a shell finds it.
_START = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
# The same, and stays in front of a job in the background; ends with 99 if that is stopped.
_BEHIND = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
job = os.fork()
if not job:
    os.setpgid(0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
_, status = os.waitpid(job, os.WUNTRACED)
if os.WIFSTOPPED(status):
    os.kill(job, 9)
    sys.exit(99)
sys.exit(os.waitstatus_to_exitcode(status))
"""
_OURS = ("PYTEST_", "MODERATOR_", "CI")


class Terminal:
    """Runs pytest in a terminal.

    Args:
        place: the project.
        arguments: those of pytest, behind ``--moderator tasks.md``.
        behind: whether it is started in the background.
        more: variables that are added to its environment.
    """

    def __init__(self, place: Path, *arguments: str, behind: bool = False, **more: str) -> None:
        self._master, self._slave = pty.openpty()
        self.before = termios.tcgetattr(self._slave)
        self._shown = b""
        self._seen = 0
        environment = (
            {k: v for k, v in os.environ.items() if not k.startswith(_OURS)} | {"NO_COLOR": "1"} | more
        )
        command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "-p", "no:html"]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _BEHIND if behind else _START,
                *command,
                "--moderator",
                "tasks.md",
                *arguments,
            ],
            cwd=place,
            env=environment,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """All that was shown so far; what is read at once may end in the middle of a letter or of a line's end."""
        return self._shown.decode(errors="replace").replace("\r\n", "\n")

    def expect(self, text: str) -> str:
        """Wait until a text is shown that was not waited for before; give what came before it."""
        end = time.monotonic() + DEADLINE
        while (place := self.output.find(text, self._seen)) < 0:
            assert time.monotonic() < end, f"{text!r} is not in {self.output[self._seen :]!r}"
            ended = self.process.poll() is not None  # before the last look
            assert self._read(0.1) or not ended, f"{text!r} is not in {self.output!r}"
        before, self._seen = self.output[self._seen : place], place + len(text)
        return before

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, text.encode() + b"\n")

    def press(self, character: bytes) -> None:
        """Press a key."""
        os.write(self._master, character)

    def settings(self) -> list[object]:
        """How the terminal is set now."""
        return termios.tcgetattr(self._slave)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true."""
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, "this never came true"
            assert self.process.poll() is None, self.output
            time.sleep(0.05)

    def end(self) -> int:
        """Wait for the end; give the exit code."""
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end, self.output
            self._read(0.1)
        while self._read(0.0):
            pass
        return self.process.returncode

    def close(self) -> None:
        """Let go of all of it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def unread(self) -> bytes:
        """What was typed and nobody has read."""
        flags = fcntl.fcntl(self._slave, fcntl.F_GETFL)
        fcntl.fcntl(self._slave, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        try:
            return os.read(self._slave, 4096)
        except BlockingIOError:
            return b""

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        self._shown += os.read(self._master, 65536)
        return True
