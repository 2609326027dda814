"""Processes that tests have the launcher start."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.backends.base import ProcessOutcome, ProcessSpec

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.attempt import LocalLauncher


def spec_of(folder: Path, *argv: str, timeout: float | None = 300.0, grace: float = 0.3) -> ProcessSpec:
    return ProcessSpec(
        argv=argv,
        cwd=folder,
        env={"PATH": os.environ["PATH"], MARK: make_mark("launcher", str(folder), 1)},
        stdout=folder / "out",
        stderr=folder / "err",
        timeout=timeout,
        grace=grace,
    )


def shell(folder: Path, script: str, timeout: float | None = 300.0, grace: float = 0.3) -> ProcessSpec:
    return spec_of(folder, "sh", "-c", script, timeout=timeout, grace=grace)


def python(folder: Path, script: str, timeout: float | None = 300.0) -> ProcessSpec:
    return spec_of(folder, sys.executable, "-c", script, timeout=timeout)


def run_out_of_time(local: LocalLauncher, spec: ProcessSpec, *made: str) -> ProcessOutcome:
    """Run what never ends with a time limit; with longer ones where it was too short to make these files first."""
    for limit in (1.0, 5.0, 60.0):
        outcome = local.run(replace(spec, timeout=limit))
        if all((spec.cwd / name).exists() and (spec.cwd / name).read_text() for name in made):
            break
    return outcome


def pid_in(path: Path) -> int:
    return int(path.read_text())
