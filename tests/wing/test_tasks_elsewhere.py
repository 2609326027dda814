"""Backends of others whose tasks are done elsewhere and answered later."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

import pytest
from by_hand import ANSWERED, answer

if TYPE_CHECKING:
    from sessions import Project

BACKEND = """
from pathlib import Path

from pytest_moderator import Answer, ElsewhereBackend


class Mailbox(ElsewhereBackend):
    name = "mailbox"
    waits_for = "the mailbox"

    def hand_over(self, task, context):
{hand_over}

    def look(self, task, context):
{look}


def pytest_moderator_backends():
    return [Mailbox()]
"""
LEAVE = """
context.directory.mkdir(parents=True, exist_ok=True)
(context.directory / "request.md").write_text(f"{task.title} in {context.workspace.name}")
with open("handed-over", "a") as log:
    log.write(f"{task.id}\\n")
"""
LOOK = """
reply = Path(f"reply-{task.id}")
return Answer(yes=True, by="the mailbox", output=reply.read_text()) if reply.exists() else None
"""
TASKS = """
    - [ ] T001 [P] Order paint
      - backend: mailbox
    - [ ] T002 [P] Is the shop
      - run: `sh shop.sh`
    - [ ] T003 Paint (depends on T001)
      - run: `echo T003 >> ran.txt`
"""


# Who looks for either of them must not find it before something is in it.
SHOP = """
until grep . .moderator/runs/*/tasks/T001/request.md > read; do sleep 0.1; done
echo "3 tins" > reply
mv reply reply-T001
"""


def write_backend(project: Project, hand_over: str = LEAVE, look: str = LOOK) -> None:
    text = BACKEND.format(hand_over=indent(hand_over, " " * 8), look=indent(look, " " * 8))
    project.write("conftest.py", text)


def test_a_task_is_handed_over_and_answered(project: Project) -> None:
    write_backend(project)
    project.write("shop.sh", SHOP)
    project.tasks(TASKS)
    session = project.run("tasks.md", "-n", "2")  # nobody is there, and nobody is needed
    assert session.exit_code == 0, session.output
    assert session.lines() == ["T003"]
    assert session.lines("handed-over") == ["T001"]
    assert session.lines("read")[0].startswith("Order paint in ")
    task = session.tasks["T001"]
    assert (task["backend"], task["stdout"]) == ("mailbox", "done (the mailbox)\n3 tins\n")


@pytest.mark.parametrize(
    ("hand_over", "look", "category"),
    [
        ("raise ConnectionError('no line')", LOOK, "transient"),
        ("return None", "raise ValueError('no sense')", "logic"),
    ],
)
def test_what_a_backend_raises_is_a_failure(
    project: Project, workers: tuple[str, ...], hand_over: str, look: str, category: str
) -> None:
    write_backend(project, hand_over, look)
    project.tasks("""
        - [ ] T001 Order paint
          - backend: mailbox
          - retries: 3
    """)
    task = project.run("tasks.md", *workers).tasks["T001"]
    assert (task["status"], task["category"], task["attempts"]) == ("failed", category, 1)
    assert task["error_message"].startswith("backend 'mailbox' raised ")
    assert "Traceback" in task["stdout"]
    assert "in hand_over" in task["stdout"] or "in look" in task["stdout"]


def test_a_refusal_of_the_other_side_is_a_failure(project: Project) -> None:
    write_backend(
        project, look="return Answer(yes=False, by='the shop', why='sold out', category='resource')"
    )
    project.tasks("""
        - [ ] T001 Order paint
          - backend: mailbox
    """)
    task = project.run("tasks.md").tasks["T001"]
    assert (task["status"], task["error_message"], task["category"]) == ("failed", "sold out", "resource")


SECOND_TIME = """
asked = Path("asked")
again = asked.exists()
asked.touch()
return Answer(yes=again, by="the shop", why="sold out")
"""


def test_it_is_handed_over_again_after_it_had_to_wait_for_a_limit(project: Project) -> None:
    write_backend(project, look=SECOND_TIME)
    project.write("moderator.yaml", "backends: {mailbox: {rate_limit: 1/3s}}\n")
    project.tasks(ANSWERED.replace("manual", "mailbox"))
    steps = ("until_it('T001', 'failed')", "say('retry', 'T001')", "until_it('T001', 'completed')")
    project.write("answer.py", answer(*steps))
    session = project.run("tasks.md", "-n", "2")
    assert session.exit_code == 0
    assert session.tasks["T001"]["status"] == "completed"
    assert session.lines("handed-over") == ["T001", "T001"]


def test_it_is_asked_for_by_name_only(project: Project) -> None:
    write_backend(project)
    project.tasks("""
        - [ ] T001 Order paint
        - [ ] T002 Run it
          - run: `true`
    """)
    session = project.run("tasks.md")
    assert session.statuses == {"T001": "skipped", "T002": "completed"}
    assert session.reasons["T001"].startswith("nothing to run")


def test_how_it_was_answered_cannot_be_written(project: Project) -> None:
    write_backend(
        project,
        "Path(context.directory).parent.mkdir(parents=True); Path(context.directory).write_text('in the way')",
        "return Answer(yes=True, by='the shop')",
    )
    project.tasks("""
        - [ ] T001 Order paint
          - backend: mailbox
    """)
    task = project.run("tasks.md").tasks["T001"]
    assert task["status"] == "failed"
