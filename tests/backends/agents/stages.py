"""Places where fakes of agents' command lines play what their prompts tell them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_moderator.attempt import run_task
from pytest_moderator.backends.agents import AgentBackend
from pytest_moderator.model import Task

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import TaskResult

FAKES = Path(__file__).parents[2] / "fakes"
RESETS = (datetime.now(UTC) + timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
"""When a limit ends: later than now, whenever that is."""

SECONDS = int(RESETS.timestamp())
"""The same as services tell it."""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=300
    )
    return done.stdout


class Stage:
    """Where a fake plays what a prompt tells it."""

    def __init__(self, place: AttemptContext, repository: Path) -> None:
        self.place = replace(place, working_directory=repository, workspace=repository)
        self.repository = repository
        self.told: list[dict[str, object]] = []

    def play(
        self, actions: str, kind: str = "claude", *, retries: int = 0, timeout: float = 300.0, **settings: Any
    ) -> TaskResult:
        """Give a task to a fake.

        Args:
            actions: what it is to do; several lines for several attempts.
            kind: which agent.
            retries: how many attempts may follow.
            timeout: limit of an attempt in seconds.
            settings: of the agent.
        """
        lines = "\n".join(
            line if line.startswith("fake") else f"fake: {line}" for line in actions.split("\n")
        )
        task = Task(
            "T001", "Write the service", 3, description=f"Write the service\n{lines}", timeout=timeout
        )
        return self.run(task, kind, retries=retries, **settings)

    def run(self, task: Task, kind: str = "claude", *, retries: int = 0, **settings: Any) -> TaskResult:
        program = {"ccpm": "claude"}.get(kind, kind)
        command = {} if kind == "custom" else {"command": [str(FAKES / program)]}
        backend = AgentBackend(kind, {"type": kind, **command, **settings})
        return run_task(task, backend, replace(self.place, progress=self._tell), retries=retries)

    def _tell(self, event: Any) -> None:
        self.told.append(dict(event))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What the fakes were started with."""
        found = sorted(self.place.artifacts.glob("call-*.json"))
        return [json.loads(path.read_text()) for path in found]

    def left(self, name: str) -> Path:
        """Name a file in the task's folder."""
        return self.place.directory / name
