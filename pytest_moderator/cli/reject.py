"""``moderator reject``: keep a task from starting that waits for an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_command, add_ids, add_run, add_why

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Keep a task from starting that waits for an approval"
    more = ". A run that is over takes the answer when it is resumed."
    parser = add_command(commands, "reject", text, more, "_answer")
    add_ids(parser)
    add_why(parser)
    add_run(parser)
