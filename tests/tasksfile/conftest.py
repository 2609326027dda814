"""Reading a text as a tasks file."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_moderator.tasksfile import TasksFile, parse_tasks

Reader = Callable[[str], TasksFile]


@pytest.fixture
def read() -> Reader:
    """Read a text; common indentation is removed first."""
    return lambda text: parse_tasks(textwrap.dedent(text).lstrip("\n"), Path("tasks.md"), "tasks.md")
