"""What the tests of one attempt share: a way to wait for what processes do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition holds; fail when it does not for long."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 300
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
