"""The one test that a backend needs: what it does, what it refuses, and that a run uses it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sql_backend import SqlBackend

from pytest_moderator import AttemptContext, Task

BACKEND = SqlBackend()
SCRIPT = "CREATE TABLE fruit (name TEXT NOT NULL);\nINSERT INTO fruit VALUES ('apple'), ('pear');\n"


@pytest.fixture
def place(tmp_path: Path) -> AttemptContext:
    """Give a place to work in. All else that a context has can be left out."""
    (tmp_path / "fruit.sql").write_text(SCRIPT)
    return AttemptContext("project", tmp_path, None, tmp_path / "state", timeout=30.0)


def apply(*scripts: str) -> Task:
    return Task("T001", "Apply them", 1, files=scripts, notes={"Database": "test.db"})


def fruit(place: AttemptContext) -> list[str]:
    connection = sqlite3.connect(place.working_directory / "test.db")
    names = [name for (name,) in connection.execute("SELECT name FROM fruit")]
    connection.close()
    return names


def test_a_script_is_applied(place: AttemptContext) -> None:
    result = BACKEND.execute(apply("fruit.sql"), place)
    assert result.success
    assert result.stdout == "test.db: 2 rows changed\n"
    assert fruit(place) == ["apple", "pear"]


def test_of_a_script_that_fails_nothing_is_kept(place: AttemptContext) -> None:
    (place.working_directory / "more.sql").write_text(
        "INSERT INTO fruit VALUES ('plum');\nINSERT INTO fruit VALUES (NULL);\n"
    )
    result = BACKEND.execute(apply("fruit.sql", "more.sql"), place)
    assert not result.success
    assert result.error_message == "more.sql: NOT NULL constraint failed: fruit.name; nothing of it was kept"
    assert fruit(place) == ["apple", "pear"]


def test_it_takes_what_is_for_it_and_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert BACKEND.accepts(apply("fruit.sql"))
    assert not BACKEND.accepts(Task("T002", "Eat them", 2))
    assert [problem.code for problem in BACKEND.validate(Task("T002", "Eat them", 2))] == ["no-script"]
    assert [problem.code for problem in BACKEND.validate(apply("gone.sql"))] == ["no-such-script"]
    assert BACKEND.estimate(apply("gone.sql")) is None
    assert BACKEND.health().ok


def test_a_run_uses_it(pytester: pytest.Pytester) -> None:
    here = Path(__file__).parent
    for name in ("sql_backend.py", "conftest.py"):
        (pytester.path / name).write_text((here / name).read_text())
    (pytester.path / "fruit.sql").write_text(SCRIPT)
    (pytester.path / "tasks.md").write_text("- [ ] T001 Apply fruit.sql\n- [ ] T002 Apply fruit.sql again\n")
    pytester.makeini("[pytest]\n")

    ran = pytester.runpytest_subprocess("--moderator", "tasks.md", "-rA")

    ran.assert_outcomes(passed=1, failed=1)  # the table is there already
    ran.stdout.fnmatch_lines(["*2 rows changed*", "*table fruit already exists; nothing of it was kept*"])
