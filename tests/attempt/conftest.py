"""What the tests of one attempt share: the launcher with both ways to wait, and whether a process still lives."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
import pytest

from pytest_moderator.attempt import LocalLauncher

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def lives() -> Callable[[int], bool]:
    """Tell whether a process is there and not a zombie."""

    def ask(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return ask


@pytest.fixture(params=["pidfd", "thread"])
def local(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LocalLauncher:
    """The launcher, with both ways to wait."""
    if request.param == "thread":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    elif not hasattr(os, "pidfd_open"):
        pytest.skip("this system has no pidfd")
    return LocalLauncher()
