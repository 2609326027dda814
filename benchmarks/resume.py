"""What it costs to go on with a run that has done nearly everything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.dags import make_dag
from benchmarks.measure import best, fresh_directory, median, run
from benchmarks.ours import BrokenRunError, run_ours
from benchmarks.peers.plugins import without_other_plugins
from benchmarks.tables import Goal, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.options import Options

MOST_SECONDS = 3.0
PYTEST = (sys.executable, "-m", "pytest", "-q")
OURS = (*PYTEST, "--moderator", "tasks.md", "--moderator-resume")
COMMANDS = {
    "pytest, as many empty tests": (*PYTEST, "test_nothing.py", "-p", "no:moderator"),
    "ours": OURS,
    "ours, -n 2": (*OURS, "-n", "2"),
}


def measure(options: Options) -> Section:
    """Run a large file once, and then again and again with one more task."""
    size, rounds = (100, 2) if options.quick else (10_000, 5)
    ran = run_ours(make_dag("independent", size, sleeping=False), 2).directory
    empty = fresh_directory()
    (empty / "test_nothing.py").write_text("".join(f"def test_{n}(): pass\n" for n in range(size)))
    times: dict[str, list[float]] = {what: [] for what in COMMANDS}
    for turn in range(rounds):
        for what, command in COMMANDS.items():
            ours = what.startswith("ours")
            if ours:
                with (ran / "tasks.md").open("a") as file:
                    file.write(f"- [ ] T90{turn}{len(what):03d} One more\n  - run: `true`\n")
            times[what].append(_seconds(command, ran if ours else empty, "1" if ours else str(size)))
    return Section(
        f"Resume: {size:,} tasks that have completed, and one that has not",
        tables=(
            Table(
                ("command", "best s", "median s"),
                tuple((what, f"{best(found):.2f}", f"{median(found):.2f}") for what, found in times.items()),
            ),
        ),
        goals=(Goal(f"going on after {size:,} tasks", median(times["ours"]), MOST_SECONDS, "s"),),
        notes=(f"{rounds} rounds in turn, whole commands; the goal is held against the median",),
    )


def _seconds(command: Sequence[str], directory: Path, passed: str) -> float:
    outcome = run([*command, *without_other_plugins()], directory)
    if outcome.exit_code or f"{passed} passed" not in outcome.output:
        raise BrokenRunError(f"{' '.join(command)}: exit code {outcome.exit_code}: {outcome.last_lines}")
    return outcome.wall
