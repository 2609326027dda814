"""Reading a text as a tasks file, and making a file that is being run."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from boxes import File

from pytest_moderator.tasksfile import TasksFile, parse_tasks

Reader = Callable[[str], TasksFile]


@pytest.fixture
def read() -> Reader:
    """Read a text; common indentation is removed first."""
    return lambda text: parse_tasks(textwrap.dedent(text).lstrip("\n"), Path("tasks.md"), "tasks.md")


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str | bytes], File]:
    return lambda content: File(tmp_path / "tasks.md", content)
