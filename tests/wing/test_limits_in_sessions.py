"""Limits of backends and of what they may cost, in whole sessions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from stand_ins import COSTLY, LIMIT, stand_ins

from pytest_moderator.journal import JournalReader

if TYPE_CHECKING:
    from sessions import Project

BOTH = "echo start >> ran.txt; sleep 0.1; echo end >> ran.txt"


def test_no_more_at_once_than_a_backend_may_have(project: Project) -> None:
    project.write("moderator.yaml", "backends: {shell: {max_concurrent: 1}}\n")
    lines = "".join(f"- [ ] T00{n} [P] Task {n}\n  - run: `{BOTH}`\n" for n in range(1, 5))
    project.tasks(lines + "- [ ] T009 [P] Other\n  ```python\n  pass\n  ```\n")
    session = project.run("tasks.md", "-n", "2")
    assert session.exit_code == 0
    assert session.lines() == ["start", "end"] * 4


def starts(project: Project) -> list[tuple[str | None, float]]:
    """Which tasks the run started, and when, in seconds. What tasks tell is late, each by as much as it likes."""
    with JournalReader(project.path / ".moderator") as reader:
        events = reader.events(reader.runs()[0].id, kinds=("task_started",))
    return [(event.task_id, datetime.fromisoformat(event.at).timestamp()) for event in events]


def test_no_more_in_a_while_than_a_backend_may_start(project: Project, workers: tuple[str, ...]) -> None:
    project.write("moderator.yaml", "backends: {shell: {rate_limit: 2/1s}}\n")
    project.tasks("".join(f"- [ ] T00{n} [P] Task {n}\n  - run: `true`\n" for n in range(1, 5)))
    assert project.run("tasks.md", *workers).exit_code == 0
    first, second, third, fourth = (moment for _, moment in starts(project))
    assert third - first > 0.99  # a second; times are written down to the millisecond
    assert fourth - second > 0.99


def test_attempts_are_starts_as_well(project: Project, workers: tuple[str, ...]) -> None:
    project.write("moderator.yaml", "backends: {shell: {rate_limit: 1/2s}}\n")
    project.tasks(
        "- [ ] T001 one\n  - retries: 2\n  - run: `echo x >> ran.txt`\n"
        "  - verify: `test $(wc -l < ran.txt) -eq 3`\n"
    )
    session = project.run(*workers, "tasks.md")
    assert (session.tasks["T001"]["status"], session.tasks["T001"]["attempts"]) == ("completed", 3)
    first, second, third = (moment for _, moment in starts(project))
    assert second - first > 1.99
    assert third - second > 1.99


def test_nothing_costly_starts_when_the_budget_is_spent(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", COSTLY)
    project.tasks("""
        - [ ] T001 One
          - backend: costly
        - [ ] T002 Two
          - backend: costly
        - [ ] T003 Three
          - backend: costly
        - [ ] T004 Costs nothing
          - run: `true`
    """)
    session = project.run("tasks.md", "--moderator-budget=$3", *workers)
    assert session.lines() == ["T001", "T002"]
    assert session.reasons["T003"] == "the budget of $3.00 is spent ($4.00)"
    assert "agents used $4.00" in session.output
    assert session.statuses["T004"] == "completed"
    again = project.run("tasks.md", "--moderator-budget=$3", "--moderator-resume", *workers)
    assert again.reasons["T003"] == "the budget of $3.00 is spent ($4.00)"
    more = project.run("tasks.md", "--moderator-budget=10k tokens", "--moderator-resume", *workers)
    assert more.statuses["T003"] == "completed"


def test_the_budget_of_a_task_ends_its_tries_and_counts_for_the_run(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", COSTLY)
    project.tasks("""
        - [ ] T001 One fails
          - backend: costly
          - budget: $3
          - retries: 5
        - [ ] T002 Two (depends on T003)
          - backend: costly
        - [ ] T003 Costs nothing
          - run: `true`
    """)
    project.write("moderator.yaml", "order: explicit\nbudget: 4\nbackends: {costly: {max_concurrent: 1}}\n")
    session = project.run("tasks.md", *workers)
    assert session.lines() == ["T001", "T001"]
    assert session.reasons == {
        "T001": "overloaded; not tried again, as its budget of $3.00 is spent ($4.00)",
        "T002": "the budget of $4.00 is spent ($4.00)",
    }
    assert session.tasks["T001"]["usage"]["cost_usd"] == 4.0


def test_the_budget_of_the_run_ends_tries_as_well(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", COSTLY)
    project.tasks("""
        - [ ] T001 One
          - backend: costly
        - [ ] T002 Two fails
          - backend: costly
          - retries: 5
        - [ ] T003 Costs nothing
          - run: `true`
    """)
    session = project.run("tasks.md", "--moderator-budget=$5", *workers)
    assert session.lines() == ["T001", "T002", "T002"]
    why = "overloaded; not tried again, as the budget of the run of $5.00 is spent ($6.00)"
    assert session.reasons == {"T002": why}
    more = project.run("tasks.md", "--moderator-budget=$7", "--moderator-resume", *workers)
    assert more.lines() == ["T001", "T002", "T002", "T002"]


def test_a_backend_that_keeps_failing_is_left_alone_for_a_while(project: Project) -> None:
    project.write("conftest.py", COSTLY)
    project.write("moderator.yaml", "backends: {costly: {breaker: {failures: 2, pause: 3s}}}\n")
    project.tasks("""
        - [ ] T001 [P] One fails
          - backend: costly
        - [ ] T002 [P] Two fails
          - backend: costly
        - [ ] T003 [P] Three
          - backend: costly
        - [ ] T004 [P] Not held up
          - run: `echo T004 >> ran.txt`
    """)
    session = project.run("tasks.md", "--moderator-retries=0")
    assert session.lines() == ["T001", "T002", "T004", "T003"]
    assert session.statuses["T003"] == "completed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backends: {shell: {rate_limit: often}}", "rate_limit must be a number of starts per time"),
        ("budget: much", "must be money or tokens, such as $5 or 200k tokens"),
        ("budget: $0", "must be above 0"),
    ],
)
def test_mistakes_are_named_before_anything_runs(project: Project, text: str, message: str) -> None:
    project.write("moderator.yaml", text + "\n")
    project.tasks("- [ ] T001 One\n  - run: `true`\n")
    session = project.pytest("--moderator", "tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert message in session.errors


def test_a_worker_is_lost_after_a_limit_was_met(project: Project) -> None:
    does = """
        if task.id == "T002" and not Path("lost").exists():
            Path("lost").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if task.id == "T002" or context.attempt > 1:
            return TaskResult(task)
        until = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
        values = {"error_message": "limit", "category": "transient", "resets_at": until}
        return TaskResult(task, 1, status=TaskStatus.FAILED, **values)
    """
    project.write("conftest.py", "import os\nimport signal\n" + stand_ins("limited", does=does))
    project.tasks("- [ ] T001 Meets a limit\n- [ ] T002 Is lost (depends on T001)\n")
    session = project.run("tasks.md", "-n1", "--moderator-backend=limited", "--moderator-retries=1")
    assert session.exit_code == 0
    assert session.statuses == {"T001": "completed", "T002": "completed"}


@pytest.mark.parametrize("costs", [True, False])
def test_a_limit_that_one_task_meets_holds_all_of_that_backend(
    project: Project, workers: tuple[str, ...], *, costs: bool
) -> None:
    project.write("conftest.py", stand_ins("limited", does=LIMIT, has_costs=costs))
    project.tasks(
        "- [ ] T001 Meets the limit\n"
        "- [ ] T002 [P] Would meet it\n"
        "- [ ] T003 [P] Would meet it\n"
        "- [ ] T004 [P] Other\n  - run: `echo T004 >> ran.txt`\n"
    )
    session = project.run("tasks.md", "--moderator-order=explicit", "--moderator-backend=limited", *workers)
    assert session.exit_code == 0, session.output
    started = [task_id for task_id, _ in starts(project)]
    met = 1 + len(workers) // 2  # with workers, one more may have started before the limit was known
    assert started[0] == "T001"
    assert len(started) - len(set(started)) <= met
    assert started.index("T004") <= met


def test_nobody_waits_for_a_limit_of_days(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", stand_ins("limited", does=LIMIT.replace("seconds=3", "hours=50")))
    project.write("moderator.yaml", "backends: {limited: {max_concurrent: 1}}\n")
    project.tasks(
        "- [ ] T001 Meets the limit\n"
        "- [ ] T002 [P] Would meet it\n"
        "- [ ] T003 [P] Behind that (depends on T001)\n  - run: `true`\n"
        "- [ ] T004 [P] Other\n  - run: `echo T004 >> ran.txt`\n"
    )
    options = ("tasks.md", "--moderator-order=explicit", "--moderator-backend=limited", *workers)
    session = project.run(*options)
    (until,) = session.lines("until.txt")
    skipped = "backend limited has a limit until "
    assert session.reasons["T001"] == f"limit; not tried again, as it would fail until {until}"
    assert session.reasons["T002"].startswith(skipped)
    assert session.reasons["T002"].endswith(": --moderator-resume goes on after that")
    assert session.statuses == {"T001": "failed", "T002": "skipped", "T003": "skipped", "T004": "completed"}
    again = project.run(*options, "--moderator-resume")
    assert again.reasons["T001"].startswith(skipped)
    assert f"tasks of the backend 'limited' go on waiting for the end of its limit: {until}" in again.output
    assert sorted(again.lines()) == ["T001", "T004"]


def test_another_backend_takes_the_place_of_one_that_has_a_limit_for_days(
    project: Project, workers: tuple[str, ...]
) -> None:
    does = """
    with Path("ran.txt").open("a") as file:
        file.write(f"{task.id} {self.name}\\n")
    if self.name == "second":
        return TaskResult(task)
    until = (datetime.now(UTC) + timedelta(hours=50)).isoformat()
    values = {"error_message": "limit", "category": "transient", "resets_at": until}
    return TaskResult(task, 1, status=TaskStatus.FAILED, **values)
    """
    project.write("conftest.py", stand_ins("limited", "second", does=does))
    project.write(
        "moderator.yaml",
        """
        backends: {limited: {max_concurrent: 1}, second: {max_concurrent: 1}}
        backend_routing: {default_backend: limited, fallbacks: {limited: [second]}}
        """,
    )
    project.tasks("".join(f"- [ ] T00{number} [P] Task {number}\n" for number in range(1, 5)))
    session = project.run("tasks.md", *workers)
    assert session.lines() == ["T001 limited", "T002 second", "T003 second", "T004 second"]
    assert "'limited' cannot be used: it has a limit for " in session.tasks["T004"]["backend_reason"]
