"""``moderator status``: how a run stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_command, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Show how a run stands"
    parser = add_command(commands, "status", text, ".", "_status")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--watch", action="store_true", help="Show it again whenever it changes, until the run is over"
    )
    how.add_argument("--json", action="store_true", help="Print all of it as JSON")
    add_run(parser, looking=True)
