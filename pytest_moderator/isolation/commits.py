"""Committing what a task has left in its worktree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import submodules
from pytest_moderator.isolation.git import GitError
from pytest_moderator.isolation.status import read_status
from pytest_moderator.model import ErrorCategory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_moderator.isolation.git import Git
    from pytest_moderator.isolation.git_run import GitRun
    from pytest_moderator.isolation.status import Status
    from pytest_moderator.isolation.worktrees import Mark

_EMBEDDED = re.compile(r"adding embedded git repository: (.*)|'(.*)/' does not have a commit checked out")


class UnfitWorkError(ModeratorError):
    """A task has left its worktree in a state that cannot be committed as its work."""

    category = ErrorCategory.LOGIC


@dataclass(frozen=True, slots=True)
class Committed:
    """What a task's branch has now.

    Attributes:
        anything: whether there is anything on it.
        straight: whether all that is on it stands right on the commit that it started from.
        notes: what was left out.
    """

    anything: bool
    straight: bool
    notes: tuple[str, ...] = ()


def commit_work(run: GitRun, git: Git, mark: Mark, message: str) -> Committed:
    """Commit what a task has changed to its branch, but for the tasks files.

    Raises:
        ModeratorError: the task has left its worktree in a state that is not its work, or git refuses.
    """
    submodules.bring_home(run, mark.task, git.directory, message)
    status = read_status(git, config=run.config)
    _check(status, mark, run)
    straight = status.head == mark.start
    theirs = any(not _is_ours(change.path, run, mark) for change in status.changes)
    restored = _restore(git, run, mark, status)
    if theirs:
        _stage(git, run, mark)
    committed = bool(theirs or restored) and _commit(git, run, message)
    touched = restored | {change.path for change in status.changes if change.path in run.left_out}
    notes = tuple(f"its changes to {path} were left out: the run keeps that file" for path in sorted(touched))
    return Committed(committed or not straight, straight, notes)


def save_work(run: GitRun, git: Git, mark: Mark, message: str, attempt: int) -> str | None:
    """Keep what a try has done as a commit that no branch has.

    Returns:
        The ref that it is kept at; ``None`` when there is nothing to be kept.
    """
    submodules.bring_home(run, mark.task, git.directory, message)
    status = read_status(git, config=run.config)
    if status.head == mark.start and not any(not _is_ours(c.path, run, mark) for c in status.changes):
        return None
    _stage(git, run, mark)
    tree = git("write-tree").line
    commit = git("commit-tree", tree, "-p", status.head or mark.start, "-m", message, env=run.identity).line
    ref = f"refs/moderator/{run.run_id}/{mark.task}/{attempt}-{commit[:8]}"
    git("update-ref", ref, commit)
    return ref


def _check(status: Status, mark: Mark, run: GitRun) -> None:
    """Refuse a worktree that is not on its branch, or in the middle of something."""
    if status.branch != mark.branch:
        where = f"branch {status.branch}" if status.branch else f"commit {status.head[:12]} without a branch"
        raise UnfitWorkError(
            f"the task has left its branch {mark.branch} for {where}, and nothing was merged: merge it by hand into "
            f"{run.integration}, and have tasks stay on their branch"
        )
    if status.unmerged:
        raise UnfitWorkError(
            f"the task has left a merge with conflicts in {', '.join(status.unmerged)}, and nothing was merged"
        )


def _is_ours(path: str, run: GitRun, mark: Mark) -> bool:
    return path in run.left_out or path.rstrip("/") in mark.included


def _restore(git: Git, run: GitRun, mark: Mark, status: Status) -> set[str]:
    """Take the tasks files as the task found them into the index, and give those that it had changed there."""
    if not run.left_out:
        return set()
    staged = {c.path for c in status.changes if c.staged and c.path in run.left_out}
    if status.head != mark.start:
        names = git(
            "diff", "--name-only", "-z", "--no-renames", mark.start, "HEAD", "--", *_literal(run.left_out)
        )
        staged |= set(filter(None, names.parts))
    if staged:
        git("reset", "--quiet", mark.start, "--", *_literal(sorted(staged)), config=run.config)
    return staged


def _stage(git: Git, run: GitRun, mark: Mark) -> None:
    """Put all into the index that git does not ignore, but for what is ours."""
    names = (*run.left_out, *mark.included)
    # git refuses to be told of files that it ignores, even to leave them out
    listing = ("--others", "--ignored", "--exclude-standard", "--directory", "-z", "--", *_literal(names))
    ignored = {path.rstrip("/") for path in git("ls-files", *listing).parts} if names else set()
    ours = [f":(top,exclude,literal){name}" for name in names if name not in ignored]
    try:
        said = git("add", "--all", "--", ":(top)", *ours, config=run.config).err
    except GitError as error:
        said = error.stderr
        if not _EMBEDDED.search(said):
            raise
    if embedded := _EMBEDDED.search(said):
        raise UnfitWorkError(
            f"{embedded[1] or embedded[2]} is a git repository of its own, of which git keeps no file: remove its "
            ".git, have git ignore it, or make it a submodule"
        )


def _commit(git: Git, run: GitRun, message: str) -> bool:
    """Commit the index; say whether there was anything in it."""
    hooks = run.options.hooks
    arguments = ("--quiet", *(() if hooks else ("--no-verify",)), "-m", message)
    try:
        git(
            "commit",
            *arguments,
            hooks=hooks,
            env=run.identity,
            config=("commit.cleanup=whitespace", *run.config),
        )
    except GitError as error:
        # line endings and the like can make a file look changed that is not
        if error.status == 1 and not git("diff", "--cached", "--quiet", accept=(0, 1)).status:
            return False
        raise
    return True


def _literal(paths: Iterable[str]) -> Sequence[str]:
    return [f":(top,literal){path}" for path in paths]
