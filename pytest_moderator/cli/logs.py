"""``moderator logs``: what a task has printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import TASK_HELP, add_command, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Print what a task has printed"
    more = (
        ": the standard output of its last attempt, byte by byte as it came; on a terminal without control "
        "characters."
    )
    parser = add_command(commands, "logs", text, more, "_follow")
    parser.add_argument("id", metavar="ID", help=TASK_HELP)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--stderr", action="store_true", help="Print its standard error instead")
    which.add_argument(
        "--verify", action="store_true", help="Print what its verification has printed instead"
    )
    parser.add_argument(
        "--attempt", type=int, metavar="N", help="Print an earlier attempt; the first one is 1"
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="Go on as more comes, also with further attempts, until the task has ended",
    )
    add_run(parser, looking=True)
