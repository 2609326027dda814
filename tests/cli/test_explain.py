"""`moderator plan --explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """\
---
moderator:
  backend_routing:
    rules: {testing: python}
---
- [ ] T001 Write "tests"
- [ ] T002 Do all
  - run: `true`
- [ ] T003 Group
  - [ ] T004 Part
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "tasks.md").write_text(TASKS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "tasks.md", "--explain", "T002", "--explain", "T003"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "T002 Do all (tasks.md:7)",
        "  backend: shell",
        "  because: what it carries: sh at line 8",
        "  kind:    general: no word of another kind in the title",
        "T003 Group (tasks.md:9)",
        "  backend: none",
        "  because: its sub-tasks are its work",
        "  kind:    general: no word of another kind in the title",
    ]


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "tasks.md", "--explain=T001", "--format=json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "file": "tasks.md",
        "tasks": [
            {
                "id": "T001",
                "title": 'Write "tests"',
                "line": 6,
                "backend": None,
                "reason": "nothing to run: no command, and backend 'python' needs one "
                "(rule 1 (tasks.md:4): testing: 'tests' in the title)",
                "instead_of": [],
                "kind": "testing",
                "evidence": "'tests' in the title",
            }
        ],
    }


def test_problems_are_shown_beside_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tasks.md").write_text("- [ ] T001 Do (depends on T009)\n")
    assert main(["plan", "tasks.md", "--explain", "T001"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("T001 Do")
    assert "tasks.md:1: error unknown-dependency" in captured.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--explain", "T01"], "tasks.md: no task has the id 'T01'; did you mean 'T001'?"),
        (
            ["--explain", "nothing"],
            "tasks.md: no task has the id 'nothing'; moderator plan tasks.md lists all",
        ),
        (["--explain", "T001", "--format", "dot"], "--explain has no format 'dot': choose text or json"),
    ],
)
def test_refuses(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "tasks.md", *options]) == 1
    assert capsys.readouterr().err == f"moderator: error: {said}\n"
