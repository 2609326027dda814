"""A run in miniature, to be killed: tasks in two processes, each of which says when it has been told of an end.

Arguments: the run as JSON, the ledger, how many tasks; ``resume`` to go on with it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path

from pytest_moderator.isolation.branches import begin, finish
from pytest_moderator.isolation.git_place import GitPlace
from pytest_moderator.isolation.git_run import GitRun
from pytest_moderator.model import Task, TaskResult


def write_down(ledger: Path, line: str) -> None:
    """Add a line at once, whatever happens next."""
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def do_task(run: GitRun, ledger: Path, number: int) -> None:
    """Do a task, and write its end down."""
    task = Task(f"T{number:03}", "Write a file", 1)
    with GitPlace(run, task, task.id) as place:
        if place.prepare(again=True) is None:
            write_down(ledger, f"started {task.id}")
            (place.path / f"file-{number}.txt").write_text(f"{number}\n")
            result = place.settle(TaskResult(task))
            assert result.success, result.error_message
    write_down(ledger, f"ended {task.id}")


def main() -> None:
    """Do what is not in the ledger yet."""
    run, ledger, count = GitRun.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
    ended = set(ledger.read_text().splitlines()) if ledger.exists() else set()
    if "resume" in sys.argv:
        run = run.continued()
    record = ledger.parent / "record"
    record.mkdir(exist_ok=True)
    write_down(ledger, "begin")
    begin(run, record)
    todo = [(run, ledger, n) for n in range(count) if f"ended T{n:03}" not in ended]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.starmap(do_task, todo, chunksize=1)
    finish(run)
    write_down(ledger, "all")


if __name__ == "__main__":
    main()
