"""Tasks that a person does, or somebody else elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from by_hand import ANSWERED, TASKS, WAIT, answer, events, run_id, status_of_run

from pytest_moderator.journal import RequestKind, ask

if TYPE_CHECKING:
    from sessions import Project


def test_where_nobody_is_the_task_is_skipped_and_done_later(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", *workers)
    assert session.statuses == {"T001": "skipped", "T002": "skipped", "T003": "completed"}
    assert session.reasons["T001"] == "waiting for a person: moderator done T001, then --moderator-resume"
    assert session.reasons["T002"].startswith("blocked by T001 (waiting for a person")
    assert "T001 started" not in session.output
    assert "resume: pytest" in session.output
    assert status_of_run(project) == "interrupted"
    ask(project.path / ".moderator", run_id(project), RequestKind.DONE, task_id="T001")
    again = project.run("tasks.md", "--moderator-resume", *workers)
    assert again.lines() == ["T003", "T002"]
    assert again.statuses["T001"] == "completed"
    assert (again.tasks["T001"]["backend"], again.tasks["T001"]["attempts"]) == ("manual", 1)
    [(task_id, by)] = events(project, "said_done")
    assert task_id == "T001"
    assert f"T001: done ({by})" in again.output
    assert status_of_run(project) == "completed"


def test_it_is_answered_while_the_others_go_on(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Is done
          - backend: manual
          - timeout: 10m
        - [ ] T002 [P] Fails
          - backend: manual
          - retries: 2
        - [ ] T003 [P] Answers
          - run: `{sys.executable} answer.py`
        - [ ] T004 Needs what is done (depends on T001)
          - run: `echo T004 >> ran.txt`
        - [ ] T005 Needs what has failed (depends on T002)
          - run: `echo T005 >> ran.txt`
    """)
    project.write(
        "answer.py",
        answer("say('fail', 'T002', why='no paint')", "say('done', 'T001')", "say('done', 'T003')"),
    )
    session = project.run("tasks.md", WAIT, "--moderator-order=explicit", "--moderator-timeout=2m", *workers)
    assert session.exit_code == pytest.ExitCode.TESTS_FAILED
    assert session.lines() == ["T004"]
    assert session.statuses["T001"] == "completed"
    failed = session.tasks["T002"]
    assert (failed["status"], failed["error_message"], failed["attempts"]) == ("failed", "no paint", 1)
    assert failed["category"] == "logic"
    assert session.reasons["T005"] == "blocked by T002"
    assert {task_id for task_id, _ in events(project, "said_done", "said_failed")} == {"T001", "T002"}
    # once, although the gate was asked again whenever another task had ended
    assert session.output.count("T001 waits for a person: Is done: moderator done T001, moderator fail") == 1


def test_verification_is_run_when_it_is_done(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Write what is there
          - backend: manual
          - verify: `test -e there`
        - [ ] T002 [P] Write what is missing
          - backend: manual
          - retries: 3
          - verify: `echo looked >> looks; test -e missing`
        - [ ] T003 [P] Says that both are done
          - run: `{sys.executable} answer.py`
    """)
    project.write("there", "")
    project.write("answer.py", answer("say('done', 'T001')", "say('done', 'T002')"))
    session = project.run("tasks.md", WAIT, *workers)
    assert session.statuses == {"T001": "completed", "T002": "failed", "T003": "completed"}
    assert session.tasks["T001"]["verification"] == "passed"
    assert session.tasks["T002"]["category"] == "verification"
    assert session.lines("looks") == ["looked"]


def test_an_answer_that_was_used_does_not_count_again(project: Project) -> None:
    project.tasks(TASKS)
    project.run("tasks.md")
    ask(project.path / ".moderator", run_id(project), RequestKind.DONE, task_id="T001")
    project.run("tasks.md", "--moderator-resume")
    again = project.run("tasks.md", "--moderator-rerun=T001")
    assert again.reasons["T001"].startswith("waiting for a person")
    assert len(events(project, "said_done")) == 1


def test_an_answer_that_came_when_the_task_had_been_skipped_counts_when_the_run_goes_on(
    project: Project,
) -> None:
    project.tasks(ANSWERED)
    project.write("answer.py", answer("say('done', 'T001')"))
    first = project.run("tasks.md", "--moderator-approval=skip", "-n", "2")
    assert first.statuses == {"T001": "skipped", "T002": "completed"}
    assert project.run("tasks.md", "--moderator-resume").statuses["T001"] == "completed"


def test_its_own_time_limit_counts_and_no_other(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("""
        - [ ] T001 Look at the page
          - backend: manual
          - timeout: 1s
    """)
    session = project.run("tasks.md", WAIT, *workers)
    task = session.tasks["T001"]
    assert (task["status"], task["category"]) == ("failed", "timeout")
    assert task["error_message"] == "timed out after 1.00s: nobody has said that it is done"


def test_the_limit_of_all_tasks_is_none_for_people(project: Project) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Look at the page
          - backend: manual
        - [ ] T002 [P] Takes longer than the limit, which is not its own
          - timeout: 1m
          - run: `{sys.executable} answer.py`
    """)
    project.write("answer.py", answer("until_it_waits('T001')", "time.sleep(1)", "say('done', 'T001')"))
    session = project.run("tasks.md", WAIT, "--moderator-timeout=0.5s", "-n", "2")
    assert session.statuses == {"T001": "completed", "T002": "completed"}


