"""Tasks that start only when somebody agrees."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from by_hand import events, run_id
from stand_ins import COSTLY

from pytest_moderator.journal import RequestKind, ask

if TYPE_CHECKING:
    from sessions import Project

TASKS = """
    - [ ] T001 Deploy
      - approve: yes
      - run: `echo T001 >> ran.txt`
    - [ ] T002 Tell (depends on T001)
      - run: `echo T002 >> ran.txt`
    - [ ] T003 [P] Aside
      - run: `echo T003 >> ran.txt`
"""


def test_where_nobody_is_the_task_is_skipped_and_can_be_approved_later(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", *workers)
    assert session.statuses == {"T001": "skipped", "T002": "skipped", "T003": "completed"}
    assert session.reasons["T001"].startswith("waiting for approval (approve: yes): moderator approve T001")
    assert "resume: pytest" in session.output
    ask(project.path / ".moderator", run_id(project), RequestKind.APPROVE, task_id="T001")
    again = project.run("tasks.md", "--moderator-resume", *workers)
    assert again.lines() == ["T003", "T001", "T002"]
    assert [task_id for task_id, by in events(project, "approved") if "@" in str(by)] == ["T001"]


@pytest.mark.parametrize("ids", ["T001", "all", "tasks.md::T001"])
def test_approved_on_the_command_line(project: Project, ids: str) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", f"--moderator-approve={ids}")
    assert session.exit_code == 0
    assert events(project, "approved") == [("T001", "--moderator-approve")]


def test_an_answer_is_given_while_the_run_waits(project: Project, workers: tuple[str, ...]) -> None:
    """The answers come from tasks of the run itself, so that nobody has to wait for luck."""
    project.tasks(f"""
        - [ ] T001 [P] Wanted
          - approve: yes
          - run: `echo T001 >> ran.txt`
        - [ ] T002 [P] Not wanted
          - approve: yes
          - run: `echo T002 >> ran.txt`
        - [ ] T003 [P] Answers
          - run: `{sys.executable} answer.py`
        - [ ] T004 Needs what is not wanted (depends on T002)
          - run: `true`
    """)
    project.write(
        "answer.py",
        """
        import os
        from pathlib import Path
        from pytest_moderator.journal import RequestKind, ask

        run = os.environ["MODERATOR_RUN_ID"]
        ask(Path(".moderator"), run, RequestKind.APPROVE, task_id="T001")
        ask(Path(".moderator"), run, RequestKind.REJECT, task_id="T002", payload={"why": "too late"})
        """,
    )
    session = project.run("tasks.md", "--moderator-approval=wait", *workers)
    assert session.statuses["T001"] == "completed"
    assert session.reasons["T002"].startswith("rejected by ")
    assert session.reasons["T002"].endswith(": too late")
    assert session.reasons["T004"].startswith("blocked by T002 (rejected by ")


def test_an_answer_that_nobody_waits_for_changes_nothing(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(f"""
        - [ ] T001 Answers
          - run: `{sys.executable} answer.py`
        - [ ] T002 Needs no answer (depends on T001)
          - run: `echo T002 >> ran.txt`
    """)
    project.write(
        "answer.py",
        """
        import os, time
        from pathlib import Path
        from pytest_moderator.journal import RequestKind, ask, was_taken

        place, run = Path(".moderator"), os.environ["MODERATOR_RUN_ID"]
        for kind in (RequestKind.APPROVE, RequestKind.FAIL):
            asked = ask(place, run, kind, task_id="T002")
            while not was_taken(place, asked):
                time.sleep(0.02)
        """,
    )
    session = project.run("tasks.md", *workers)
    assert session.statuses == {"T001": "completed", "T002": "completed"}
    assert session.lines() == ["T002"]
    assert [task_id for task_id, by in events(project, "approved") if "@" in str(by)] == ["T002"]
    assert events(project, "said_failed") == []


def test_what_was_approved_is_not_asked_about_again_unless_it_changes(project: Project) -> None:
    file = project.tasks(TASKS.replace("echo T001 >> ran.txt", "echo T001 >> ran.txt; test -e fixed"))
    project.run("tasks.md", "--moderator-approve=all")
    project.write("fixed", "")
    again = project.run("tasks.md", "--moderator-resume")
    assert again.statuses["T001"] == "completed"
    file.write_text(file.read_text().replace("test -e fixed", "true"))
    changed = project.run("tasks.md", "--moderator-resume")
    assert changed.reasons["T001"].startswith("waiting for approval")


@pytest.mark.parametrize(
    ("verdict", "status"), [("True", "completed"), ("False", "skipped"), ("None", "skipped")]
)
def test_a_hook_answers(project: Project, verdict: str, status: str) -> None:
    project.tasks(TASKS)
    project.write("conftest.py", f"def pytest_moderator_approve(task, context):\n    return {verdict}\n")
    session = project.run("tasks.md")
    assert session.statuses["T001"] == status
    rejected = session.reasons.get("T001", "").startswith("rejected by pytest_moderator_approve")
    assert rejected == (verdict == "False")


def test_rules_say_which_tasks_need_an_approval(project: Project) -> None:
    project.write(
        "moderator.yaml",
        """
        approvals:
          commands: ["terraform*"]
          paths: ["deploy/*"]
          backends: [python]
        """,
    )
    project.tasks("""
        - [ ] T001 A command
          - run: `terraform apply`
        - [ ] T002 [P] A path in deploy/main.py
          - run: `true`
        - [ ] T003 [P] A backend
          ```python
          pass
          ```
        - [ ] T004 [P] None of these
          - run: `true`
        - [ ] T005 [P] In `deploy/other.py`, but it is allowed
          - approve: no
          - run: `true`
    """)
    session = project.run("tasks.md", "--moderator-order=explicit")
    assert session.statuses == {
        "T001": "skipped",
        "T002": "skipped",
        "T003": "skipped",
        "T004": "completed",
        "T005": "completed",
    }
    assert "(command terraform*)" in session.reasons["T001"]
    assert "(path deploy/*)" in session.reasons["T002"]
    assert "(backend python)" in session.reasons["T003"]


@pytest.mark.parametrize("pattern", ["deploy/", "deploy/**", "deploy/*", "*.tf", "./deploy/east/main.tf"])
def test_paths_are_named_as_in_rules_and_more_freely(project: Project, pattern: str) -> None:
    project.write("moderator.yaml", f"approvals: {{paths: ['{pattern}']}}\n")
    project.tasks(
        "- [ ] T001 Add deploy/east/main.tf\n  - run: `true`\n"
        "- [ ] T002 [P] Add deployed/main.py\n  - run: `true`\n"
    )
    session = project.run("tasks.md", "--moderator-order=explicit")
    assert session.statuses == {"T001": "skipped", "T002": "completed"}
    assert f"(path {pattern})" in session.reasons["T001"]


def test_what_may_cost_much_needs_an_approval(project: Project) -> None:
    project.write("conftest.py", COSTLY)
    project.write("moderator.yaml", "approvals: {cost: $2}\ndefault_backend: costly\n")
    project.tasks("""
        - [ ] T001 Whatever it costs
        - [ ] T002 [P] Too much
          - budget: $2.01
        - [ ] T003 [P] Not too much
          - budget: $2
        - [ ] T004 [P] Money does not matter
          - budget: 100 tokens
        - [ ] T005 [P] A command costs nothing
          - run: `true`
    """)
    session = project.run("tasks.md", "--moderator-order=explicit")
    assert session.statuses == {
        "T001": "skipped",
        "T002": "skipped",
        "T003": "completed",
        "T004": "skipped",
        "T005": "completed",
    }
    assert "(it may cost more than $2.00)" in session.reasons["T001"]


def test_ids_that_nobody_has_are_not_approved(project: Project) -> None:
    project.tasks(TASKS)
    session = project.pytest("--moderator", "tasks.md", "--moderator-approve=T01,T001")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "--moderator-approve: no task has the id 'T01'; did you mean 'T001'?" in session.errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("approvals: [x]", "must be a mapping with the keys backends, paths, commands and cost"),
        ("approvals: {path: [x]}", "must have the keys backends, paths, commands, cost, not 'path'"),
        ("approvals: {cost: 5 tokens}", "must have an amount of money as cost, such as $2, not '5 tokens'"),
        ("approvals: {backends: [shel]}", "approvals asks for unknown backend 'shel' (did you mean 'shell'?"),
    ],
)
def test_rules_that_are_wrong(project: Project, text: str, message: str) -> None:
    project.write("moderator.yaml", text + "\n")
    project.tasks(TASKS)
    session = project.pytest("--moderator", "tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert message in session.errors


@pytest.mark.parametrize(
    "wrapper",
    ["", "env -i ", "setsid ", f"{sys.executable} -c 'import os; os.environ.clear(); os.system(\"%s\")'"],
)
def test_no_task_agrees_to_another_one(project: Project, workers: tuple[str, ...], wrapper: str) -> None:
    moderator = Path(sys.executable).with_name("moderator")
    approve = f"{moderator} approve T001"
    command = wrapper % approve if "%s" in wrapper else f"{wrapper}{approve}"
    project.write("agree.sh", f"{command} > said.txt 2>&1; {moderator} status > status.txt; exit 0\n")
    project.tasks("""
        - [ ] T001 [P] Deploy
          - approve: yes
          - run: `touch deployed`
        - [ ] T002 [P] Agree
          - run: `sh agree.sh; sleep 0.5`
        - [ ] T003 End it (depends on T002)
          - critical: yes
          - run: `false`
    """)
    session = project.run(
        "tasks.md",
        "--moderator-approval=wait",
        "--moderator-order=explicit",
        "--moderator-timeout=60s",
        *workers,
    )
    said = (project.path / "said.txt").read_text()
    assert f"this is a task of run {run_id(project)}, which cannot say 'approve'" in said
    assert session.statuses == {"T001": "skipped", "T002": "completed", "T003": "failed"}
    assert "T002" in (project.path / "status.txt").read_text()
    assert not (project.path / "deployed").exists()
