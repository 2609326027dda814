"""What the tests of attempts and of backends share: a place to work in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from pytest_moderator.backends.base import AttemptContext

if TYPE_CHECKING:
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
        run_id=f"run-{uuid4().hex}",  # processes are found by it, those of tests beside this one as well
        directory=tmp_path / "run" / "tasks" / "T001",
        workspace=tmp_path,
        tasks_file=tmp_path / "tasks.md",
        worker_directory=scratch,
        timeout=60.0,
        grace=1.0,
    )
