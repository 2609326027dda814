"""A place for what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from faulty import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project, of which no process is left in the end."""
    place = tmp_path / "project"
    place.mkdir()
    project = Project(place)
    yield project
    project.kill()
