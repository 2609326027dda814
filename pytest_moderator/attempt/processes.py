"""Finding and ending what a task has started.

A task's first process leads a session and a process group of its own, and carries a mark in its environment
that names run, task and attempt. What it starts belongs to it by any of these:

- it is in the session, or
- it descends from the leader, or
- it carries the mark, which a process inherits even when it leaves the session.

After a crash of ours nobody knows the leaders any more, but for what was written down of them: a process with that
id is taken for the leader only if it was started at that very time, too.

The mark of a task inside another task (a run that a task started) is chained to the outer one, so that the
outer run finds it too. The processes of pytest itself carry no mark of their own run, and neither this process
nor one of its ancestors is ever ended.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.isolation.names import sanitise_id

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

    import psutil

    from pytest_moderator.holder import Holder

MARK = "MODERATOR_ATTEMPT_MARK"
"""The environment variable that says to which attempts a process belongs."""

SWEEP_GRACE = 1.0
"""Seconds between asking and killing, for processes that should have ended by themselves."""

UNKILLABLE_AFTER = 5.0
"""Seconds after which a killed process that is still there is given up (the kernel holds it)."""

_hurried = threading.Event()

_FEW = 64
_LINE = 128  # bytes
_PORTION = 65536  # bytes
_LOOKS = 5
_LOOK_AGAIN = 0.001  # seconds


def make_mark(run_id: str, task_id: str, attempt: int, inherited: str = "") -> str:
    """Make the value of :data:`MARK` for one attempt, chained to that of the run's own environment."""
    own = f"{sanitise_id(run_id)}:{sanitise_id(task_id)}:{attempt}"
    return f"{inherited},{own}" if inherited else own


def own_mark(value: str | None) -> str | None:
    """Give the mark of the attempt itself, without those of the runs that it is inside of."""
    return value.rpartition(",")[2] if value else None


def is_of_run(run_id: str) -> bool:
    """Whether this process was started by a task of a run, at whatever remove.

    Those that it descends from are looked at as well: it may have been started without the mark.

    Args:
        run_id: the run.
    """
    import psutil  # noqa: PLC0415 (see below)

    mark = sanitise_id(run_id)
    this = psutil.Process()
    for process in (this, *this.parents()):
        with contextlib.suppress(psutil.Error):
            if _carries(_variables(process), mark):
                return True
    return False


def end_marked_processes(run_id: str, task_id: str | None = None, grace: float = SWEEP_GRACE) -> int:
    """End whatever is left of a run, or of one task of it, wherever it was started from.

    For when those who started it can no longer do so: a worker was killed, or the run is over.

    Args:
        run_id: the run.
        task_id: the task; all tasks of the run without it.
        grace: seconds between asking and killing.

    Returns:
        How many processes were found.
    """
    mark = sanitise_id(run_id) if task_id is None else f"{sanitise_id(run_id)}:{sanitise_id(task_id)}"
    return 0 if _nobody_carries(mark) else len(end_tree(None, mark, grace))


def end_recorded_processes(
    run_id: str, recorded: Iterable[Holder] = (), grace: float = SWEEP_GRACE
) -> tuple[str, ...]:
    """End whatever is left of a run whose own processes are gone, also what does not carry its mark any more.

    Args:
        run_id: the run.
        recorded: processes of the run that were written down: those of tasks, and workers. One that is there still,
            and no other one with its id, is ended with its session and with all that descends from it.
        grace: seconds between asking and killing.

    Returns:
        What was found, such as ``sleep (4711)``.
    """
    import psutil  # noqa: PLC0415 (see below)

    leaders = []
    for holder in recorded:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(holder.pid)  # first, since it knows of later ones with this id itself
            if holder.is_there():
                leaders.append(process)
    return end_tree(None, sanitise_id(run_id), grace, leaders)


def hold_marked_processes(run_id: str) -> None:
    """Stop the processes of a run where they stand, until :func:`release_marked_processes`."""
    held: set[psutil.Process] = set()
    for _ in range(_LOOKS):  # one that is not stopped yet may start another
        new = _members((), sanitise_id(run_id), []) - held
        if not new:
            break
        for process in sorted(new, key=lambda member: member.pid):
            _send(process, signal.SIGSTOP)
        held |= new


def release_marked_processes(run_id: str) -> None:
    """Have the processes of a run go on."""
    for process in _members((), sanitise_id(run_id), []):
        _send(process, signal.SIGCONT)


def end_tree(
    leader: int | None, mark: str | None, grace: float, others: Collection[psutil.Process] = ()
) -> tuple[str, ...]:
    """Ask the processes of a task to end, then kill those that do not.

    Returns when none is left, or when what is left cannot be killed.

    Args:
        leader: the process that leads the group; may have ended.
        mark: what the others carry: a whole mark, or its beginning up to a ``:``.
        grace: seconds between asking and killing.
        others: more processes that are to end, each with its session if it leads one.

    Returns:
        What was found besides the leader, such as ``sleep (4711)``.
    """
    try:
        return _end(leader, mark, grace, others)
    except BaseException:
        _end(leader, mark, 0.0, others)  # a second interrupt: no more asking
        raise


def belongs(
    process: psutil.Process, leader: int, mark: str | None, members: Container[int] = frozenset()
) -> bool:
    """Whether a process is one of a task, as far as we may look at it.

    Args:
        process: the process.
        leader: the process that leads the session of the task.
        mark: what the others carry.
        members: ids of processes that are known to be of the task: their children are, too.
    """
    import psutil  # noqa: PLC0415 (see below)

    with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
        return process.ppid() in members or _is_of(process, (leader,), mark)
    return False


def hurry() -> None:
    """From now on kill at once what is being ended, and what will be, until :func:`take_time`."""
    _hurried.set()


