"""What docs/journal.md says about the tables is true."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from journals import HERE, make

from pytest_moderator.journal import Journal, RequestKind, RunStatus, schema
from pytest_moderator.journal.changes import KEPT_OUTPUT
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = (Path(__file__).parents[2] / "docs" / "journal.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(
    r"^-- (.*)\n([^;]*;)", re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)[0], re.MULTILINE
)


@pytest.fixture
def database(state_dir: Path) -> Iterator[sqlite3.Connection]:
    """A journal of two runs."""
    make(state_dir, (HERE / "version-1.sql").read_text(encoding="utf-8"))
    Journal.open(state_dir).close()
    with closing(sqlite3.connect(state_dir / "state.db")) as connection:
        yield connection


@pytest.mark.parametrize("table", ["runs", "task_executions", "events", "requests"])
def test_the_columns_are_all_there(database: sqlite3.Connection, table: str) -> None:
    (rows,) = re.findall(rf"^\| `{table}` \| \|\n\| --- \| --- \|\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE)
    said = {name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert said == {column for where, column in schema.columns_of(database) if where == table}


@pytest.mark.parametrize("words", [RunStatus, TaskStatus, RequestKind])
def test_the_words_are_all_there(words: type[RunStatus | TaskStatus | RequestKind]) -> None:
    *some, last = (f"`{word.value}`" for word in words)
    assert f"{', '.join(some)} or {last}" in DOCUMENT


@pytest.mark.parametrize(("question", "query"), QUESTIONS)
def test_the_questions_have_answers(database: sqlite3.Connection, question: str, query: str) -> None:
    assert database.execute(query.replace("T014", "T001")).fetchall()


def test_there_are_questions() -> None:
    assert len(QUESTIONS) == 4


def test_numbers() -> None:
    assert f"last {KEPT_OUTPUT:,} characters" in DOCUMENT
    assert f"the version of the tables, now {schema.newest()}." in DOCUMENT
