"""``moderator retry``: have a run try a task again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import TASK_HELP, add_command, add_exec, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = (
        "Have a run try a failed task again, now, or print the pytest command that does when the run is over"
    )
    parser = add_command(commands, "retry", text, ".", "_steer")
    parser.add_argument("id", metavar="ID", help=TASK_HELP)
    add_exec(parser)
    add_run(parser)
