"""``moderator resume``: go on with a run that is paused, or that has ended before all was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_command, add_exec, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Go on with a run that is paused, or print the pytest command that goes on with one that is over"
    parser = add_command(commands, "resume", text, ".", "_steer")
    add_exec(parser)
    add_run(parser)
