"""A place for a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_moderator.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A state directory that is not there yet."""
    return tmp_path / "state"


@pytest.fixture
def journal(state_dir: Path) -> Iterator[Journal]:
    """An open journal."""
    with Journal.open(state_dir) as opened:
        yield opened
