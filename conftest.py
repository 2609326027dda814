"""What all tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from subprocess import CompletedProcess

pytest_plugins = ["pytester"]

_PATIENCE = 300  # seconds until something must hang


class Shell(Protocol):
    """Runs a command line."""

    def __call__(self, line: str, cwd: Path) -> CompletedProcess[str]:
        """Give its exit code, and all that it printed in ``stdout``."""
        ...


@pytest.fixture(scope="session")
def shell() -> Shell:
    """Type a command line as somebody would who has this project installed and knows nothing of this test run."""
    ours = ("PYTEST_", "MODERATOR_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment["PYTEST_ADDOPTS"] = "-p no:hypothesispytest"  # half a second each time, for nothing
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"

    def run(line: str, cwd: Path) -> CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", line],  # noqa: S607 (found on the path on purpose)
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    return run
