"""What sub-commands have in common. Every start of ``moderator`` imports this, so it imports nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

TASK_HELP = "Id of a task, or file.md::ID where several files of the run have that id"


def add_command(commands: Commands, name: str, text: str, more: str, home: str) -> argparse.ArgumentParser:
    """Add a sub-command; what it does is imported when it is asked for.

    Args:
        commands: all sub-commands.
        name: its name.
        text: what it does, without a full stop.
        more: what follows that in its own help, with the sign between them.
        home: the module of this package in which a function of its name does it.

    Returns:
        Its parser, to add arguments to.
    """
    parser = commands.add_parser(name, help=text, description=f"{text}{more}")
    parser.set_defaults(run=partial(_run, home, name))
    return parser


def add_ids(parser: argparse.ArgumentParser, number: str = "+", more: str = "") -> None:
    """Add the tasks that are meant.

    Args:
        parser: that of the sub-command.
        number: how many there may be, as ``argparse`` says it.
        more: what follows the help.
    """
    parser.add_argument("ids", nargs=number, metavar="ID", help=f"{TASK_HELP}{more}")


def add_why(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add the reason."""
    parser.add_argument(
        "--why", default="", required=required, metavar="TEXT", help="The reason, which is recorded and shown"
    )


def add_state_dir(parser: argparse.ArgumentParser) -> None:
    """Add the place of the journal."""
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        help="Where the runs are recorded; without it $MODERATOR_STATE_DIR, else the .moderator of this directory "
        "or of the nearest one above it that has runs",
    )


def add_run(parser: argparse.ArgumentParser, *, looking: bool = False) -> None:
    """Add the choice of a run, and the place of the journal.

    Args:
        parser: that of the sub-command.
        looking: whether the last run will do where several are alive.
    """
    which = "the last one that is alive" if looking else "the only one that is alive"
    parser.add_argument(
        "--run",
        metavar="RUN",
        dest="run_id",
        help=f"The run: its id, or how that begins; without it {which}, else the last one",
    )
    add_state_dir(parser)


def add_exec(parser: argparse.ArgumentParser) -> None:
    """Add the choice to go on at once."""
    parser.add_argument(
        "--exec",
        action="store_true",
        help="Run that command at once, in place of this one, where the run is over",
    )


def _run(home: str, name: str, arguments: argparse.Namespace) -> int:
    from importlib import import_module  # noqa: PLC0415 (see above)

    code: int = getattr(import_module(f"{__package__}.{home}"), name)(arguments)
    return code
