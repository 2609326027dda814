"""``moderator runs``: which runs there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_command, add_state_dir

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "List the runs, the last one first"
    parser = add_command(commands, "runs", text, ".", "_list")
    parser.add_argument("--all", action="store_true", help="List all of them, not only the last 20")
    add_state_dir(parser)
