"""``moderator fail``: say that a task has failed which was to be done by a person, or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_command, add_ids, add_run, add_why

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Say that a task has failed which a person does"
    more = ", or somebody else elsewhere. A run that is over takes the answer when it is resumed."
    parser = add_command(commands, "fail", text, more, "_answer")
    add_ids(parser)
    add_why(parser, required=True)
    add_run(parser)
