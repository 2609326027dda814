"""Running a command and looking at what it costs."""

from __future__ import annotations

import atexit
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIME_LIMIT = 900
XDIST_WORKER_MARK = "exec(eval(sys.stdin.readline()))"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one command.

    Attributes:
        wall: seconds from its start to its end.
        exit_code: its exit code; ``None`` when the time limit ended it.
        output: what it printed, standard error included.
    """

    wall: float
    exit_code: int | None
    output: str

    @property
    def last_lines(self) -> str:
        """Give the last lines that it printed as one, for a message."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return " / ".join(lines[-4:])[-400:]


@dataclass(frozen=True, slots=True)
class Memory:
    """The largest size that any one worker had, in MB; ``workers`` says how many were seen."""

    rss: float
    uss: float
    workers: int


def fresh_directory() -> Path:
    """Make a directory that is removed when all has been measured.

    Not before: for minutes ext4 goes around what was just given back, and each new file takes ten times as long.
    """
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> Outcome:
    """Run a command to its end, with no input."""
    started = time.perf_counter()
    process = _start(command, cwd, env)
    return _wait(process, started)


def run_watching_workers(command: Sequence[str], cwd: Path) -> tuple[Outcome, Memory]:
    """Run a pytest-xdist command and sample the memory of its worker processes."""
    started = time.perf_counter()
    process = _start(command, cwd, None)
    watcher = _WorkerWatcher(process.pid)
    watcher.start()
    outcome = _wait(process, started)
    return outcome, watcher.stop()


def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str] | None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=clean_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[str], started: float) -> Outcome:
    try:
        output, _ = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        return Outcome(time.perf_counter() - started, None, f"{output}\nended after {TIME_LIMIT} s")
    return Outcome(time.perf_counter() - started, process.returncode, output)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give this environment without what would make a pytest or our plugin behave otherwise."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "MODERATOR", "COV_"))
    }
    return kept | dict(extra or {})


class _WorkerWatcher(threading.Thread):
    """Samples the children of a controller that are pytest-xdist workers."""

    INTERVAL = 0.05

    def __init__(self, controller: int) -> None:
        super().__init__(daemon=True)
        self._controller = controller
        self._done = threading.Event()
        self._rss: dict[int, int] = {}
        self._uss: dict[int, int] = {}

    def run(self) -> None:
        while not self._done.wait(self.INTERVAL):
            for worker in self._workers():
                self._sample(worker)

    def stop(self) -> Memory:
        self._done.set()
        self.join()
        megabyte = 1024 * 1024
        return Memory(
            rss=max(self._rss.values(), default=0) / megabyte,
            uss=max(self._uss.values(), default=0) / megabyte,
            workers=len(self._rss),
        )

    def _workers(self) -> list[psutil.Process]:
        try:
            children = psutil.Process(self._controller).children()
            return [child for child in children if XDIST_WORKER_MARK in " ".join(child.cmdline())]
        except psutil.Error:
            return []

    def _sample(self, worker: psutil.Process) -> None:
        try:
            memory = worker.memory_full_info()
        except psutil.Error:
            return
        self._rss[worker.pid] = max(self._rss.get(worker.pid, 0), memory.rss)
        self._uss[worker.pid] = max(self._uss.get(worker.pid, 0), memory.uss)


def best(values: Sequence[float]) -> float:
    """Give the smallest value: what noise disturbed least."""
    return min(values)


def median(values: Sequence[float]) -> float:
    """Give the middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
