"""Repositories that tests make, with a run in them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_moderator.isolation.git_place import GitPlace
from pytest_moderator.isolation.git_run import GitOptions, GitRun
from pytest_moderator.model import Task, TaskResult

if TYPE_CHECKING:
    from pathlib import Path

RUN_ID = "20260102-030405-abcd"


class Repository:
    """A repository with one commit, and a run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("a.txt", "one\ntwo\nthree\n")
        self.write("tasks.md", "- [ ] T001 one\n")
        self.write(".gitignore", ".moderator/\n*.log\nnode_modules/\n.env\n")
        self.commit("begin")

    def git(self, *arguments: str, at: Path | None = None, check: bool = True) -> str:
        ran = subprocess.run(
            ["git", *arguments], cwd=at or self.path, capture_output=True, text=True, check=False
        )
        assert not check or ran.returncode == 0, f"git {arguments}: {ran.stderr}"
        return ran.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def run(self, **options: Any) -> GitRun:
        """Give a run whose integration branch has been made."""
        run = GitRun(
            run_id=RUN_ID,
            top=self.path,
            prefix="",
            common_dir=self.path / ".git",
            base=self.head,
            base_branch="main",
            area=self.path / ".moderator" / "worktrees" / RUN_ID,
            options=GitOptions(**options),
            left_out=("tasks.md",),
        )
        self.git("update-ref", run.ref, run.base)
        return run

    def place(
        self, run: GitRun, task_id: str = "T001", title: str = "Do it", *, goes_on: bool = False
    ) -> GitPlace:
        return GitPlace(run, Task(task_id, title, 1), task_id, goes_on=goes_on)

    def files(self, commit: str) -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", commit).splitlines()

    def show(self, commit: str, path: str) -> str:
        return self.git("show", f"{commit}:{path}")

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()

    def worktrees(self) -> list[str]:
        lines = self.git("worktree", "list", "--porcelain").splitlines()
        return [line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")][1:]

    def is_sound(self) -> None:
        """See that nothing is broken, and that nothing was left locked."""
        complaints = self.git("fsck", "--full", "--no-dangling", "--no-progress")
        assert not complaints
        locks = [path for path in (self.path / ".git").rglob("*.lock") if path.name != "moderator.lock"]
        assert locks == []
        assert "locked" not in self.git("worktree", "list", "--porcelain")


def completed(task_id: str = "T001", **values: Any) -> TaskResult:
    return replace(TaskResult(Task(task_id, "Do it", 1), backend="shell"), **values)


def finish_one(repository: Repository, run: GitRun, task_id: str = "T001", **files: str) -> TaskResult:
    """Do a task that writes files, and settle it."""
    with repository.place(run, task_id) as place:
        place.prepare()
        for name, text in files.items():
            (place.path / name.replace("_", ".")).write_text(text)
        return place.settle(completed(task_id))
