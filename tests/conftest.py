"""What tests share: a place to work in, Ctrl-C that works, and processes that start fast."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from pytest_moderator.backends.base import AttemptContext

if TYPE_CHECKING:
    from pathlib import Path


# How long an example takes says how busy the machine is, and nothing about us.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure() -> None:
    """Let what tests start be quick, and be interrupted, also where a shell has put the tests into the background."""
    # Thousands of processes import the same modules: compiling them takes up to a third of the time of each.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
        run_id=f"run-{uuid4().hex}",  # processes are found by it, those of tests beside this one as well
        directory=tmp_path / "run" / "tasks" / "T001",
        workspace=tmp_path,
        tasks_file=tmp_path / "tasks.md",
        worker_directory=scratch,
        timeout=60.0,
        grace=1.0,
    )
