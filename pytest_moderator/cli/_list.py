"""The runs of a journal, a line each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_moderator.cli._console import Paint, one_line
from pytest_moderator.cli._journal import open_journal
from pytest_moderator.cli._snapshot import counts_of
from pytest_moderator.cli._status_text import COLOURS, counts_as_words, duration_of
from pytest_moderator.cli._times import shown

if TYPE_CHECKING:
    import argparse

    from pytest_moderator.journal import RunSummary

_LATEST = 20


def runs(arguments: argparse.Namespace) -> int:
    """Do ``moderator runs``."""
    paint = Paint()
    with open_journal(arguments) as journal:
        found = journal.runs(limit=sys.maxsize if arguments.all else _LATEST + 1)
        listed = found if arguments.all else found[:_LATEST]
        rows = [(run, duration_of(run, journal.last_event_at(run.id))) for run in listed]
    width = max((len(duration) for _, duration in rows), default=0)
    for run, duration in rows:
        print(_line(run, duration.rjust(width), paint))
    if len(found) > len(listed):
        print(paint("there are older ones: --all lists them", "dim"))
    if not found:
        print("no run has begun yet: pytest --moderator begins one")
    return 0


def _line(run: RunSummary, duration: str, paint: Paint) -> str:
    status = run.shown_status
    longest = max(map(len, COLOURS))
    parts = [
        paint(one_line(run.id), "bold"),
        paint(status.value.ljust(longest), COLOURS[status]),
        shown(run.started_at),
        duration,
        one_line(", ".join(run.files)),
    ]
    return "  ".join(parts) + f": {counts_as_words(counts_of(run)) or 'no tasks'}"
