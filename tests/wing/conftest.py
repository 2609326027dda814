"""What the tests of whole sessions share."""

from __future__ import annotations

import os
import subprocess

import pytest
from sessions import Project

ALONE = ()
WORKERS = ("-n", "2")
CONFIGURATION = "[user]\nname = Ann\nemail = ann@example.org\n"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of its own, whose sessions do not take themselves for a worker of this one."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)
    return Project(pytester)


@pytest.fixture(params=[ALONE, WORKERS], ids=["alone", "workers"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Arguments to run one task after another, and on workers: the result must be the same."""
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.fixture
def git(project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """Make the project a repository, and give a way to ask it."""
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text(CONFIGURATION)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def ask(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=project.path, capture_output=True, text=True, check=True
        ).stdout.strip()

    ask("init", "--quiet", "--initial-branch=main")
    project.write(".gitignore", ".moderator/\nreport.json\n__pycache__/\n.pytest_cache/\nrunpytest*\nstd*\n")
    project.write("shared.txt", "first\n")
    ask("add", "--all")
    ask("commit", "--quiet", "--message", "begin")
    return ask
