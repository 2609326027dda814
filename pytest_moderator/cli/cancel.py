"""``moderator cancel``: end a run, or some of its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import TASK_HELP, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "End a run, or only the tasks that are named"
    parser = commands.add_parser(
        "cancel",
        help=text,
        description=f"{text}. The processes of tasks that run are ended; what has not started is skipped.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"{TASK_HELP}; without any the whole run")
    add_run(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli import _steer  # noqa: PLC0415 (other sub-commands do without)

    return _steer.cancel(arguments)
