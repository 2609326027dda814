"""How soon ``moderator`` answers when the journal has grown, the start of Python included."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.journal import EVENTS_OF_A_TASK, write_run
from benchmarks.measure import best, median, run
from benchmarks.ours import BrokenRunError
from benchmarks.tables import Goal, Section, Table
from pytest_moderator.journal import Journal

if TYPE_CHECKING:
    from benchmarks.options import Options

TASK = "T0007"
COMMANDS = ("status", "status --json", "runs", f"logs {TASK}", f"retry {TASK}")
MOST_MS = 200
MS = 1000
MODERATOR = Path(sys.executable).with_name("moderator")


def measure(options: Options) -> Section:
    """Ask about a run of 20,000 tasks, in turn with a Python that does nothing."""
    tasks, rounds = (200, 3) if options.quick else (20_000, 11)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Path(name)
        with Journal.open(place) as journal:
            write_run(journal, "run", tasks, durable=False)
        logs = place / "runs" / "run" / "tasks" / TASK
        logs.mkdir(parents=True)
        (logs / "stdout.log").write_text("done\n")
        asked = [([str(MODERATOR), *command.split()], command) for command in COMMANDS]
        times: dict[str, list[float]] = {}
        for _ in range(rounds + 1):
            for command, what in [([sys.executable, "-c", "pass"], "python -c pass"), *asked]:
                times.setdefault(what, []).append(_time(command, place))
    events = tasks * EVENTS_OF_A_TASK
    return Section(
        f"Views: a journal of {events:,} events",
        tables=(Table(("command", "best ms", "median ms"), tuple(_row(*item) for item in times.items())),),
        goals=tuple(
            Goal(f"moderator {what}, {events:,} events", median(times[what][1:]) * MS, MOST_MS, "ms", 0)
            for what in COMMANDS
        ),
        notes=(
            f"one run of {tasks:,} tasks; {rounds} rounds in turn; the goal is held against the median",
            "pause, resume and cancel look up the same, and then wait until the run takes notice",
        ),
    )


def _time(command: list[str], place: Path) -> float:
    outcome = run(command, place, {"MODERATOR_STATE_DIR": str(place)})
    if outcome.exit_code:
        raise BrokenRunError(f"{' '.join(command)}: exit code {outcome.exit_code}: {outcome.last_lines}")
    return outcome.wall


def _row(what: str, seconds: list[float]) -> tuple[str, ...]:
    return what, f"{best(seconds[1:]) * MS:.0f}", f"{median(seconds[1:]) * MS:.0f}"
