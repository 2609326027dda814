"""Failures that are tried again, in whole runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stand_ins import stand_ins

if TYPE_CHECKING:
    from sessions import Project


def test_what_is_said_of_failures(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        """
        - [ ] T001 later
          - run: `echo x >> tries; test $(wc -l < tries) -eq 2 || exit 75`
        - [ ] T002 never
          - run: `exit 75`
          - retries: 0
        - [ ] T003 wrong
          - run: `no-such-program`
        - [ ] T004 wrong as well
          - run: `exit 3`
        """
    )
    session = project.run(*workers, "--junitxml=junit.xml", "tasks.md")
    categories = {name: task["category"] for name, task in session.tasks.items()}
    assert categories == {"T001": None, "T002": "transient", "T003": "configuration", "T004": "logic"}
    first = session.tasks["T001"]
    assert (first["status"], first["attempts"], first["hint"]) == ("completed", 2, None)
    (entry,) = first["attempts_log"]
    assert entry.pop("duration_seconds") > 0
    assert entry == {"attempt": 1, "category": "transient", "error_message": "exit code 75"}
    assert [task["attempts"] for task in session.tasks.values()] == [2, 1, 1, 1]
    assert "transient (T002): it may work later" in session.output
    assert "configuration (T003): something is missing" in session.output
    assert session.tasks["T004"]["hint"] == "what it does is wrong: its output says where"
    _, cases = session.junit()
    found = {name: case.find(".//property[@name='category']") for name, case in cases.items()}
    assert [p is not None and p.get("value") for p in found.values()] == [
        False,
        *list(categories.values())[1:],
    ]


def test_a_setting_says_how_often(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("- [ ] T001 one\n  - run: `exit 3`\n- [ ] T002 two\n  - run: `exit 3`\n  - retries: 0\n")
    session = project.run(*workers, "--moderator-retries=2", "tasks.md")
    assert {name: task["attempts"] for name, task in session.tasks.items()} == {"T001": 3, "T002": 1}


FORBIDDEN = stand_ins(
    "forbidden",
    does="""
    if Path(f"{task.id}.allowed").exists():
        return TaskResult(task)
    return TaskResult(task, 1, status=TaskStatus.FAILED, error_message="no", category="permission")
    """,
)


def test_what_comes_before_another_try(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", FORBIDDEN)
    project.write(
        "moderator.yaml",
        """
        backends:
          forbidden: {refresh: 'touch "$MODERATOR_TASK_ID".allowed'}
          shell: {reduced: {JOBS: 1, HEAP: small}}
        """,
    )
    told = "echo $JOBS $HEAP $MODERATOR_REDUCED"
    project.tasks(f"""
        - [ ] T001 Allowed later
          - backend: forbidden
        - [ ] T002 Never allowed
          - backend: forbidden
          - refresh: `exit 4`
        - [ ] T003 Too big
          - run: `{told} >> told; test -n "$MODERATOR_REDUCED" || kill -KILL $$`
          - reduced: JOBS=2
          - env: JOBS=8
    """)
    session = project.run(*workers, "tasks.md")
    results = {name: (task["status"], task["attempts"]) for name, task in session.tasks.items()}
    assert results == {"T001": ("completed", 2), "T002": ("failed", 1), "T003": ("completed", 2)}
    assert "its refresh command failed: exit code 4" in session.reasons["T002"]
    assert session.lines("told") == ["8", "2 small 1"]


def test_what_comes_before_another_try_of_any_task_of_a_file(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", FORBIDDEN)
    told = 'echo $MODERATOR_TASK_ID $JOBS $HEAP $CACHE >> told; test -n "$MODERATOR_REDUCED" || kill -KILL $$'
    project.tasks(f"""
        ---
        moderator:
          refresh: 'touch "$MODERATOR_TASK_ID".allowed'
          reduced: {{JOBS: 4, HEAP: small}}
          retries: 2
          backends:
            shell: {{refresh: 'exit 5', reduced: {{HEAP: tiny, CACHE: none}}, retries: 1}}
        ---
        - [ ] T001 Allowed later
          - backend: forbidden
        - [ ] T002 Too big
          - run: `{told}`
          - reduced: CACHE=little
          - env: JOBS=8, HEAP=large, CACHE=full
        - [ ] T003 As often as its backend
          - run: `exit 3`
        - [ ] T004 As often as all
          - backend: forbidden
          - refresh: `true`
        - [ ] T005 As often as it says
          - run: `exit 3`
          - retries: 0
    """)
    session = project.run(*workers, "tasks.md", "--moderator-order=explicit")
    assert session.lines("told") == ["T002 8 large full", "T002 4 tiny little"]
    assert [task["attempts"] for task in session.tasks.values()] == [2, 2, 2, 3, 1]
    assert session.statuses["T001"] == "completed"
