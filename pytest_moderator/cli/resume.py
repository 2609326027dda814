"""``moderator resume``: go on with a run that is paused, or that has ended before all was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.cli._options import add_exec, add_run

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Go on with a run that is paused, or print the pytest command that goes on with one that is over"
    parser = commands.add_parser("resume", help=text, description=f"{text}.")
    add_exec(parser)
    add_run(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli import _steer  # noqa: PLC0415 (other sub-commands do without)

    return _steer.resume(arguments)
