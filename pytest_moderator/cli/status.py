"""``moderator status``: how a run stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Show how a run stands"
    parser = commands.add_parser("status", help=text, description=f"{text}.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--watch", action="store_true", help="Show it again whenever it changes, until the run is over"
    )
    how.add_argument("--json", action="store_true", help="Print all of it as JSON")
    add_run(parser, looking=True)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli import _status  # noqa: PLC0415 (other sub-commands do without)

    return _status.status(arguments)
