"""A place for what goes wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulty import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Try in the short form with workers only what is also tried with them; `make faults` tries both."""
    if os.environ.get("MODERATOR_FAULTS") == "full":
        return
    ours = [item for item in items if isinstance(item, pytest.Function) and item.path.parent == HERE]
    words = {item: item.name.partition("[")[2].rstrip("]").split("-") for item in ours}
    with_workers = {(item.path, item.originalname) for item in ours if "n2" in words[item]}
    left_out = {i for i in ours if "alone" in words[i] and (i.path, i.originalname) in with_workers}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project, of which no process is left in the end."""
    place = tmp_path / "project"
    place.mkdir()
    project = Project(place)
    yield project
    project.kill()
