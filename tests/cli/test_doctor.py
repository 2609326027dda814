"""`moderator doctor`."""

from __future__ import annotations

import json
import platform
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.backends import builtin
from pytest_moderator.backends.base import AttemptContext, Backend, Health
from pytest_moderator.backends.python import PythonBackend
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.cli import _doctor, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_moderator.model import Task, TaskResult

TASKS = """\
- [ ] T001 Prose
- [ ] T002 More
  - backend: agent
- [ ] T003 Command
  - run: `true`
"""


class Agent(Backend):
    """Not well."""

    name = "agent"

    def accepts(self, task: Task) -> bool:
        return False

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        raise NotImplementedError

    def health(self) -> Health:
        return Health(ok=False, version="2.1", detail="no key\x07", hint="run agent login")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project in which there are three backends, of which one is not well."""
    (tmp_path / "pytest.ini").touch()
    monkeypatch.chdir(tmp_path)
    backends = [ShellBackend(), PythonBackend(), Agent()]
    monkeypatch.setattr(_doctor, "pytest_moderator_backends", lambda: backends)
    return tmp_path


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    def run(*arguments: str) -> tuple[int, list[str]]:
        code = main(["doctor", *arguments])
        return code, capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def as_data(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, dict[str, Any]]]]:
    def run(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
        code = main(["doctor", "--json", *arguments])
        data = json.loads(capsys.readouterr().out)
        assert data["ok"] == (code == 0)
        assert data["file"] == (arguments[0] if arguments and arguments[0].endswith(".md") else None)
        return code, {entry["name"]: entry for entry in (*data["backends"], *data["here"])}

    return run


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a function that puts a git of its own in place of the real one."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))

    def put(script: str) -> None:
        program = directory / "git"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return put


def test_without_a_file_no_backend_is_needed(
    doctor: Callable[..., tuple[int, list[str]]], project: Path, git: Callable[[str], None]
) -> None:
    git("echo git version 2.45.1")
    (project / "bin" / "sh").symlink_to("/bin/sh")
    code, lines = doctor()
    assert code == 0
    assert lines == [
        "Backends",
        f"  ok    shell            {project}/bin/sh",
        f"  ok    python           {platform.python_version()}  {sys.executable}",
        "  no    agent            2.1  no key",
        "                         run agent login",
        "Here",
        "  ok    git              2.45.1",
        f"  ok    state directory  {project}/.moderator",
        "  ok    settings",
        "ready to run",
    ]
    assert not (project / ".moderator").exists()


def test_what_the_file_needs_must_be_there(
    project: Path, doctor: Callable[..., tuple[int, list[str]]]
) -> None:
    (project / "tasks.md").write_text(TASKS)
    code, lines = doctor("tasks.md")
    assert code == 1
    assert "  ERROR agent            2.1  no key  (1 task)" in lines
    assert "                         run agent login" in lines
    assert "  ok    tasks file       tasks.md: 3 tasks" in lines
    assert lines[-1] == "1 thing to put right before a run"


def test_a_fallback_is_enough(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]]
) -> None:
    (project / "moderator.yaml").write_text("backend_routing: {fallbacks: {agent: [python]}}")
    (project / "tasks.md").write_text(TASKS.replace("T002 More\n", "T002 More\n  - call: json:dumps\n"))
    code, found = as_data("tasks.md")
    assert code == 0
    assert found["agent"] == {
        "name": "agent",
        "ok": False,
        "version": "2.1",
        "detail": "no key\x07",
        "hint": "run agent login",
        "tasks": 1,
        "blocks": False,
    }
    assert (found["shell"]["tasks"], found["tasks file"]["tasks"]) == (1, 3)


def test_agents_are_looked_at_as_they_are_set(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]]
) -> None:
    program = project / "my-claude"
    program.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo '2.1.212 (Claude Code)'\n")
    program.chmod(0o755)
    (project / "moderator.yaml").write_text(
        f"backends: {{claude: {{command: {program}}}, mine: {{type: codex, command: gone}}}}\n"
    )
    _, found = as_data()
    assert (found["claude"]["ok"], found["claude"]["version"]) == (True, "2.1.212")
    assert (found["mine"]["ok"], found["mine"]["detail"]) == (False, "'gone' is not installed")
    (project / "moderator.yaml").write_text("backends: {shell: {type: claude}}\n")
    _, found = as_data()
    assert found["shell"]["ok"]


def test_an_agent_that_cannot_be_started_is_to_be_put_right(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]]
) -> None:
    program = project / "my-claude"
    program.write_text("#!/usr/bin/env no-such-node\n")
    program.chmod(0o755)
    (project / "moderator.yaml").write_text(f"backends: {{claude: {{command: {program}}}}}\n")
    (project / "tasks.md").write_text("- [ ] T001 Do it\n  - backend: claude\n")
    code, found = as_data("tasks.md")
    assert code == 1
    assert (found["claude"]["ok"], found["claude"]["blocks"]) == (False, True)
    assert "cannot be started" in found["claude"]["detail"]


def test_a_file_with_errors(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]]
) -> None:
    (project / "tasks.md").write_text("- [ ] T001 Do (depends on T009)\n")
    code, found = as_data("tasks.md")
    assert code == 1
    assert found["tasks file"]["detail"] == "tasks.md: 1 error"
    assert found["tasks file"]["hint"] == "moderator validate tasks.md says what is wrong"


def test_a_file_that_is_not_there(as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]]) -> None:
    code, found = as_data("gone.md")
    assert (code, found["tasks file"]["ok"]) == (1, False)


@pytest.mark.parametrize(
    ("text", "hint"), [("timout: 3\n", "correct it"), ("timout: 3\nretris: 3\n", "correct it, and 1 more")]
)
def test_settings_with_errors(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]], text: str, hint: str
) -> None:
    (project / "moderator.yaml").write_text(text)
    code, found = as_data()
    assert code == 1
    assert found["settings"]["detail"].startswith("moderator.yaml:1: error unknown-key")
    assert found["settings"]["hint"] == hint


def test_another_configuration_file(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]]
) -> None:
    (project / "other.yaml").write_text("state_dir: elsewhere\n")
    _, found = as_data("--config", "other.yaml")
    assert found["state directory"]["detail"] == str(project / "elsewhere")


def test_a_state_directory_that_cannot_be_written(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]]
) -> None:
    (project / "moderator.yaml").write_text("state_dir: moderator.yaml/state\n")
    code, found = as_data()
    assert code == 1
    state = found["state directory"]
    assert (state["ok"], state["blocks"]) == (False, True)
    assert state["detail"] == f"{project}/moderator.yaml cannot be written: Not a directory"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo git version 2.37.9", (False, "2.37.9", "it is older than 2.38")),
        ("echo nonsense", (False, None, "it says 'nonsense'")),
        ("exit 1", (False, None, "it says ''")),
        ("", (False, None, "it was not found")),
    ],
)
def test_git_is_needed_for_branches(
    project: Path,
    as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]],
    git: Callable[[str], None],
    script: str,
    expected: tuple[bool, str | None, str],
) -> None:
    if script:
        git(script)
    for level, code, tasks in (("none", 0, 0), ("branch", 1, 1)):
        (project / "tasks.md").write_text(f"- [ ] T001 Do\n  - isolation: {level}\n- [x] T002 Done\n")
        ended, found = as_data("tasks.md")
        said = found["git"]
        assert (said["ok"], said["version"], said["detail"]) == expected
        assert (ended, said["tasks"], said["blocks"]) == (code, tasks, bool(code))


def test_a_git_that_cannot_be_started(
    project: Path, as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]], git: Callable[[str], None]
) -> None:
    git("")
    (project / "bin" / "git").write_bytes(b"\x7fELF nonsense")
    _, found = as_data()
    assert "Exec format error" in found["git"]["detail"]


def test_a_plugin_that_is_broken_is_named_and_the_rest_is_shown(
    project: Path,
    as_data: Callable[..., tuple[int, dict[str, dict[str, Any]]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    info = project / "site" / "acme-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[pytest_moderator_backends]\nacme = gone:Backend\n")
    monkeypatch.syspath_prepend(str(project / "site"))
    code, found = as_data()
    assert code == 1
    assert found["acme"]["detail"].startswith(
        "the backend plugin 'acme' of acme 1.2 (gone:Backend) cannot be used"
    )
    assert (found["acme"]["hint"], found["acme"]["blocks"]) == ("repair acme, or uninstall it", True)
    assert found["shell"]["ok"]


def test_what_comes_with_the_package_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert _doctor.pytest_moderator_backends is builtin.pytest_moderator_backends
