from __future__ import annotations

from pathlib import Path

import pytest

from pytest_moderator.errors import ModeratorError
from pytest_moderator.settings.project import Project, find_project


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


CASES = [
    ({"pytest.ini": "[pytest]\nmoderator_order = stories\n"}, ".", {"order": "stories"}, "pytest.ini"),
    ({".pytest.ini": ""}, ".", {}, ".pytest.ini"),
    ({"pytest.toml": "[pytest]\nmoderator_order = 'stories'"}, ".", {"order": "stories"}, "pytest.toml"),
    ({".pytest.toml": ""}, ".", {}, ".pytest.toml"),
    ({"tox.ini": "[pytest]\nmoderator_retries = 2\n"}, ".", {"retries": "2"}, "tox.ini"),
    ({"setup.cfg": "[tool:pytest]\nmoderator_file = a.md\n"}, ".", {"file": "a.md"}, "setup.cfg"),
    (
        {"pyproject.toml": "[tool.pytest.ini_options]\nmoderator_order = 'x'"},
        ".",
        {"order": "x"},
        "pyproject.toml",
    ),
    (
        {"pyproject.toml": "[tool.pytest]\nmoderator_fixtures = ['a']\naddopts = []"},
        ".",
        {"fixtures": ["a"]},
        "pyproject.toml",
    ),
    ({"specs/pytest.ini": "", "pytest.ini": "[pytest]\nmoderator_order=x"}, "specs", {}, "pytest.ini"),
    ({"tox.ini": "[tox]\n", "setup.cfg": "[metadata]\n", "../pytest.ini": ""}, "..", {}, "pytest.ini"),
    ({"pyproject.toml": "[project]\n", "../../setup.py": ""}, ".", {}, "pytest configuration"),
    (
        {"specs/a/pyproject.toml": "", "pytest.ini": "[pytest]\nmoderator_order=x"},
        ".",
        {"order": "x"},
        "pytest.ini",
    ),
    ({"setup.py": ""}, ".", {}, "pytest configuration"),
    ({}, "specs/a", {}, "pytest configuration"),
]


@pytest.mark.parametrize(("files", "root", "ini", "ini_path"), CASES)
def test_finds_what_pytest_finds(
    tmp_path: Path, files: dict[str, str], root: str, ini: dict[str, object], ini_path: str
) -> None:
    top = tmp_path / "a" / "b"
    start = top / "specs" / "a"
    start.mkdir(parents=True)
    write(top, files)
    assert find_project(start, start) == Project((top / root).resolve(), ini, ini_path)


@pytest.mark.parametrize(("files", "root"), [(case[0], case[1]) for case in CASES])
def test_pytest_agrees_on_the_root_directory(
    pytester: pytest.Pytester, files: dict[str, str], root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = pytester.path / "a" / "b"
    start = top / "specs" / "a"
    start.mkdir(parents=True)
    write(top, files)
    (start / "test_it.py").write_text("def test_it(): pass")
    monkeypatch.chdir(start)
    config = pytester.parseconfig("test_it.py")
    assert config.rootpath == (top / root).resolve()


def test_the_current_directory_counts_where_nothing_is_configured(tmp_path: Path) -> None:
    start = tmp_path / "specs"
    start.mkdir()
    assert find_project(start, tmp_path).rootdir == tmp_path
    assert find_project(start, Path("/")).rootdir == start


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", b"[tool"),
        ("pyproject.toml", b"tool.pytest = 3"),
        ("pyproject.toml", b"tool = 3"),
        ("pytest.ini", b"no section"),
        ("pytest.ini", b"[pytest]\nmoderator_file = \xff"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModeratorError) as caught:
        find_project(tmp_path, tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: cannot be read as pytest's configuration: ")
    assert "\n" not in str(caught.value)
