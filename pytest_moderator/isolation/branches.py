"""The integration branch of a run: made before the first task, handed over after the last one."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.git import Git, GitError
from pytest_moderator.isolation.git_run import TRAILER
from pytest_moderator.isolation.repo_lock import repo_lock
from pytest_moderator.isolation.worktrees import entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psutil

    from pytest_moderator.isolation.git_run import GitRun

_MUST_NOT_EXIST = ""
_NOT_FOUND = 1
_PATIENCE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run leaves in the repository.

    Attributes:
        merged: how many tasks were merged.
        forwarded: whether the user's branch has it all now.
        reason: why it has not, if it was to.
    """

    merged: int
    forwarded: bool = False
    reason: str = ""


def begin(run: GitRun, record: Path) -> None:
    """Make the integration branch, or find it again where a run goes on.

    Args:
        run: the run.
        record: the directory of the run's records.

    Raises:
        ModeratorError: it cannot be made; its name is in use.
        OSError: a file cannot be written.
    """
    with repo_lock(run.common_dir) as lock:
        _hide(run)
        git = Git(run.top, lock)
        there = not git("rev-parse", "--verify", "--quiet", run.ref, accept=(0, 1)).status
        if there and not run.resumed:
            raise ModeratorError(
                f"there is a branch {run.integration} already: go on with that run, or 'moderator clean' it"
            )
        ref = run.common_dir / run.ref
        for abandoned in ref.parent.glob(
            f"{ref.name}*.lock"
        ):  # of a git that was killed: the run's own branches
            abandoned.unlink(missing_ok=True)
        if run.resumed:
            _drop_abandoned(run, run.common_dir / "packed-refs.lock")
        if not there:
            takes_along = run.options.dirty == "include" and not run.resumed
            start = _commit_uncommitted(run, lock) if takes_along else run.base
            git("update-ref", "-m", "moderator: begin", run.ref, start, _MUST_NOT_EXIST)
    run.area.mkdir(parents=True, exist_ok=True)
    run.save(record)


def finish(run: GitRun, *, ended: bool = True) -> Outcome:
    """Hand the integration branch over, once no task runs any more.

    Args:
        run: the run.
        ended: whether all of its tasks have; one that was interrupted leaves all as it is.

    Raises:
        GitError: the branch is gone.
    """
    _remove_empty(run.area)
    git = Git(run.top)
    arguments = ("--count", "--first-parent", f"--grep=^{TRAILER}: ", f"{run.base}..{run.ref}", "--")
    merged = int(git("rev-list", *arguments).line)
    if not merged and ended:
        _drop_unused(run, git)
    if not merged or not ended or run.options.merge != "fast-forward":
        return Outcome(merged)
    reason = _forward(run, git)
    return Outcome(merged, forwarded=not reason, reason=reason)


def _drop_abandoned(run: GitRun, lock: Path) -> None:
    """Remove a lock of all of the repository that the run before has left, when its git was killed.

    It may also be that of somebody else's git, who has it for a moment only: so it is waited for, and it stays when
    there is a git at work in the repository that is older than it.
    """
    deadline = time.monotonic() + _PATIENCE
    while lock.exists():
        if time.monotonic() > deadline:
            import psutil  # noqa: PLC0415 (hardly ever needed)

            made = lock.stat().st_mtime
            places = (run.top, run.common_dir, run.area, *(path for _, path in entries(run.common_dir)))
            if not any(_is_older_git_at_work(process, made, places) for process in psutil.process_iter()):
                lock.unlink(missing_ok=True)
            return
        time.sleep(_PATIENCE / 20)


def _is_older_git_at_work(process: psutil.Process, made: float, places: Sequence[Path]) -> bool:
    """Whether a process is a git that may be at work in a repository; one of which nobody may know where may be."""
    import psutil  # noqa: PLC0415 (see above)

    try:
        if not process.name().startswith("git") or process.create_time() > made:
            return False
        directory, command = process.cwd(), process.cmdline()
    except psutil.AccessDenied:
        return True
    except psutil.Error:  # it has ended by now
        return False
    if any(str(place) in word for place in places for word in command):
        return True
    return any(Path(directory).is_relative_to(place) for place in places)


