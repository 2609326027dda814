"""A project for the tests of the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from real_runs import RealRun
from recorded import OPENED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory, which is the current one."""
    directory = tmp_path / "project"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.delenv("MODERATOR_STATE_DIR", raising=False)
    yield directory
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def real_run(tmp_path: Path) -> Iterator[RealRun]:
    """A project whose tasks are run by a pytest of its own."""
    project = tmp_path / "real"
    project.mkdir()
    run = RealRun(project)
    yield run
    run.clear()
