"""Runs of pytest as processes of their own, steered by the command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from waiting import PATIENCE

from pytest_moderator.attempt import end_marked_processes
from pytest_moderator.cli import main

SCRIPT = Path(sys.executable).with_name("moderator")
WAITS = "echo $$ > started-{0}; echo x >> ran-{0}; until [ -e go-{0} ] || [ -e go ]; do sleep 0.05; done"
"""A command that waits until it may end: named, or all."""


class RealRun:
    """A run in a project.

    Args:
        project: its directory.
    """

    def __init__(self, project: Path) -> None:
        self.project = project
        ours = ("PYTEST_", "MODERATOR_")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        self.environment["PYTEST_ADDOPTS"] = (
            "-p no:hypothesispytest -p no:cacheprovider -p no:html -p no:metadata"
        )
        self.process: subprocess.Popen[bytes] | None = None
        (project / "pytest.ini").write_text("[pytest]\n")

    def write(self, *tasks: str) -> None:
        """Write the tasks file: ``ID`` or ``ID: command``, lines of keys below; all may run at once."""
        lines = []
        for task in tasks:
            head, *keys = task.splitlines()
            name, _, command = head.partition(": ")
            lines += [f"- [ ] {name} [P] Do {name}", *(f"  - {key}" for key in keys)]
            lines += ["  ```sh", f"  {command or WAITS.format(name)}", "  ```"]
        (self.project / "tasks.md").write_text("\n".join(lines) + "\n")

    def start(self, *arguments: str) -> None:
        """Start pytest."""
        command = [sys.executable, "-m", "pytest", "--moderator", "tasks.md", *filter(None, arguments)]
        with (self.project / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.project,
                env=self.environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )

    def command(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``moderator``."""
        return subprocess.run(
            [SCRIPT, *arguments],
            cwd=cwd or self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def ask(self, *arguments: str) -> str:
        """Run ``moderator``, which must succeed; give what it says."""
        ran = self.command(*arguments)
        assert (ran.returncode, ran.stderr) == (0, ""), self.output
        return ran.stdout

    def ask_at_once(self, *arguments: str) -> str:
        """Do the same without a process of its own, which takes its time to start."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = main([*arguments, "--state-dir", str(self.path(".moderator"))])
        assert code == 0, self.output
        return said.getvalue()

    def status(self) -> dict[str, Any]:
        """Give how the run stands."""
        data: dict[str, Any] = json.loads(self.ask_at_once("status", "--json"))
        return data

    def tasks(self) -> dict[str, tuple[str, str | None]]:
        """Give status and reason of the tasks."""
        return {task["id"]: (task["status"], task["reason"]) for task in self.status()["tasks"]}

    def running(self) -> list[str]:
        """Name the tasks that run."""
        return [task["id"] for task in self.status()["tasks"] if task["status"] == "running"]

    def let(self, *names: str) -> None:
        """Let tasks end; all without names."""
        for name in names:
            self.path(f"go-{name}").touch()
        if not names:
            self.path("go").touch()

    def path(self, name: str) -> Path:
        """Name a file of the project."""
        return self.project / name

    def started(self) -> set[str]:
        """Name the tasks that have begun."""
        return {path.name.removeprefix("started-") for path in self.project.glob("started-*")}

    def runs_of(self, name: str) -> int:
        """Count how often a task has begun."""
        return len(self.path(f"ran-{name}").read_text().split())

    @property
    def output(self) -> str:
        """What pytest has printed."""
        return self.path("output.txt").read_text()

    def end(self) -> int:
        """Wait for the end; give the exit code."""
        assert self.process
        code = self.process.wait(PATIENCE)
        assert self.left() == 0
        return code

    def left(self) -> int:
        """Count the processes of its tasks; end them."""
        runs = self.project / ".moderator" / "runs"
        return sum(end_marked_processes(path.name) for path in runs.glob("*"))

    def clear(self) -> None:
        """End what may be left when a test has failed."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.left()
