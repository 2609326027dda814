"""What the tests of agents share: fakes of their command lines, and a git work tree to work in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stages import Stage, git

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git work tree with one commit."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "README.md").write_text("# A project\n")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


@pytest.fixture
def stage(place: AttemptContext, repository: Path) -> Stage:
    """A place in a git work tree, and fakes to play there."""
    return Stage(place, repository)