def _hide(run: GitRun) -> None:
    """Keep the worktrees out of what git shows in the user's checkout."""
    if not run.area.is_relative_to(run.top):
        return
    exclude = run.common_dir / "info" / "exclude"
    line = f"/{run.area.parent.relative_to(run.top).as_posix()}/"
    text = exclude.read_text(encoding="utf-8", errors="surrogateescape") if exclude.exists() else ""
    if line in text.splitlines():
        return
    exclude.parent.mkdir(exist_ok=True)
    draft = exclude.with_name("exclude.moderator")
    separator = "" if not text or text.endswith("\n") else "\n"
    draft.write_text(f"{text}{separator}{line}\n", encoding="utf-8", errors="surrogateescape")
    draft.replace(exclude)


def _commit_uncommitted(run: GitRun, lock: int) -> str:
    """Make a commit of what is not committed; neither the user's checkout nor its index is touched."""
    git = Git(run.top, lock)
    index = Path(git("rev-parse", "--path-format=absolute", "--git-path", "index").line)
    descriptor, name = tempfile.mkstemp(prefix="moderator-", dir=run.common_dir)
    os.close(descriptor)
    draft = Path(name)
    try:
        draft.unlink()
        if index.exists():
            draft.write_bytes(index.read_bytes())
        env = {"GIT_INDEX_FILE": name}
        git("add", "--all", "--", ":(top)", env=env, config=run.config)
        tree = git("write-tree", env=env).line
    finally:
        draft.unlink(missing_ok=True)
        Path(f"{name}.lock").unlink(missing_ok=True)
    message = f"Take uncommitted changes along\n\nModerator-Run: {run.run_id}"
    return git("commit-tree", tree, "-p", run.base, "-m", message, env=run.identity).line


def _drop_unused(run: GitRun, git: Git) -> None:
    """Remove an integration branch that nothing was merged into, unless a task's branch may still be."""
    if not any(run.area.glob("tasks/*/.git")):
        git("update-ref", "-d", run.ref)


def _forward(run: GitRun, git: Git) -> str:
    """Move the user's branch on to the integration branch; say why not, where that is not possible."""
    take = f"git merge {run.integration}"
    if run.base_branch is None:
        return f"HEAD was detached: {take}, on the branch where you want it"
    ref = f"refs/heads/{run.base_branch}"
    if git("merge-base", "--is-ancestor", ref, run.ref, accept=(0, _NOT_FOUND, 128)).status:
        return f"{run.base_branch} has moved on or is gone: {take}"
    here = git("symbolic-ref", "--quiet", "HEAD", accept=(0, _NOT_FOUND)).line == ref
    try:
        if here:
            git("merge", "--ff-only", "--quiet", run.integration, hooks=run.options.hooks, config=run.config)
        elif other := next(_checkouts_of(run, ref), None):
            return f"{run.base_branch} is checked out in {str(other)!r}: {take}, there"
        else:
            git("update-ref", "-m", f"moderator: {run.integration}", ref, run.ref, run.base)
    except GitError as error:
        return f"{' '.join(error.stderr.split())}: {take}, after that is put right"
    return ""


def _checkouts_of(run: GitRun, ref: str) -> Iterator[Path]:
    for directory in (run.common_dir, *(git_dir for git_dir, _ in entries(run.common_dir))):
        head = directory / "HEAD"
        if head.exists() and head.read_text(encoding="utf-8", errors="replace").strip() == f"ref: {ref}":
            yield directory


def _remove_empty(area: Path) -> None:
    """Remove the directories of worktrees that are gone."""
    for directory in (area / "tasks", area, area.parent):
        try:
            directory.rmdir()
        except OSError:  # it is not empty, or not there
            return
