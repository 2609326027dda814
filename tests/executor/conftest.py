"""What the tests of executors share: a project, and that nothing is left running in it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil
import pytest
from programs import processes

from pytest_moderator import ExecutionContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExecutionContext]:
    """A project; what is started from here carries its name, and none of it is left in the end."""
    monkeypatch.setenv("EXECUTOR_TEST", str(tmp_path))
    (tmp_path / "project").mkdir()
    yield ExecutionContext("shop", tmp_path / "project", None, tmp_path / "state")
    left = processes(tmp_path)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert left == []
