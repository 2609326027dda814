"""The ``moderator`` command. Each sub-command is one file of this package that has a function ``register``.

Exit codes: 0 all is well; 1 there are errors in what was looked at; 2 the command line is wrong. A reader that goes
away early (``moderator plan tasks.md | head``) ends it with 141, Ctrl-C with 130, as the shell reports those signals.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import pkgutil
import sys
from typing import TYPE_CHECKING, Any

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Sequence

FOUND_ERRORS = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: its arguments; those of the process without it.

    Returns:
        The exit code.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a title still gets it
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parser(argv[0] if argv else "").parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # what is left in the buffer goes nowhere, so that the interpreter does not complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except ModeratorError as error:
        from pytest_moderator.cleaning import clean  # noqa: PLC0415 (for a mistake only)

        print(f"moderator: error: {clean(str(error))}", file=sys.stderr)
        return FOUND_ERRORS
    return code


class _Version(argparse.Action):
    """Prints the version. Finding it out is slow, so this is done on demand."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415 (see above)

        print(f"moderator {version('pytest-moderator')}")
        parser.exit()


def _parser(asked: str) -> argparse.ArgumentParser:
    """Make the parser: with all sub-commands, or only with one that is asked for."""
    parser = argparse.ArgumentParser(
        prog="moderator",
        description="Look at tasks files before they run, and at runs.",
        epilog="Tasks are run by pytest: pytest --moderator tasks.md",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="Show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    for name in [asked] if asked in names else names:
        importlib.import_module(f"{__name__}.{name}").register(commands)
    return parser
