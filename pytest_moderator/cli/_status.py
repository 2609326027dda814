"""Looking at a run: once, as JSON, or again and again."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from pytest_moderator.cli._console import Paint
from pytest_moderator.cli._journal import open_journal, run_to_look_at
from pytest_moderator.cli._snapshot import GONE, take
from pytest_moderator.cli._status_text import status_as_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pytest_moderator.cli._snapshot import Snapshot
    from pytest_moderator.journal.glance import Glance

PERIOD = 1.0
"""Seconds between two looks."""

_CLEAR = "\x1b[2J"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_USUAL_HEIGHT = 24  # of a terminal that does not say
_CUT_LINES, _WRAP_LINES = "\x1b[?7l", "\x1b[?7h"


def status(arguments: argparse.Namespace) -> int:
    """Do ``moderator status``."""
    with open_journal(arguments) as journal:
        run = run_to_look_at(journal, arguments.run_id)
        if arguments.json:
            print("\n".join(status_as_json(journal, take(journal, run))))
        elif arguments.watch:
            _watch(journal, run.id, _again(arguments))
        else:
            print("\n".join(status_as_text(take(journal, run), Paint(), _again(arguments))))
    return 0


def status_as_json(journal: Glance, snapshot: Snapshot) -> Iterator[str]:
    """Write how a run stands in the form of ``docs/status-schema.md``, a task a line."""
    run = snapshot.run
    about = {
        "version": 1,
        "run_id": run.id,
        "status": run.shown_status.value,
        "alive": run.alive,
        "files": run.files,
        "root": str(run.root),
        "directory": str(run.directory),
        "state_dir": str(snapshot.state_dir),
        "command": run.command,
        "workers": run.workers,
        "pid": run.holder.pid,
        "host": run.holder.host,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "last_event_at": snapshot.last_event_at,
        "exit_code": run.exit_code,
        "counts": snapshot.counts,
    }
    head = json.dumps(about, indent=2)
    tasks = journal.tasks_as_json(run.id, "" if run.alive else GONE)
    yield f"{head[:-2]},"  # the tasks come where the last bracket was
    yield '  "tasks": ['
    for number, task in enumerate(tasks, 1):
        comma = "," if number < len(tasks) else ""
        # no terminal or pipe can stumble over ASCII
        yield f"    {task if task.isascii() else json.dumps(json.loads(task))}{comma}"
    yield "  ]"
    yield "}"


def _again(arguments: argparse.Namespace) -> Sequence[str]:
    """Give the arguments with which another sub-command is about the same run."""
    run = () if arguments.run_id is None else ("--run", arguments.run_id)
    place = () if arguments.state_dir is None else ("--state-dir", arguments.state_dir)
    return (*run, *place)


def _watch(journal: Glance, run_id: str, again: Sequence[str]) -> None:
    """Show how a run stands whenever that changes, until nobody is at work on it."""
    paint = Paint()
    seen: tuple[int, bool] | None = None
    snapshot: Snapshot | None = None
    while True:
        version = journal.data_version()  # first, so that nothing is missed that is written meanwhile
        run = journal.run(run_id)
        before = snapshot
        if snapshot is None or seen != (version, run.alive):
            snapshot, seen = take(journal, run), (version, run.alive)
        if paint.terminal:
            _draw(status_as_text(snapshot, paint, again), first=before is None)  # time goes on in any case
        elif snapshot != before:
            print("\n".join([*([""] if before else []), *status_as_text(snapshot, paint, again)]), flush=True)
        if not run.alive:
            return
        time.sleep(PERIOD)


def _draw(lines: Sequence[str], *, first: bool) -> None:
    """Write lines in place of those that a terminal shows; what does not fit is left out."""
    height = os.get_terminal_size(sys.stdout.fileno()).lines or _USUAL_HEIGHT
    text = "".join(f"{line}{_REST_OF_LINE}\n" for line in lines[: max(1, height - 1)])
    sys.stdout.write(f"{_CUT_LINES}{_CLEAR if first else ''}{_HOME}{text}{_REST_OF_SCREEN}{_WRAP_LINES}")
    sys.stdout.flush()
