"""Tasks for people, scripts that answer in their place, and what the journal has of answers."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

from pytest_moderator.journal import JournalReader

if TYPE_CHECKING:
    from sessions import Project


TASKS = """
    - [ ] T001 Look at the page
      - backend: manual
    - [ ] T002 Tell (depends on T001)
      - run: `echo T002 >> ran.txt`
    - [ ] T003 [P] Aside
      - run: `echo T003 >> ran.txt`
"""
ANSWERED = f"""
    - [ ] T001 [P] Look at the page
      - backend: manual
    - [ ] T002 [P] Answers
      - run: `{sys.executable} answer.py`
"""
WAIT = "--moderator-approval=wait"


def answer(*lines: str) -> str:
    """A script that answers for the tasks of the run that it is part of, once they wait."""
    head = """
        import os, time
        from pathlib import Path
        from pytest_moderator.journal import JournalReader, RequestKind, ask

        STATE, RUN = Path(".moderator"), os.environ["MODERATOR_RUN_ID"]

        def say(kind, task_id, **payload):
            ask(STATE, RUN, RequestKind(kind), task_id=task_id, payload=payload)

        def it_is(task_id, status):
            with JournalReader(STATE) as reader:
                return any(row.task_id == task_id and row.status == status for row in reader.tasks(RUN))

        def until_it(task_id, status):
            while not it_is(task_id, status):
                time.sleep(0.05)

        def until_it_waits(task_id):
            until_it(task_id, "paused")
    """
    return dedent(head) + "\n".join(lines) + "\n"


def run_id(project: Project) -> str:
    with JournalReader(project.path / ".moderator") as reader:
        return reader.runs()[0].id


def events(project: Project, *kinds: str) -> list[tuple[str | None, str]]:
    """What was said in the last run, and by whom."""
    with JournalReader(project.path / ".moderator") as reader:
        found = reader.events(run_id(project), kinds=kinds)
    return [(event.task_id, str(event.payload.get("by", ""))) for event in found]


def status_of_run(project: Project) -> str:
    with JournalReader(project.path / ".moderator") as reader:
        return reader.runs()[0].status.value
