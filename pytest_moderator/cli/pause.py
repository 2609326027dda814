"""``moderator pause``: let a run start nothing new for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Let a run start nothing new until it is resumed"
    parser = commands.add_parser("pause", help=text, description=f"{text}; what runs goes on to its end.")
    parser.add_argument(
        "--now",
        action="store_true",
        help="Stop also what runs, where it stands; its time limit stands still meanwhile",
    )
    add_run(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli import _steer  # noqa: PLC0415 (other sub-commands do without)

    return _steer.pause(arguments)
