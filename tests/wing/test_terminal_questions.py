"""Questions at the terminal, while the run goes on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from terminals import Terminal

from pytest_moderator.journal import JournalError, JournalReader, RequestKind, ask
from pytest_moderator.journal.requests import who

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions import Project

    Start = Callable[..., Terminal]

APPROVE = "approve? [y]es [n]o [a]ll [l]ater\n"
DONE = "[d]one [f]ail [l]ater\n"
TWO = """
    - [ ] T001 [P] Deploy
      - approve: yes
      - run: `echo T001 >> ran.txt`
    - [ ] T002 [P] Destroy
      - approve: yes
      - run: `echo T002 >> ran.txt`
"""
MANUAL = """
    - [ ] T001 [P] Look at the page
      - backend: manual
"""


@pytest.fixture
def start(project: Project) -> Iterator[Start]:
    """Starts a session in a terminal."""
    opened: list[Terminal] = []

    def start(tasks: str, *arguments: str, behind: bool = False, **more: str) -> Terminal:
        project.tasks(tasks)
        opened.append(Terminal(project.path, *arguments, behind=behind, **more))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def events(project: Project, *kinds: str) -> list[tuple[str | None, str, str]]:
    with JournalReader(project.path / ".moderator") as reader:
        found = reader.events(reader.runs()[0].id, kinds=kinds)
    return [(event.task_id, event.kind, str(event.payload["by"])) for event in found]


def lines(project: Project) -> list[str]:
    path = project.path / "ran.txt"
    return path.read_text().split() if path.exists() else []


def test_tasks_are_approved_and_rejected(project: Project, start: Start, workers: tuple[str, ...]) -> None:
    terminal = start(TWO, *workers)
    terminal.expect(
        f"T001 wants to run: Deploy: `echo T001 >> ran.txt` (backend shell, approve: yes): {APPROVE}"
    )
    terminal.type("y")
    terminal.expect("T002 wants to run: Destroy")
    terminal.expect(APPROVE)
    terminal.type("No not on Fridays")
    assert terminal.end() == 0
    assert lines(project) == ["T001"]
    assert f"rejected by {who()}: not on Fridays" in terminal.output
    assert events(project, "approved", "rejected") == [
        ("T001", "approved", who()),
        ("T002", "rejected", who()),
    ]
    assert terminal.settings() == terminal.before


def test_others_go_on_while_a_question_stands(
    project: Project, start: Start, workers: tuple[str, ...]
) -> None:
    terminal = start(
        f"{TWO}\n    - [ ] T003 [P] Aside\n      - run: `echo T003 >> ran.txt`\n",
        "--moderator-order=explicit",
        *workers,
    )
    terminal.expect(APPROVE)
    terminal.expect("T003 completed")
    assert lines(project) == ["T003"]
    terminal.type("all")
    assert terminal.end() == 0
    assert sorted(lines(project)[1:]) == ["T001", "T002"]  # two workers start them at once
    assert terminal.output.count(APPROVE) == 1
    assert [by for _, _, by in events(project, "approved")] == [who(), who()]


def test_later_leaves_it_to_the_command_and_enter_asks_again(project: Project, start: Start) -> None:
    terminal = start(TWO)
    terminal.expect(APPROVE)
    terminal.type("what")
    terminal.expect(APPROVE)  # it did not understand
    terminal.type("l")
    terminal.expect("moderator approve T001, or moderator reject T001 --why TEXT; Enter asks again\n")
    terminal.expect("T002 wants to run")
    terminal.expect(APPROVE)
    terminal.type("")
    terminal.expect("T002 wants to run")  # it is the one that stands
    terminal.expect(APPROVE)
    terminal.type("n")
    terminal.expect("T002 skipped rejected by")
    terminal.type("no question stands")
    terminal.type("")
    terminal.expect("T001 wants to run")
    terminal.expect(APPROVE)
    terminal.type("Y")
    assert terminal.end() == 0
    assert lines(project) == ["T001"]


def test_people_say_at_the_terminal_what_they_have_done(
    project: Project, start: Start, workers: tuple[str, ...]
) -> None:
    terminal = start(f"{MANUAL}\n    - [ ] T002 [P] Paint it\n      - backend: manual\n", *workers)
    terminal.expect(f"T001 waits for a person: Look at the page: {DONE}")
    terminal.type("d")
    terminal.expect(f"T002 waits for a person: Paint it: {DONE}")
    terminal.type("f no paint")
    assert terminal.end() == 1
    assert "T002 failed in" in terminal.output
    assert ": no paint" in terminal.output
    assert events(project, "said_done", "said_failed") == [
        ("T001", "said_done", who()),
        ("T002", "said_failed", who()),
    ]


def test_a_question_that_was_answered_elsewhere_is_withdrawn(project: Project, start: Start) -> None:
    terminal = start(TWO)
    terminal.expect(APPROVE)
    with JournalReader(project.path / ".moderator") as reader:
        run_id = reader.runs()[0].id
    ask(project.path / ".moderator", run_id, RequestKind.APPROVE, task_id="T001")
    terminal.expect("T002 wants to run")
    terminal.expect(APPROVE)
    terminal.type("n")
    assert terminal.end() == 0
    assert lines(project) == ["T001"]


def test_ctrl_c_leaves_the_terminal_as_it_was(start: Start, workers: tuple[str, ...]) -> None:
    terminal = start(MANUAL, *workers)
    terminal.expect(DONE)
    terminal.press(b"\x03")
    assert terminal.end() == 2
    assert "resume: " in terminal.output
    assert terminal.settings() == terminal.before
    terminal.type("next command")
    assert terminal.unread() == b"next command\n"


@pytest.mark.parametrize("name", ["moderator-people", "moderator-elsewhere"])
def test_an_interrupt_just_when_a_thread_is_to_start(project: Project, start: Start, name: str) -> None:
    project.write(
        "conftest.py",
        f"""
        import threading

        start = threading.Thread.start

        def start_or_not(thread):
            if thread.name == {name!r}:
                raise KeyboardInterrupt
            start(thread)

        threading.Thread.start = start_or_not
        """,
    )
    terminal = start(MANUAL)
    assert terminal.end() == 2
    assert "resume: " in terminal.output


def test_ctrl_d_ends_the_questions_but_not_the_run(project: Project, start: Start) -> None:
    terminal = start(TWO)
    terminal.expect(APPROVE)
    terminal.press(b"\x04")
    terminal.expect("moderator approve T001, or moderator reject T001")
    terminal.expect("moderator approve T002, or moderator reject T002")
    with JournalReader(project.path / ".moderator") as reader:
        run_id = reader.runs()[0].id
    for task_id in ("T001", "T002"):
        ask(project.path / ".moderator", run_id, RequestKind.APPROVE, task_id=task_id)
    assert terminal.end() == 0
    assert lines(project) == ["T001", "T002"]


@pytest.mark.parametrize(
    ("arguments", "more"), [((), {"CI": "true"}), (("--moderator-approval=skip",), {})], ids=["CI", "skip"]
)
def test_where_nobody_is_nothing_is_asked(
    start: Start, arguments: tuple[str, ...], more: dict[str, str]
) -> None:
    terminal = start(TWO, *arguments, **more)
    assert terminal.end() == 0
    assert APPROVE not in terminal.output
    assert "T001 skipped waiting for approval" in terminal.output


def test_a_run_in_the_background_reads_nothing_and_is_not_stopped(project: Project, start: Start) -> None:
    terminal = start(MANUAL, behind=True)
    terminal.type("for the shell")
    terminal.expect(DONE)
    terminal.type("d")
    with JournalReader(project.path / ".moderator") as reader:
        run_id = reader.runs()[0].id
    ask(
        project.path / ".moderator",
        run_id,
        RequestKind.FAIL,
        task_id="T001",
        payload={"why": "it was not read"},
    )
    assert terminal.end() == 1
    assert "T001 failed: it was not read" in terminal.output
    assert terminal.unread() == b"for the shell\n"


def test_all_also_approves_what_asks_later(project: Project, start: Start) -> None:
    terminal = start(
        f"{TWO}\n    - [ ] T003 Later\n      - approve: yes\n      - run: `echo T003 >> ran.txt`\n"
    )
    terminal.expect(APPROVE)
    terminal.type("a")
    assert terminal.end() == 0
    assert lines(project) == ["T001", "T002", "T003"]
    assert terminal.output.count(APPROVE) == 1


def test_without_a_reporter_nothing_is_shown_and_answers_count(project: Project, start: Start) -> None:
    terminal = start(MANUAL, "-p", "no:terminal")

    def waits() -> bool:
        with contextlib.suppress(JournalError), JournalReader(project.path / ".moderator") as reader:
            return any(row.status == "paused" for run in reader.runs() for row in reader.tasks(run.id))
        return False

    terminal.until(waits)
    terminal.type("done")
    assert terminal.end() == 0


def test_a_debugger_gets_what_is_typed(project: Project, start: Start) -> None:
    project.write(
        "test_stops.py",
        """
        def test_stops():
            breakpoint()
            print("behind it")
        """,
    )
    terminal = start(MANUAL, "test_stops.py", "-s")
    terminal.expect(DONE)
    terminal.expect("(Pdb) ")
    terminal.type("p 'd' + 'one'")
    terminal.expect("'done'\n")
    terminal.expect("(Pdb) ")
    terminal.type("c")
    terminal.expect("behind it")
    terminal.type("d")
    assert terminal.end() == 0
