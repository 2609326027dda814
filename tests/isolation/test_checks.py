"""What is looked at before a run: whatever is odd about a repository has a name, and says what to do."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from repositories import RUN_ID, Repository

from pytest_moderator.isolation import git as git_module
from pytest_moderator.isolation.checks import plan_git_run
from pytest_moderator.isolation.git_run import GitOptions, GitRun

if TYPE_CHECKING:
    from pathlib import Path


def look(root: Path, **options: Any) -> tuple[GitRun | None, dict[str, str]]:
    """Give the run, and the messages by severity and code."""
    worktree_dir = options.pop("worktree_dir", root / ".moderator" / "worktrees")
    run, problems = plan_git_run(
        root,
        GitOptions(**options),
        worktree_dir=worktree_dir,
        tasks_files={root / "tasks.md": False},
        run_id=RUN_ID,
    )
    assert all(str(problem).startswith(f"git: {problem.severity} ") for problem in problems)
    return run, {f"{problem.severity} {problem.code}": str(problem) for problem in problems}


def test_a_repository_as_it_should_be(repository: Repository) -> None:
    run, problems = look(repository.path)
    assert problems == {}
    assert run == GitRun(
        run_id=RUN_ID,
        top=repository.path,
        prefix="",
        common_dir=repository.path / ".git",
        base=repository.head,
        base_branch="main",
        area=repository.path / ".moderator" / "worktrees" / RUN_ID,
        left_out=("tasks.md",),
    )
    assert GitRun.from_dict(run.to_dict()) == run


def test_a_project_below_the_top(repository: Repository) -> None:
    below = repository.write("sub/über uns/tasks.md", "- [ ] T001 a\n").parent
    repository.commit("more")
    run, problems = look(below)
    assert problems == {}
    assert run is not None
    assert (run.top, run.prefix, run.root) == (repository.path, "sub/über uns/", below)
    assert run.left_out == ("sub/über uns/tasks.md",)


def test_no_repository(tmp_path: Path) -> None:
    run, problems = look(tmp_path)
    assert run is None
    assert "is in no git repository (git init" in problems["error not-a-repository"]


def test_bare_and_inside(repository: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    repository.git("clone", "--quiet", "--bare", ".", str(bare))
    assert look(bare)[1].keys() == {"error bare-repository"}
    assert look(repository.path / ".git")[1].keys() == {"error not-a-checkout"}


def test_no_commit_yet(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert look(tmp_path)[1].keys() == {"error no-commit"}


def test_no_git_at_all(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_module.shutil, "which", lambda name: None)
    assert "install git" in look(repository.path)[1]["error git-failed"]


def test_an_old_git(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.37.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent), prepend=":")
    assert "git version 2.37.1" in look(repository.path)[1]["error old-git"]


@pytest.mark.parametrize("dirty", ["refuse", "include", "ignore"])
def test_uncommitted_changes(repository: Repository, dirty: str) -> None:
    repository.write("a.txt", "changed\n")
    repository.write("new.txt", "new\n")
    problems = look(repository.path, dirty=dirty)[1]
    if dirty != "refuse":
        assert problems == {}
    else:
        assert "a.txt would not be there for the tasks" in problems["error uncommitted-changes"]
        assert "new.txt, which git does not track" in problems["warning untracked-files"]


def test_changes_to_the_tasks_file_do_not_matter(repository: Repository) -> None:
    repository.write("tasks.md", "- [ ] T001 other\n")
    assert look(repository.path)[1] == {}


def test_a_detached_head_is_named(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--detach")
    run, problems = look(repository.path)
    assert run is not None
    assert run.base_branch is None
    assert repository.head[:12] in problems["warning detached-head"]


@pytest.mark.parametrize("command", [("merge",), ("rebase",), ("cherry-pick",)])
def test_something_under_way(repository: Repository, command: tuple[str, ...]) -> None:
    repository.git("checkout", "--quiet", "-b", "other")
    repository.write("a.txt", "other\n")
    repository.commit("other")
    repository.git("checkout", "--quiet", "main")
    repository.write("a.txt", "mine\n")
    repository.commit("mine")
    repository.git(*command, "other", check=False)
    problems = look(repository.path)[1]
    assert f"a {command[0]} is under way" in problems["error unfinished"]
    assert "error uncommitted-changes" in problems


def test_a_branch_in_the_way(repository: Repository) -> None:
    repository.git("branch", "moderator")
    assert "git branch -m moderator another-name" in look(repository.path)[1]["error branch-in-the-way"]


def test_200_branches_do_not_matter(repository: Repository) -> None:
    head = repository.head
    refs = "".join(f"create refs/heads/topic/{number} {head}\n" for number in range(200))
    subprocess.run(["git", "update-ref", "--stdin"], cwd=repository.path, input=refs, text=True, check=True)
    assert look(repository.path)[1] == {}


def test_a_shallow_clone(repository: Repository, tmp_path: Path) -> None:
    repository.write("b.txt", "b\n")
    repository.commit("second")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", str(clone))
    assert look(clone)[1].keys() == {"warning shallow-clone"}


def test_nobody_is_known(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "empty"
    config.write_text("[user]\n    useConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    run, problems = look(repository.path)
    assert run is not None
    assert run.anonymous
    assert problems.keys() == {"warning no-identity"}


@pytest.mark.parametrize("place", ["tracked", ".", "..", ".git/inside"])
def test_worktrees_in_a_bad_place(repository: Repository, place: str) -> None:
    repository.write("tracked/a", "a\n")
    repository.commit("more")
    problems = look(repository.path, worktree_dir=repository.path / place)[1]
    assert problems.keys() == {"error bad-worktree-dir"}


def test_large_files_without_lfs(repository: Repository) -> None:
    repository.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    repository.commit("attributes")
    run, problems = look(repository.path)
    assert run is not None
    assert problems.keys() == ({"warning no-lfs"} if run.without_lfs else set())


def test_included_files_are_looked_for_in_the_project_and_at_the_top(repository: Repository) -> None:
    repository.write(".gitignore", ".env\nlib/\n*.key\n")
    repository.write("project/tasks.md", "- [ ] T001 one\n")
    repository.commit("project")
    for name in ("project/.env", "project/lib/a", "lib/b", "project/x.key"):
        repository.write(name, "1\n")
    run, _ = look(repository.path / "project", worktree_include=(".env", "lib", "*.key"))
    assert run is not None
    assert run.included == ("lib", "project/.env", "project/lib", "project/x.key")


def test_patterns_that_name_nothing(repository: Repository) -> None:
    repository.write(".env", "A=1\n")
    run, problems = look(repository.path, worktree_include=(".env", "a.txt", "*.nothing"))
    assert run is not None
    assert run.included == (".env",)
    assert problems.keys() == {"warning nothing-included"}


def test_what_git_refuses_is_said_in_its_words(repository: Repository) -> None:
    (repository.path / ".git" / "config").write_text("[core\n")
    message = look(repository.path)[1]["error git-failed"]
    assert "config" in message
    assert "Traceback" not in message
