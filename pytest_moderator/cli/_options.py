"""Arguments that several sub-commands take. Every start of ``moderator`` imports this, so it imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

TASK_HELP = "Id of a task, or file.md::ID where several files of the run have that id"


def add_state_dir(parser: argparse.ArgumentParser) -> None:
    """Add the place of the journal."""
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        help="Where the runs are recorded; without it $MODERATOR_STATE_DIR, else the .moderator of this directory "
        "or of the nearest one above it that has runs",
    )


def add_run(parser: argparse.ArgumentParser, *, looking: bool = False) -> None:
    """Add the choice of a run, and the place of the journal.

    Args:
        parser: that of the sub-command.
        looking: whether the last run will do where several are alive.
    """
    which = "the last one that is alive" if looking else "the only one that is alive"
    parser.add_argument(
        "--run",
        metavar="RUN",
        dest="run_id",
        help=f"The run: its id, or how that begins; without it {which}, else the last one",
    )
    add_state_dir(parser)


def add_exec(parser: argparse.ArgumentParser) -> None:
    """Add the choice to go on at once."""
    parser.add_argument(
        "--exec",
        action="store_true",
        help="Run that command at once, in place of this one, where the run is over",
    )
