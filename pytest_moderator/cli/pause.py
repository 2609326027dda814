"""``moderator pause``: let a run start nothing new for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_command, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Let a run start nothing new until it is resumed"
    parser = add_command(commands, "pause", text, "; what runs goes on to its end.", "_steer")
    parser.add_argument(
        "--now",
        action="store_true",
        help="Stop also what runs, where it stands; its time limit stands still meanwhile",
    )
    add_run(parser)
