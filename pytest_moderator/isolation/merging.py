"""Bringing a task's work into the integration branch, without touching any checkout."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.git import Git, GitError
from pytest_moderator.isolation.git_run import TRAILER
from pytest_moderator.isolation.repo_lock import repo_lock
from pytest_moderator.isolation.worktrees import entries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_moderator.isolation.git_run import GitRun
    from pytest_moderator.isolation.ticks import Tick

_OBJECT = re.compile(r"[0-9a-f]{40,64}")
_MOVED = re.compile(r"but expected|reference already exists|unable to resolve reference", re.IGNORECASE)
_SHOWN = 5
_TRIES = 20


class ConflictError(ModeratorError):
    """Work of two tasks does not fit together.

    Attributes:
        category: what failed tasks are sorted by.
        files: the files that both have changed, relative to the top of the repository.
        branches: the integration branch, and that of the task.
    """

    category = "conflict"

    def __init__(self, files: Sequence[str], branches: tuple[str, str]) -> None:
        """Name the files, both branches, and the command that shows the conflict."""
        self.files = tuple(files)
        self.branches = branches
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        integration, branch = branches
        super().__init__(
            f"conflict in {', '.join(files[:_SHOWN])}{more}: {branch} does not merge into {integration}; both are "
            f"kept; git merge-tree --write-tree {integration} {branch} shows it"
        )


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be merged.

    Attributes:
        branch: the task's branch.
        message: of the merge commit, with its trailers.
        start: the commit right below all of the task's work, where that is known: while the integration branch is
            still there, nothing has to be merged, and the tree of the work is that of the merge.
        changed: whether there is anything on the branch.
        tick: the box that is ticked with it.
    """

    branch: str
    message: str
    start: str = ""
    changed: bool = True
    tick: Tick | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge.

    Attributes:
        commit: the merge commit.
        tip: the commit that the task's branch is at.
    """

    commit: str
    tip: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A merge commit that no branch has yet, what it is made of, and whether its files are others than the task's."""

    commit: str
    tip: str
    work: str
    is_new: bool


def merge(run: GitRun, work: Work, check: Callable[[str], None] | None = None) -> Merged | None:
    """Merge a task's branch into the integration branch: always with a commit of its own, whole or not at all.

    Args:
        run: the run.
        work: what is merged.
        check: looks at the commit that would be the integration branch's next one where its tree is not that of the
            task alone, and raises what is wrong with it. It may take long: nobody is kept waiting, and when others
            were merged meanwhile, it is asked about the new outcome.

    Returns:
        What came of it; ``None`` when there was nothing to merge, and no box to tick.

    Raises:
        ConflictError: it does not fit to what was merged before.
        ModeratorError: it cannot be done.
    """
    draft: _Draft | None = None
    for _ in range(_TRIES):
        with repo_lock(run.common_dir) as lock:
            tips = _look(run, work, lock)
            checked = draft is not None and (draft.tip, draft.work) == tips[:2]
            if draft is None or not checked:
                draft = _draft(run, work, tips, lock)
            if not draft.commit:
                return None
            if (check is None or checked or not draft.is_new) and _move(run, work.branch, draft, lock):
                return Merged(draft.commit, draft.work)
        if check is not None and draft.is_new:
            check(draft.commit)
    raise ModeratorError(
        f"{run.integration} was moved {_TRIES} times while {work.branch} was to be merged; the work is kept there: "
        "run the task again when less is going on"
    )


def merged_before(run: GitRun, task: str) -> str | None:
    """Find the merge commit of a task whose end was not reported, because its process was killed just then.

    Args:
        run: the run.
        task: its name among the branches of the run.
    """
    log = Git(run.top)(
        *("log", "--first-parent", f"--format=%H %(trailers:key={TRAILER},valueonly,separator=%x20)"),
        *(f"{run.base}..{run.ref}", "--"),
    )
    wanted = f"{run.run_id}/{task}/"
    for line in log.out.splitlines():
        commit, *values = line.split()
        if commit not in run.reported and any(value.startswith(wanted) for value in values):
            return commit
    return None


def _look(run: GitRun, work: Work, lock: int) -> tuple[str, str, str]:
    """Give the commit of the integration branch, that of the task, and the latter's tree."""
    ref = f"refs/heads/{work.branch}"
    try:
        tip, task, tree, *_ = Git(run.top, lock)(
            "rev-parse", run.ref, ref, f"{ref}^{{tree}}", "--"
        ).line.split()
    except GitError as error:
        raise ModeratorError(
            f"{run.integration} or {work.branch} is gone ({error.stderr.strip()}): leave the branches of a run alone "
            "until it has ended"
        ) from error
    return tip, task, tree


def _draft(run: GitRun, work: Work, tips: tuple[str, str, str], lock: int) -> _Draft:
    tip, task, task_tree = tips
    git = Git(run.top, lock)
    if work.changed:
        merged = task_tree if tip == work.start else _merge_trees(git, run, work, tip, task)
    else:
        merged = git("rev-parse", f"{tip}^{{tree}}", "--").line.split()[0]
    tree = work.tick.put_into(git, merged) if work.tick else merged
    if not work.changed and tree == merged:
        return _Draft("", tip, task, is_new=False)
    parents = ("-p", tip, *(("-p", task) if work.changed else ()))
    commit = git("commit-tree", tree, *parents, "-m", work.message, env=run.identity).line
    return _Draft(commit, tip, task, is_new=work.changed and merged != task_tree)


def _merge_trees(git: Git, run: GitRun, work: Work, tip: str, task: str) -> str:
    answer = git(
        *("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--end-of-options", tip, task),
        accept=(0, 1),
        config=run.config,
    )
    tree, *files = [part for part in answer.parts if part] or [""]
    if not _OBJECT.fullmatch(tree):  # git says 1 as well when it cannot merge at all
        raise GitError(f"git merge-tree failed: {answer.err or answer.out}", answer.status, answer.err)
    if answer.status:
        raise ConflictError(files, (run.integration, work.branch))
    return tree


def _move(run: GitRun, branch: str, draft: _Draft, lock: int) -> bool:
    """Move the integration branch, unless it has been moved meanwhile."""
    for directory in (run.common_dir, *(git_dir for git_dir, _ in entries(run.common_dir))):
        head = directory / "HEAD"
        if head.exists() and head.read_text(encoding="utf-8", errors="replace").strip() == f"ref: {run.ref}":
            raise ModeratorError(
                f"{run.integration} is checked out ({str(head)!r}), and moving it would make that checkout look "
                f"changed: switch to another branch there; the work is kept on {branch}"
            )
    (run.common_dir / f"{run.ref}.lock").unlink(missing_ok=True)  # of a git that was killed: this is our lock
    message = f"moderator: merge {branch}"
    try:
        Git(run.top, lock)("update-ref", "-m", message, run.ref, draft.commit, draft.tip)
    except GitError as error:
        if _MOVED.search(error.stderr):
            return False
        raise
    return True
