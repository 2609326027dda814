"""What these tests share: projects, real runs in them, and a way to see which processes they leave."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ALONE: tuple[str, ...] = ()
BOTH = pytest.mark.parametrize("workers", [ALONE, ("-n2",)], ids=["alone", "n2"])
_TOKEN = "FAULTS_PROJECT"


@contextlib.contextmanager
def mounted(place: Path, *what: str) -> Iterator[Path]:
    """Mount something; skip the test where that is not allowed."""
    place.mkdir(exist_ok=True)
    try:
        done = subprocess.run(["mount", *what, str(place)], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("cannot mount a file system here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Project:
    """A directory with a tasks file, and the runs in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._started: list[subprocess.Popen[bytes]] = []
        (path / "pytest.ini").write_text(
            "[pytest]\naddopts = -ra -p no:cacheprovider -p no:hypothesispytest\n"
        )

    def tasks(self, text: str) -> Path:
        file = self.path / "tasks.md"
        file.write_text(text)
        return file

    def start(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        limit: str = ":",
        file: str | None = "tasks.md",
        stdout: int | None = None,
        output: str = "output.txt",
        reports: bool = True,
    ) -> RunningRun:
        """Start ``pytest --moderator``, in a session of its own.

        ``limit`` is for a shell, such as ``ulimit -n 64``.
        """
        argv = ["sh", "-c", f'{limit} && exec "$@"', "sh", sys.executable, "-m", "pytest"]
        pages = any(arg.startswith("--html") for arg in args)
        argv += [] if pages else ["-pno:html", "-pno:metadata"]  # slow to import
        told = ["--moderator-json=report.json", "--junitxml=junit.xml"] if reports else []
        argv += ["--moderator", *told, *args, *([file] if file else [])]
        with (self.path / output).open("wb") as log:
            process = subprocess.Popen(
                argv,
                cwd=self.path,
                env={**_environment(), _TOKEN: str(self.path), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return RunningRun(self, process, output)

    def run(self, *args: str, **options: Any) -> Ended:
        """Run to the end."""
        return self.start(*args, **options).end()

    def exists(self, *names: str) -> bool:
        return all((self.path / name).exists() for name in names)

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def processes(self) -> list[psutil.Process]:
        """List the living processes that any run in this project has started."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.environ().get(_TOKEN) == str(self.path):
                    found.append(process)
        return found

    def task_processes(self) -> list[psutil.Process]:
        """List those of them that belong to a task."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if "MODERATOR_TASK_ID" in process.environ():
                    found.append(process)
        return found

    def kill(self) -> None:
        """Let no process of these runs outlive the test."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        for started in self._started:
            started.wait(PATIENCE)


@dataclass
class RunningRun:
    """A run that goes on."""

    project: Project
    process: subprocess.Popen[bytes]
    output: str = "output.txt"

    def until(self, *names: str) -> None:
        """Wait until the tasks have made these files."""

        def ready() -> bool:
            if self.project.exists(*names):
                return True
            assert self.process.poll() is None, self.project.read(self.output)
            return False

        until(ready)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill the controlling process, and nobody else."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def kill_session(self) -> None:
        """Kill all processes of the session at once: those of pytest, not those of tasks."""
        self.signal_group(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def workers(self) -> list[psutil.Process]:
        """List the workers: the children of the controlling process that are no task's."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):  # it is just ending
                if "MODERATOR_TASK_ID" not in child.environ():
                    found.append(child)
        return found

    def kill_worker_of(self, name: str) -> None:
        """Kill the worker whose task has written the process id of its parent to a file."""
        self.until(name)
        os.kill(int(self.project.read(name)), signal.SIGKILL)

    def end(self) -> Ended:
        """Wait for the end, and see what came of it."""
        code = self.process.wait(PATIENCE)
        output = (self.project.path / self.output).read_bytes().decode("utf-8", "replace")
        return Ended(self.project, code, output)


@dataclass
class Ended:
    """A run that has ended."""

    project: Project
    code: int
    output: str

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.project.read("report.json"))
        return report

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        return {task["task"]["id"]: task for file in self.report["files"] for task in file["tasks"]}

    @property
    def told(self) -> dict[str, str]:
        """The statuses in the report, whatever the exit code."""
        return {name: task["status"] for name, task in self.tasks.items()}

    @property
    def statuses(self) -> dict[str, str]:
        assert self.report["exit_code"] == self.code
        return self.told

    @property
    def cases(self) -> list[ET.Element]:
        """The test cases that junit tells of."""
        return list(ET.parse(self.project.path / "junit.xml").getroot().iter("testcase"))

    @property
    def sound(self) -> Ended:
        """Itself, if nothing broke in pytest or in us."""
        assert "INTERNALERROR" not in self.output, self.output
        assert "Traceback (most recent call last)" not in self.output, self.output
        return self


def _environment() -> dict[str, str]:
    """Give the environment of these tests, without what they were told themselves."""
    names = ("PYTEST_", "MODERATOR_", "COV_CORE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)}
