"""Tasks on branches of their own, in whole runs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

CONFIGURATION = "[user]\nname = Ann\nemail = ann@example.org\n"


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


def commit(git, message="more"):
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def integration(git):
    (name,) = (
        b
        for b in git("for-each-ref", "--format=%(refname:short)", "refs/heads/moderator").splitlines()
        if "-task-" not in b
    )
    return name


@pytest.mark.parametrize("level", ["branch", "full"])
def test_what_tasks_did_is_on_one_branch(project: Project, git, workers, level: str) -> None:
    project.tasks(
        "- [ ] T001 [P] one\n  - run: `echo 1 > one.txt`\n"
        "- [ ] T002 [P] two\n  - run: `echo 2 > two.txt; echo $MODERATOR_WORKSPACE; pwd`\n"
        "- [ ] T003 both (depends on T001, T002)\n  - run: `cat one.txt two.txt > both.txt`\n"
    )
    commit(git)
    session = project.run(*workers, f"--moderator-isolation={level}", "tasks.md")

    assert session.exit_code == 0, session.output
    branch = integration(git)
    assert git("show", f"{branch}:both.txt") == "1\n2"
    assert len(git("log", "--merges", "--first-parent", "--format=%s", branch).splitlines()) == 3
    assert git("status", "--porcelain") == ""
    assert git("worktree", "list").count("\n") == 0
    assert f"git: 3 tasks were merged into {branch}; git merge {branch} takes it over" in session.output
    assert session.tasks["T003"]["commit"] == git("rev-parse", branch)
    place, here = session.tasks["T002"]["stdout"].splitlines()
    assert place == here
    assert here.endswith("/tasks/T002")
    assert git("branch", "--show-current") == "main"
    git("fsck", "--full")


def test_one_of_two_wins(project: Project, git, workers) -> None:
    project.tasks(
        "- [ ] T001 [P] one\n  - run: `sleep 0.3; echo 1 > shared.txt`\n"
        "- [ ] T002 [P] two\n  - run: `sleep 0.3; echo 2 > shared.txt`\n"
        "- [ ] T003 [P] three (depends on T001)\n  - run: `true`\n"
        "- [ ] T004 [P] four (depends on T002)\n  - run: `true`\n"
    )
    commit(git)
    session = project.run(*workers, "--moderator-isolation=branch", "tasks.md")
    if not workers:  # one after another, each sees what was done before
        assert session.exit_code == 0
        return
    lost, won = sorted(("T001", "T002"), key=session.statuses.get, reverse=True)
    blocked = {"T001": "T003", "T002": "T004"}[lost]
    assert session.statuses[lost] == "failed"
    assert session.statuses[blocked] == "skipped"
    assert session.tasks[lost]["category"] == "conflict"
    assert "conflict in shared.txt" in session.reasons[lost]
    branch = integration(git)
    assert git("show", f"{branch}:shared.txt") == won[-1]
    assert git("show", f"{session.tasks[lost]['branch']}:shared.txt") == lost[-1]
