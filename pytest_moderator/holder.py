"""Processes as they are written down, so that one can be told from a later one with the same process id."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINUX = sys.platform.startswith("linux")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# The start is told in seconds since the epoch, so that setting the clock by a little moves it.
_TOLERANCE = 1.0

# Fields of /proc/<pid>/stat behind the name, which may itself hold anything.
_STATE = 0
_START_TICKS = 19


class Holder(NamedTuple):
    """A process on some machine, since a boot of it.

    Attributes:
        pid: its process id.
        started: when it was started, in seconds since the epoch.
        boot: names the boot of the machine; empty where that is unknown.
        host: the machine's name.
    """

    pid: int
    started: float
    boot: str
    host: str

    @classmethod
    def here(cls) -> Holder:
        """Describe this process; always in the same words, also when the clock is set."""
        return _holder_of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Holder | None:
        """Describe a process of this machine; ``None`` when it has ended."""
        started = process_started(pid)
        return None if started is None else cls.here()._replace(pid=pid, started=started)

    def is_there(self) -> bool:
        """Whether the very same process still lives here, beyond doubt: where the clock was set, there is doubt."""
        here = Holder.here()
        if not self.boot or (self.host, self.boot) != (here.host, here.boot):
            return False
        return process_started(self.pid) == self.started

    def is_alive(self) -> bool | None:
        """Whether the process is still there.

        Returns:
            ``None`` when that cannot be known from here: it is on another machine, or its boot is unknown. A
            process that has ended and was not waited for is not alive; nor is a later one with the same id.
        """
        if self.host != os.uname().nodename or not self.boot:
            return None
        if self.boot != _boot():
            return False
        started = process_started(self.pid)
        return started is not None and abs(started - self.started) <= _TOLERANCE

    @property
    def facts(self) -> dict[str, Any]:
        """What an event says of a process; :meth:`from_facts` reads it back."""
        return {"pid": self.pid, "process_started": self.started, "boot": self.boot, "host": self.host}

    @classmethod
    def from_facts(cls, data: Mapping[str, Any]) -> Holder | None:
        """Read what :attr:`facts` gave, among other things; ``None`` where something is missing."""
        try:
            return cls(data["pid"], data["process_started"], data["boot"], data["host"])
        except KeyError:
            return None

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON types; :meth:`from_dict` reads them back."""
        return self._asdict()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Holder:
        """Read what :meth:`to_dict` gave.

        Raises:
            KeyError: something is missing.
            ValueError: something is not a number.
        """
        return cls(int(data["pid"]), float(data["started"]), str(data["boot"]), str(data["host"]))


@lru_cache(maxsize=1)
def _holder_of(pid: int) -> Holder:
    return Holder(pid, process_started(pid) or 0.0, _boot(), os.uname().nodename)


def process_started(pid: int) -> float | None:
    """Give the time when a process was started, in seconds since the epoch; ``None`` when there is none alive."""
    return _started_on_linux(pid) if _LINUX else _started_elsewhere(pid)


def _started_on_linux(pid: int) -> float | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
        about = text[text.rindex(b")") + 1 :].split()
        if about[_STATE] in (b"Z", b"X"):
            return None
        return _booted_at() + int(about[_START_TICKS]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None  # it ended while we were looking


def _booted_at() -> int:
    """Give the time of the boot, in seconds since the epoch."""
    with open("/proc/stat", "rb") as file:  # noqa: PTH123 (its one line of many)
        return next(int(line.split()[1]) for line in file if line.startswith(b"btime "))


def _started_elsewhere(pid: int) -> float | None:
    import psutil  # noqa: PLC0415 (slow to import, and Linux needs none of it)

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _boot() -> str:
    """Name the boot of this machine; empty where the kernel does not say."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip() if _LINUX else _boot_elsewhere()
    except OSError:
        return ""


def _boot_elsewhere() -> str:
    import psutil  # noqa: PLC0415 (see above)

    return str(int(psutil.boot_time()))
