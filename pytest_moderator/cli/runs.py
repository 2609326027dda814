"""``moderator runs``: which runs there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_state_dir

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "List the runs, the last one first"
    parser = commands.add_parser("runs", help=text, description=f"{text}.")
    parser.add_argument("--all", action="store_true", help="List all of them, not only the last 20")
    add_state_dir(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli import _list  # noqa: PLC0415 (other sub-commands do without)

    return _list.runs(arguments)
