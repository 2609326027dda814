"""Failures that are tried again, in whole runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import pytest

from pytest_moderator.attempt.processes import MARK

if TYPE_CHECKING:
    from sessions import Project

LIMITED = """
    from datetime import datetime, timedelta, UTC
    from pytest_moderator.backends.base import Backend
    from pytest_moderator.model import TaskResult, TaskStatus

    class Limited(Backend):
        name = "limited"

        def accepts(self, task):
            return False

        def execute(self, task, context):
            until = (datetime.now(UTC) + timedelta(seconds=250)).isoformat()
            values = {"error_message": "limit", "category": "transient", "resets_at": until}
            return TaskResult(task, 1, status=TaskStatus.FAILED, **values)

    def pytest_moderator_backends():
        return [Limited()]
"""


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


FORBIDDEN = """
    from pathlib import Path

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.model import TaskResult, TaskStatus

    class Forbidden(Backend):
        name = "forbidden"

        def accepts(self, task):
            return False

        def execute(self, task, context):
            if Path(f"{task.id}.allowed").exists():
                return TaskResult(task)
            return TaskResult(task, 1, status=TaskStatus.FAILED, error_message="no", category="permission")

    def pytest_moderator_backends():
        return [Forbidden()]
"""


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


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_a_pause_ends_at_once(project: Project, workers: tuple[str, ...], how: str) -> None:
    project.write("conftest.py", LIMITED)
    project.tasks("- [ ] T001 one\n  - backend: limited\n")
    mark = uuid4().hex
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--moderator",
        "--moderator-json=report.json",
        *workers,
        "tasks.md",
    ]
    with subprocess.Popen(
        command,
        cwd=project.path,
        env={**os.environ, MARK: mark},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as run:
        try:
            deadline = time.monotonic() + 50
            while not waiting(mark):
                assert time.monotonic() < deadline
                assert run.poll() is None
                time.sleep(0.05)
            if how == "interrupt":
                run.terminate()
            else:
                cli = [Path(sys.executable).with_name("moderator"), "cancel", "T001"]
                subprocess.run(cli, cwd=project.path, check=True, capture_output=True)
            run.communicate(timeout=60)
        finally:
            run.kill()
    assert not waiting(mark)
    assert run.returncode == (2 if how == "interrupt" else 1)
    (task,) = json.loads((project.path / "report.json").read_text())["files"][0]["tasks"]
    if how == "cancel":
        assert (task["status"], task["category"]) == ("failed", "cancelled")
        assert "cancelled by" in task["error_message"]


def waiting(mark: str) -> list[int]:
    """Find the processes that wait for a further try in the run of a mark."""
    found = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] != "sleep":
            continue
        try:
            if process.environ().get(MARK, "").startswith(mark):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
