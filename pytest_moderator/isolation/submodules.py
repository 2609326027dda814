"""Submodules in the worktrees of tasks: those that the user's checkout has, without asking their servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.isolation.git import Git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_moderator.isolation.git_run import GitRun

_MODULES = "modules"


def fill(run: GitRun, top: Path, common_dir: Path | None = None) -> None:
    """Check out the submodules of a worktree as its commit has them.

    Args:
        run: the run.
        top: the worktree, or a submodule in it.
        common_dir: git's directory of the same in the user's checkout.

    Raises:
        GitError: it cannot be done.
    """
    for name, path, module in _used(top, common_dir or run.common_dir):
        config = [
            f"submodule.{name}.url={module}",
            f"submodule.{name}.active=true",
            "protocol.file.allow=always",
        ]
        arguments = ("--init", "--force", "--checkout", "--quiet", "--", path)
        Git(top, top=top)("submodule", "update", *arguments, config=config)
        Git(top / path, top=top / path)("clean", "-ffdq")
        fill(run, top / path, module)


def bring_home(run: GitRun, task: str, top: Path, message: str, common_dir: Path | None = None) -> None:
    """Commit what a task has changed in submodules, and hand the commits to those of the user's checkout.

    There they are at ``refs/moderator/<run>/<task>``; without that they would be gone with the worktree.

    Args:
        run: the run.
        task: the task's name among the branches of the run.
        top: the worktree, or a submodule in it.
        message: of the commits.
        common_dir: git's directory of the same in the user's checkout.

    Raises:
        GitError: it cannot be done.
    """
    for _, path, module in _used(top, common_dir or run.common_dir):
        if not (top / path / ".git").exists():
            continue
        bring_home(run, task, top / path, message, module)
        git = Git(top / path, top=top / path)
        if git("status", "--porcelain", "-z").out:
            git("add", "--all")
            git("commit", "--quiet", "--no-verify", "-m", message, env=run.identity)
        head = git("rev-parse", "HEAD").line
        if Git(module)("cat-file", "-e", head, accept=(0, 1, 128)).status:
            ref = f"refs/moderator/{run.run_id}/{task}"
            arguments = ("--quiet", "--no-tags", "--end-of-options", str(top / path), f"+HEAD:{ref}")
            Git(module)("fetch", *arguments, config=("protocol.file.allow=always",))


def _used(top: Path, common_dir: Path) -> Iterator[tuple[str, str, Path]]:
    """Go through the submodules of a checkout that the user's own has: name, path, and git's directory there."""
    modules = common_dir / _MODULES
    if not modules.is_dir():
        return
    # a sparse worktree has the file in its index only
    source = ("--file", ".gitmodules") if (top / ".gitmodules").is_file() else ("--blob", ":.gitmodules")
    wanted = ("-z", "--get-regexp", r"^submodule\..*\.path$")
    listed = Git(top, top=top)("config", *source, *wanted, accept=(0, 1, 128))
    for entry in filter(None, listed.parts):
        key, _, path = entry.partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        module = modules / name
        if module.resolve().is_relative_to(modules.resolve()) and (module / "HEAD").is_file():
            yield name, path, module
