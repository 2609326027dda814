"""What the plugin costs where it is installed and not used.

Two copies of this environment's packages, made of links, differ in nothing but our package and its entry point.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_moderator
from benchmarks.measure import best, median, run
from benchmarks.ours import BrokenRunError
from benchmarks.peers.plugins import without_other_plugins
from benchmarks.tables import Goal, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.options import Options

MS = 1000
MOST_MS = 5.0
ALLOWED = {"pytest_moderator", "pytest_moderator.plugin"}
COMMANDS = {
    "pytest --version": ["--version"],
    "pytest --version --version": ["--version"] * 2,
    "one test": ["test_one.py"],
}
ONE_TEST = "def test_nothing():\n    pass\n"


def measure(options: Options) -> Section:
    """Time pytest with and without the plugin in turn, and look at what is imported."""
    rounds = 5 if options.quick else 25
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Path(name)
        without, with_plugin = make_environments(place)
        (place / "pytest.ini").write_text("[pytest]\n")
        (place / "test_one.py").write_text(ONE_TEST)
        rows, goals = [], []
        for title, arguments in COMMANDS.items():
            times = [_time_in_turn(place, (without, with_plugin), arguments) for _ in range(rounds + 1)][1:]
            absent, present = zip(*times, strict=True)
            rows.append(_row(title, absent, present))
            added = median([after - before for before, after in times])
            goals.append(Goal(f"{title}: added by the plugin", added * MS, MOST_MS, "ms"))
        unexpected = sorted(imported_modules(place, with_plugin) - ALLOWED)
    goals.append(Goal("modules of ours imported beyond the plugin", len(unexpected), 0, digits=0))
    return Section(
        "Start-up with the plugin installed and not used",
        tables=(
            Table(
                ("command", "without: best, median ms", "with: best, median ms", "added: best, median ms"),
                tuple(rows),
            ),
        ),
        goals=tuple(goals),
        notes=(
            f"{rounds} runs of each in turn; the goal is held against the median difference of neighbours",
            "plugins other than ours and xdist are kept out",
            "`pytest --version` alone loads no plugins; given twice it does",
            f"imported beyond the plugin: {', '.join(unexpected) or 'nothing'}",
        ),
    )


def make_environments(place: Path) -> tuple[Path, Path]:
    """Make two directories of links to this environment's packages, the second one with ours."""
    packages = Path(pytest.__file__).parents[1]
    without, with_plugin = place / "without", place / "with"
    for directory in (without, with_plugin):
        directory.mkdir()
        for entry in packages.iterdir():
            if "pytest_moderator" not in entry.name and entry.suffix != ".pth":
                (directory / entry.name).symlink_to(entry)
    ours = Path(pytest_moderator.__file__).parent
    (with_plugin / ours.name).symlink_to(ours)
    about = importlib.metadata.distribution("pytest-moderator")
    entry_points = about.locate_file(f"pytest_moderator-{about.version}.dist-info")
    (with_plugin / Path(str(entry_points)).name).symlink_to(str(entry_points))
    return without, with_plugin


def imported_modules(place: Path, environment: Path) -> set[str]:
    """Give the modules of ours that a run of one plain test imports."""
    outcome = run(_pytest(["-X", "importtime"], ["test_one.py"]), place, _variables(environment))
    return set(re.findall(r"\|\s+(pytest_moderator[\w.]*)\s*$", outcome.output, re.MULTILINE))


def _time_in_turn(place: Path, environments: Sequence[Path], arguments: Sequence[str]) -> tuple[float, ...]:
    times = []
    for environment in environments:
        outcome = run(_pytest([], arguments), place, _variables(environment))
        if outcome.exit_code:
            raise BrokenRunError(f"exit code {outcome.exit_code}: {outcome.last_lines}")
        times.append(outcome.wall)
    return tuple(times)


def _pytest(flags: Sequence[str], arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-S", *flags, "-m", "pytest", *without_other_plugins(), *arguments]


def _variables(environment: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(environment)}


def _row(title: str, absent: Sequence[float], present: Sequence[float]) -> tuple[str, ...]:
    bests, medians = (best(absent), best(present)), (median(absent), median(present))
    pairs = (*zip(bests, medians, strict=True), (bests[1] - bests[0], medians[1] - medians[0]))
    return title, *(f"{pair[0] * MS:.1f}, {pair[1] * MS:.1f}" for pair in pairs)
