from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.cli import main

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "- [ ] T001 A\n  - run: `true`\n"
BAD = "- [ ] T001 A\n- [ ] T001 B\n- [ ] T002 C (depends on T009)\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "good.md").write_text(GOOD)
    (tmp_path / "bad.md").write_text(BAD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_good_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "good.md"]) == 0
    assert capsys.readouterr().out == "1 file, 1 task: 0 errors, 0 warnings\n"


def test_all_problems_of_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "./bad.md", "good.md", "gone.md"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("./bad.md:2: error duplicate-id: ")
    assert lines[1].startswith("./bad.md:3: error unknown-dependency: ")
    assert lines[2].startswith("gone.md: error ")
    assert lines[3] == "3 files, 4 tasks: 3 errors, 0 warnings"


def test_settings_are_blamed_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "moderator.yaml").write_text("gear3: {parallel: {max_workers: 3}}\n")
    assert main(["validate", "good.md", "good.md"]) == 0
    out = capsys.readouterr().out
    assert out.count("moderator.yaml:1: warning no-effect: ") == 1
    assert out.endswith("2 files, 2 tasks: 0 errors, 1 warning\n")


def test_another_configuration_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "good.md", "--config", "none.yaml"]) == 1
    assert "none.yaml: error unreadable-file: there is no such file" in capsys.readouterr().out


def test_a_directory_stands_for_its_tasks_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("specs/b", "specs/a", "specs/.hidden", "specs/node_modules/x"):
        (project / name).mkdir(parents=True)
        (project / name / "tasks.md").write_text(GOOD)
    (project / "specs" / "a" / "other.md").write_text(BAD)
    assert main(["validate", "specs", "--format", "json"]) == 0
    files = [entry["file"] for entry in json.loads(capsys.readouterr().out)["files"]]
    assert files == ["specs/a/tasks.md", "specs/b/tasks.md"]
    assert main(["validate", "specs/.hidden"]) == 0


def test_a_directory_without_a_tasks_file_is_no_success(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "empty").mkdir()
    assert main(["validate", "empty"]) == 1
    assert "empty: error no-tasks-file: there is no tasks.md in this directory" in capsys.readouterr().out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "bad.md", "good.md", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["version"], data["errors"], data["warnings"]) == (1, 2, 0)
    assert [(entry["file"], entry["tasks"]) for entry in data["files"]] == [("bad.md", 3), ("good.md", 1)]
    assert data["files"][1]["problems"] == []
    assert data["files"][0]["problems"][0].keys() == {"path", "line", "severity", "code", "message", "hint"}


def test_each_file_has_the_settings_of_its_own_project(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = project / "other"
    other.mkdir()
    (other / "pytest.ini").touch()
    (other / "tasks.md").write_text(GOOD)
    (other / "moderator.yaml").write_text("nonsense: 1\n")
    assert main(["validate", "good.md"]) == 0
    assert main(["validate", "other/tasks.md"]) == 1
    assert "unknown-key" in capsys.readouterr().out


def test_a_project_that_cannot_be_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "pytest.ini").write_text("nonsense")
    assert main(["validate", "./good.md"]) == 1
    assert capsys.readouterr().err.startswith("moderator: error: ")