def take_time() -> None:
    """Ask processes to end again, before they are killed."""
    _hurried.clear()


def may_have_left_something(leader: int, mark: str | None) -> bool:
    """Look, at next to no cost, for processes that outlive their leader, who has just been waited for.

    On Linux this sees those that left the group too; elsewhere they are found at the end of the run.
    """
    with contextlib.suppress(
        ProcessLookupError, PermissionError
    ):  # macOS forbids signals to a group of zombies
        os.killpg(leader, 0)
        return True
    return mark is not None and any(mark.encode() in _environment(pid) for pid in _pids_after(leader))


def _end(
    leader: int | None, mark: str | None, grace: float, others: Collection[psutil.Process]
) -> tuple[str, ...]:
    found: dict[psutil.Process, str] = {}
    leaders = {process.pid for process in others} | ({leader} if leader else set())
    kill_at = time.monotonic() + grace
    killed_at = math.inf  # a look at all processes may take longer than all our patience
    pause = 0.002
    while members := _members(leaders, mark, [process for process in (*others, *found) if _lives(process)]):
        now = time.monotonic()
        if _hurried.is_set():
            kill_at = min(kill_at, now)
        if now > killed_at + UNKILLABLE_AFTER:
            break
        if now >= kill_at:
            killed_at = min(killed_at, now)
        # Parents first: a shell whose child ends before it is told would go on with its script.
        for process in sorted(members, key=lambda member: member.pid):
            if now >= kill_at:
                _send(process, signal.SIGKILL)
            elif process not in found:
                _send(process, signal.SIGTERM)
                _send(process, signal.SIGCONT)  # a stopped one obeys no sooner
            found.setdefault(process, _describe(process))
        time.sleep(min(pause, max(0.002, kill_at - now)))
        pause = min(pause * 2, 0.1)
    return tuple(text for process, text in found.items() if process.pid != leader)


def _members(
    leaders: Collection[int], mark: str | None, known: Iterable[psutil.Process]
) -> set[psutil.Process]:
    """Find the living processes of a task, with what those that are known already have started since."""
    import psutil  # noqa: PLC0415 (few tasks leave something behind)

    protected = {os.getpid(), *(ancestor.pid for ancestor in psutil.Process().parents())}
    members = {process for process in known if process.pid not in protected}
    children: dict[int, list[psutil.Process]] = {}
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            process = psutil.Process(pid)
            if pid in protected or not _lives(process):
                continue
            children.setdefault(process.ppid(), []).append(process)
            if _is_of(process, leaders, mark):
                members.add(process)
    parents = [process.pid for process in members] + list(leaders)
    while parents:
        young = children.pop(parents.pop(), [])
        members.update(young)
        parents += [process.pid for process in young]
    return members


def _is_of(process: psutil.Process, leaders: Container[int], mark: str | None) -> bool:
    """Whether a process is in the session of a leader, or carries a mark."""
    return os.getsid(process.pid) in leaders or (mark is not None and _carries(_variables(process), mark))


def _lives(process: psutil.Process) -> bool:
    """Whether a process is there and not just waiting to be waited for."""
    import psutil  # noqa: PLC0415 (see above)

    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _variables(process: psutil.Process) -> Mapping[str, str]:
    """Give the environment of a process, also of one that is just becoming another program and shows none."""
    for _ in range(_LOOKS):
        if (found := process.environ()) or not process.exe():
            break
        time.sleep(_LOOK_AGAIN)
    return found


def _carries(environment: Mapping[str, str], mark: str) -> bool:
    """Whether one of the marks in an environment is this one or starts with it."""
    return any(own == mark or own.startswith(f"{mark}:") for own in environment.get(MARK, "").split(","))


def _send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone already, or belong to somebody else by now."""
    import psutil  # noqa: PLC0415 (see above)

    with contextlib.suppress(psutil.Error):
        process.send_signal(number)


def _describe(process: psutil.Process) -> str:
    """Name a process for a report."""
    import psutil  # noqa: PLC0415 (see above)

    try:
        return f"{process.name()} ({process.pid})"
    except psutil.Error:
        return str(process.pid)


def _pids_after(leader: int) -> list[int]:
    """List the processes that may have been started after this one; nothing where the kernel cannot say."""
    try:
        last = int(os.pread(_load_file(), _LINE, 0).split()[-1])
        if leader <= last <= leader + _FEW:
            return list(range(leader + 1, last + 1))
        running = _running_pids()
    except OSError:
        return []
    # Process ids count upwards and begin again at the top.
    return [pid for pid in running if leader < pid or pid <= last < leader]


@cache
def _load_file() -> int:
    """Open what names the process that was started last; it stays open, since every task looks there."""
    return os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)


def _nobody_carries(mark: str) -> bool:
    """Whether the kernel says, at next to no cost, that no process has a mark; ``False`` where it cannot say."""
    try:
        running = _running_pids()
    except OSError:
        return False
    return not any(mark.encode() in _environment(pid) for pid in running)


def _running_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 (twice as fast)


def _environment(pid: int) -> bytes:
    """Read the environment that a process was started with, as far as we may."""
    try:
        for _ in range(_LOOKS):
            if found := _read(f"/proc/{pid}/environ"):
                return found
            # A process that is just becoming another program shows none for a moment; a dead one has no program.
            Path(f"/proc/{pid}/exe").readlink()
            time.sleep(_LOOK_AGAIN)
    except OSError:
        pass
    return b""


def _read(path: str) -> bytes:
    """Read a file of the kernel's; on the way of every task, without what a file object costs."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(partial(os.read, descriptor, _PORTION), b""))
    finally:
        os.close(descriptor)
