"""``moderator approve``: let a task start that waits for an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import TASK_HELP, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Let a task start that waits for an approval"
    parser = commands.add_parser(
        "approve",
        help=text,
        description=f"{text}. A run that is over takes the answer when it is resumed.",
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help=TASK_HELP)
    add_run(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli import _steer  # noqa: PLC0415 (other sub-commands do without)

    return _steer.approve(arguments)
