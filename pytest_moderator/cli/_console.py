"""Text for people: cleaned, and coloured where it is looked at."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pytest_moderator.cleaning import clean

if TYPE_CHECKING:
    from typing import TextIO

    from pytest_moderator.model import Problem

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Paint:
    """Colours text, or leaves it as it is.

    Args:
        stream: where the text goes; only a terminal gets colours, and not with ``NO_COLOR``.

    Attributes:
        terminal: whether it goes to a terminal.
        enabled: whether it is coloured.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stdout if stream is None else stream
        self.terminal = stream.isatty()
        self.enabled = self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def __call__(self, text: str, colour: str) -> str:
        """Colour a text, one of bold, dim, red, green, yellow, cyan."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.enabled else text

    def problem(self, problem: Problem) -> str:
        """Write a problem in one line."""
        line = one_line(str(problem))
        severity = str(problem.severity)
        colour = "red" if severity == "error" else "yellow"
        return line.replace(f" {severity} ", f" {self(severity, colour)} ", 1)


def one_line(text: str) -> str:
    """Take what would disturb a terminal, or break the line, out of a text from a file."""
    return " ".join(clean(text).split())


def count(number: int, noun: str) -> str:
    """Write ``1 task``, ``2 tasks``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