def test_a_failure_stops_the_run_where_that_is_wanted(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Look at the page
          - backend: manual
        - [ ] T002 [P] Look at another page
          - backend: manual
        - [ ] T003 [P] Answers
          - run: `{sys.executable} answer.py`
    """)
    project.write("answer.py", answer("until_it_waits('T002')", "say('fail', 'T002', why='ugly')"))
    session = project.run("tasks.md", WAIT, "-x", *workers)
    assert session.exit_code != 0
    assert (session.statuses["T002"], session.reasons["T002"]) == ("failed", "ugly")
    assert session.statuses["T001"] in ("pending", "skipped")


def test_it_can_be_cancelled_while_it_waits(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Look at the page
          - backend: manual
        - [ ] T002 [P] Cancels
          - run: `{sys.executable} answer.py`
        - [ ] T003 Needs it (depends on T001)
          - run: `true`
    """)
    project.write("answer.py", answer("until_it_waits('T001')", "say('cancel', 'T001')"))
    session = project.run("tasks.md", WAIT, *workers)
    assert session.reasons["T001"].startswith("cancelled by ")
    assert session.statuses["T003"] == "skipped"


def test_it_is_asked_about_again_when_it_is_tried_again(project: Project) -> None:
    project.tasks(ANSWERED)
    project.write(
        "answer.py",
        answer(
            "until_it_waits('T001')",
            "say('fail', 'T001', why='ugly')",
            "until_it('T001', 'failed')",
            "say('retry', 'T001')",
            "until_it_waits('T001')",
            "say('done', 'T001')",
        ),
    )
    session = project.run("tasks.md", WAIT, "-n", "2")
    assert session.exit_code == 0
    assert (session.tasks["T001"]["status"], session.tasks["T001"]["attempts"]) == ("completed", 2)
    assert session.output.count("T001 waits for a person") == 2


def test_tasks_of_several_files_are_told_apart(project: Project) -> None:
    tasks = """
        - [ ] T001 Look at the page
          - backend: manual
    """
    project.tasks(tasks, "one.md")
    project.tasks(tasks, "two.md")
    session = project.run("one.md", "two.md")
    assert set(session.reasons.values()) == {
        f"waiting for a person: moderator done {name}.md::T001, then --moderator-resume"
        for name in ("one", "two")
    }


def test_an_approval_comes_first(project: Project) -> None:
    project.tasks(f"""
        - [ ] T001 [P] Look at the page
          - backend: manual
          - approve: yes
        - [ ] T002 [P] Answers
          - run: `{sys.executable} answer.py`
    """)
    project.write("answer.py", answer("say('done', 'T001')", "say('approve', 'T001')"))
    session = project.run("tasks.md", WAIT, "-n", "2")
    assert session.statuses["T001"] == "completed"
    assert [task_id for task_id, _ in events(project, "approved", "said_done")] == ["T001", "T001"]


def test_rules_and_the_default_give_tasks_to_people(project: Project) -> None:
    project.write("moderator.yaml", "default_backend: manual\n")
    project.tasks("""
        - [ ] T001 Do it with your hands
        - [ ] T002 Do it
          - run: `true`
    """)
    session = project.run("tasks.md")
    assert session.reasons == {"T001": "waiting for a person: moderator done T001, then --moderator-resume"}


def test_it_has_no_branch_and_what_it_verifies_is_the_checkout_of_the_person(project: Project) -> None:
    project.tasks(
        f"""
        - [ ] T001 Look at the page
          - backend: manual
          - verify: `test "$(pwd)" = "$HOME_OF_IT" && test -e by-hand`
          - env: HOME_OF_IT={project.path}
        - [ ] T002 On a branch
          - run: `echo T002 > t002.txt`
    """
    )
    for line in ("git init -q -b main", "git add .", "git commit -q -m start"):
        project.pytester.run("git", "-c", "user.name=a", "-c", "user.email=a@example.org", *line.split()[1:])
    project.write("by-hand", "")
    isolated = ("--moderator-isolation=branch", "--moderator-dirty=ignore")
    project.run("tasks.md", *isolated)
    ask(project.path / ".moderator", run_id(project), RequestKind.DONE, task_id="T001")
    session = project.run("tasks.md", "--moderator-resume", *isolated)
    assert session.tasks["T001"]["verification"] == "passed"
    assert session.reasons == {"T002": "completed earlier in this run"}
    assert not list((project.path / ".moderator").glob("**/worktrees/*T001*"))
