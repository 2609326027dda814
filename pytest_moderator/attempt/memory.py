"""How much memory the processes of a task use together, and whether that is more than they may."""

from __future__ import annotations

import contextlib

import psutil

from pytest_moderator.attempt.processes import belongs
from pytest_moderator.units import format_size


class MemoryLimit:
    """Watches the processes of one task.

    What processes share is counted once where the kernel says how much that is (on Linux), and not at all elsewhere.
    That costs more than to add up their resident sizes, so it is only asked for when these are too much.

    Args:
        most: bytes that they may use together.
        leader: the process that leads them.
        mark: what the others carry in their environment.
    """

    def __init__(self, most: int, leader: int, mark: str | None) -> None:
        self._most = most
        self._leader = leader
        self._mark = mark
        self._members: dict[int, psutil.Process] = {}
        self._others: set[int] = set()

    def exceeded(self) -> str:
        """Say how much they use, where it is more than they may; else give an empty text."""
        self._look()
        members = self._members.values()
        used = sum(map(_resident, members))
        if used > self._most:
            used = sum(map(_own_part, members))
        if used <= self._most:
            return ""
        return f"it used {format_size(used)} of memory, more than its limit of {format_size(self._most)} (memory:)"

    def _look(self) -> None:
        """Find the processes that are new. What was judged once is not judged again: there may be thousands."""
        running = set(psutil.pids())
        self._others &= running
        self._members = {pid: process for pid, process in self._members.items() if pid in running}
        for pid in sorted(running - self._others - self._members.keys()):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if belongs(process, self._leader, self._mark, self._members):
                    self._members[pid] = process
                else:
                    self._others.add(pid)


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _own_part(process: psutil.Process) -> int:
    """Give what a process uses, and its part of what it shares with others."""
    try:
        found = process.memory_full_info()
    except psutil.AccessDenied:  # it has become somebody else, as `sudo` does
        return _resident(process)
    except psutil.Error:
        return 0
    return int(getattr(found, "pss", found.uss))
