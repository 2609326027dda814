"""What a busy worker is sent ahead starts without a pause, and never where it should not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from stand_ins import LIMIT, stand_ins

if TYPE_CHECKING:
    from sessions import Project


def test_an_item_starts_when_the_one_before_has_ended(project: Project) -> None:
    lines = (f"- [ ] T00{n} [P] One\n  - run: `echo T00{n} >> ran.txt`\n" for n in range(1, 6))
    project.tasks("".join(lines))
    session = project.run("tasks.md", "-n", "1")
    assert session.lines() == [f"T00{n}" for n in range(1, 6)]
    with closing(sqlite3.connect(project.path / ".moderator" / "state.db")) as journal:
        found = journal.execute(
            "SELECT task_id, kind FROM events WHERE kind IN ('task_started', 'task_ended') ORDER BY seq"
        )
        events = found.fetchall()
    assert events == [(f"T00{n}", kind) for n in range(1, 6) for kind in ("task_started", "task_ended")]


NOTE_MESSAGES = """
    import pytest

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(node):
        send = node.channel.send

        def send_and_note(command):
            if isinstance(command, int):
                with open("sent.txt", "a") as file:
                    print(command, file=file)
            send(command)

        node.channel.send = send_and_note
    """


def test_a_busy_worker_is_sent_one_ahead(project: Project) -> None:
    project.write("conftest.py", NOTE_MESSAGES)
    wait = "until [ $(wc -l < sent.txt) -eq 2 ]; do sleep 0.05; done"
    lines = (
        f"- [ ] T00{n} [P] One\n  - run: `{wait if n == 1 else 'true'}`\n  - timeout: 2m\n"
        for n in range(1, 5)
    )
    project.tasks("".join(lines))
    assert project.run("tasks.md", "-n", "1").counts == {"passed": 4}
    assert (project.path / "sent.txt").read_text().split() == ["0", "1", "2", "3"]


SENT_BOTH = """
    while len(Path("sent.txt").read_text().split()) < 2:
        time.sleep(0.05)
"""


def test_what_was_sent_ahead_does_not_meet_a_limit_after_another(project: Project) -> None:
    project.write("conftest.py", stand_ins("limited", does=SENT_BOTH + LIMIT) + dedent(NOTE_MESSAGES))
    project.tasks("- [ ] T001 [P] Meets it\n- [ ] T002 [P] Would meet it\n")
    session = project.run("tasks.md", "-n", "1", "--moderator-backend=limited")
    assert session.statuses == {"T001": "completed", "T002": "completed"}
    assert sorted(session.lines()) == ["T001", "T001", "T002"]


def test_none_is_sent_ahead_where_a_budget_may_be_spent_meanwhile(project: Project) -> None:
    project.write("conftest.py", NOTE_MESSAGES)
    lines = (f"- [ ] T00{n} [P] One\n  - run: `wc -l < sent.txt >> ran.txt`\n" for n in range(1, 4))
    project.tasks("".join(lines))
    session = project.run("tasks.md", "-n", "1", "--moderator-budget", "$5")
    assert session.lines() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("first", "asked"),
    [("`false`", ["-x"]), ("`false`", ["--maxfail=1"]), ("`false`\n  - critical: true", [])],
)
def test_nothing_follows_a_failure_that_ends_it_all(project: Project, first: str, asked: list[str]) -> None:
    project.tasks(f"- [ ] T001 [P] One\n  - run: {first}\n- [ ] T002 [P] Two\n  - run: `touch two`\n")
    session = project.run("tasks.md", "-n", "1", *asked)
    assert session.statuses["T001"] == "failed"
    assert session.statuses["T002"] != "completed"
    assert not (project.path / "two").exists()


def test_a_failure_that_ends_nothing_is_followed(project: Project) -> None:
    project.tasks("- [ ] T001 [P] One\n  - run: `false`\n- [ ] T002 [P] Two\n  - run: `touch two`\n")
    assert project.run("tasks.md", "-n", "1").statuses == {"T001": "failed", "T002": "completed"}


def test_another_worker_that_is_free_first_takes_it(project: Project) -> None:
    wait = "until test -e four; do sleep 0.05; done"
    project.tasks(
        f"""
        - [ ] T001 [P] Waits for the last
          - run: `{wait}`
          - timeout: 2m
        - [ ] T002 [P] Two
          - run: `true`
        - [ ] T003 [P] Three
          - run: `true`
        - [ ] T004 [P] Four
          - run: `touch four`
        """
    )
    session = project.run("tasks.md", "-n", "2")
    assert session.counts == {"passed": 4}


def test_it_runs_elsewhere_when_the_worker_dies(project: Project) -> None:
    project.tasks(
        """
        - [ ] T001 [P] Kills its worker
          - run: `kill -9 $PPID; sleep 60`
        - [ ] T002 [P] Two
          - run: `echo T002 >> ran.txt`
        """
    )
    session = project.run("tasks.md", "-n", "1")
    assert session.statuses == {"T001": "failed", "T002": "completed"}
    assert session.lines() == ["T002"]


def test_ordinary_tests_and_their_fixtures(project: Project) -> None:
    project.tasks("- [ ] T001 One\n  - run: `true`\n")
    for name in "ab":
        project.write(
            f"test_{name}.py",
            f"""
            import pytest

            @pytest.fixture(scope="module")
            def place():
                yield
                with open("torn.txt", "a") as file:
                    print("{name}", file=file)

            @pytest.mark.parametrize("number", range(3))
            def test_it(place, number):
                pass
            """,
        )
    session = project.run("tasks.md", "test_a.py", "test_b.py", "-n", "1")
    assert session.counts == {"passed": 7}
    assert sorted((project.path / "torn.txt").read_text().split()) == ["a", "b"]
