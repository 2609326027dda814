"""``moderator cancel``: end a run, or some of its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_command, add_ids, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "End a run, or only the tasks that are named"
    more = ". The processes of tasks that run are ended; what has not started is skipped."
    parser = add_command(commands, "cancel", text, more, "_steer")
    add_ids(parser, "*", "; without any the whole run")
    add_run(parser)
