"""What the tests of one attempt share: a place to work in, and a way to wait for what processes do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from pytest_moderator.backends.base import AttemptContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> AttemptContext:
    """The place of a first try."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return AttemptContext(
        project_id="project",
        working_directory=tmp_path,
        git_branch=None,
        state_dir=tmp_path / "state",
        run_id="run-1",
        directory=tmp_path / "run" / "tasks" / "T001",
        workspace=tmp_path,
        tasks_file=tmp_path / "tasks.md",
        worker_directory=scratch,
        timeout=60.0,
        grace=1.0,
    )


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition holds; fail when it does not for long."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "this never came true"
            time.sleep(0.01)

    return wait


@pytest.fixture
def lives() -> Callable[[int], bool]:
    """Tell whether a process is there and not a zombie."""

    def ask(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return ask
