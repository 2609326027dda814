"""Worktrees of tasks: making them, finding them again after a crash, and removing them."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import submodules
from pytest_moderator.isolation.git import Git
from pytest_moderator.isolation.ours import MARK, git_dir_of
from pytest_moderator.isolation.repo_lock import repo_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_moderator.isolation.git_run import GitRun


@dataclass(frozen=True, slots=True)
class Mark:
    """What we keep in git's own directory of a worktree, by which it is known as ours.

    Attributes:
        run_id: the run that it belongs to.
        task: the task's name among the branches of the run.
        branch: the task's branch.
        start: the commit that the branch started from.
        ready: whether all of it was made; a task has never worked in one that is not.
        included: what was put in besides what git has, relative to the top.
    """

    run_id: str
    task: str
    branch: str
    start: str
    ready: bool = False
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Worktree:
    """A worktree that is there.

    Attributes:
        path: its top.
        git_dir: git's own directory of it.
        mark: what we know about it; ``None`` for half of one, and for those of others.
    """

    path: Path
    git_dir: Path
    mark: Mark | None

    @classmethod
    def at(cls, path: Path) -> Worktree | None:
        """Look at a directory; ``None`` where it is no worktree that git still knows."""
        git_dir = git_dir_of(path)
        if git_dir is None:
            return None
        return cls(path, git_dir, read_mark(git_dir))

    def remember(self, mark: Mark) -> Worktree:
        """Write down what is known about it."""
        path = self.git_dir / MARK
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(mark)), encoding="utf-8")
        draft.replace(path)
        return replace(self, mark=mark)


def read_mark(git_dir: Path) -> Mark | None:
    """Read what we know about a worktree; ``None`` where that is nothing."""
    try:
        data: dict[str, Any] = json.loads((git_dir / MARK).read_text(encoding="utf-8"))
        return Mark(**{**data, "included": tuple(data["included"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def add(
    run: GitRun, path: Path, mark: Mark, fill: Callable[[Worktree], tuple[str, ...]], place: int | None = None
) -> Worktree:
    """Make a worktree on a new branch. What is left of one that was begun there before is removed first.

    Only git's own records are made under the lock of the repository: writing the files may take long.

    Args:
        run: the run.
        path: where it is to be.
        mark: what is known about it; its branch starts at ``mark.start``.
        fill: adds to the worktree what git does not have, and gives the names of it.
        place: descriptor of the place's lock.

    Raises:
        ModeratorError: it cannot be made.
    """
    if not _is_below(path, run.area):
        raise ModeratorError(f"{str(path)!r} leads out of {str(run.area)!r}: remove the symbolic link")
    with repo_lock(run.common_dir) as lock:
        _clear(run, path, mark.branch, lock)
        path.parent.mkdir(parents=True, exist_ok=True)
        arguments = ("--no-checkout", "--no-track", "--quiet", "-B", mark.branch, "--", str(path), mark.start)
        Git(run.top, lock)("worktree", "add", *arguments)
    worktree = Worktree.at(path)
    if worktree is None:
        raise ModeratorError(f"git has made no worktree at {str(path)!r}: something has removed it at once")
    worktree.remember(mark)
    check_out(run, worktree, place)
    submodules.fill(run, path)
    included = fill(worktree)
    return worktree.remember(replace(mark, ready=True, included=included))


def check_out(run: GitRun, worktree: Worktree, place: int | None = None) -> None:
    """Write the files of a worktree that has none yet.

    Which files a sparse one has is said in its own directory and in its index: the setting that
    ``git sparse-checkout`` makes would stay in the configuration of the whole repository.
    """
    config = [*run.config, "checkout.workers=0"]
    if run.options.sparse:
        patterns = worktree.git_dir / "info" / "sparse-checkout"
        patterns.parent.mkdir(exist_ok=True)
        patterns.write_text("".join(f"{pattern}\n" for pattern in run.options.sparse), encoding="utf-8")
        config += ["core.sparseCheckout=true", "core.sparseCheckoutCone=false"]
    Git(worktree.path, place, top=worktree.path)("read-tree", "-m", "-u", "HEAD", config=config)


def remove(run: GitRun, path: Path, branch: str = "", tip: str = "") -> None:
    """Remove a worktree of ours, whatever is in it, and its branch.

    Args:
        run: the run.
        path: the worktree; need not be there.
        branch: its branch; none is removed without it.
        tip: the commit that the branch has to be at, where that matters.

    Raises:
        ModeratorError: something of it cannot be removed.
    """
    delete_tree(path)
    with repo_lock(run.common_dir) as lock:
        _forget(run, path, lock)
        if branch:
            _drop_lock_of(run.common_dir, branch)
            Git(run.top, lock)("update-ref", "-d", f"refs/heads/{branch}", *([tip] if tip else []))


def delete_tree(path: Path) -> None:
    """Remove a directory with all that is in it; what is linked to from there stays.

    Raises:
        ModeratorError: something of it cannot be removed.
    """
    if not os.path.lexists(path):
        return
    try:
        try:
            shutil.rmtree(path)
        except PermissionError:
            _permit(path)
            shutil.rmtree(path)
    except OSError as error:
        raise ModeratorError(
            f"cannot remove {str(path)!r}: {error.filename}: {error.strerror}; remove it by hand, then run "
            "'git worktree prune'"
        ) from error


def _permit(tree: Path) -> None:
    """Let us into all directories of a tree; what is linked to keeps its permissions."""
    tree.chmod(0o700)
    for place, names, _ in os.walk(tree):
        for directory in (Path(place, name) for name in names):
            if not directory.is_symlink():
                directory.chmod(0o700)


def release(run: GitRun, worktree: Worktree, branch: str) -> None:
    """Remove locks that a git which was killed has left in a worktree, and on its branch, where nobody works now."""
    for name in ("index.lock", "HEAD.lock"):
        (worktree.git_dir / name).unlink(missing_ok=True)
    _drop_lock_of(run.common_dir, branch)


def entries(common_dir: Path) -> Iterator[tuple[Path, Path]]:
    """Go through git's own directories of all worktrees, each with the path that it is for.

    Their files are read as they are, because git's own list fails while another process makes a worktree.
    """
    directory = common_dir / "worktrees"
    for git_dir in sorted(directory.iterdir()) if directory.is_dir() else ():
        try:
            target = (git_dir / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").strip()
        except OSError:
            continue
        yield git_dir, _absolute(target, git_dir).parent


def _clear(run: GitRun, path: Path, branch: str, lock: int) -> None:
    """Make room for a new worktree: of an earlier one, all is gone or half of it is left."""
    _drop_lock_of(run.common_dir, branch)
    if os.path.lexists(path) and not path.is_dir():
        raise ModeratorError(f"{str(path)!r} is in the way of a worktree: move it to another place")
    if Worktree.at(path) is not None:
        delete_tree(path)
    elif path.is_dir() and any(path.iterdir()):  # git has forgotten it, and nobody knows what is in it
        path.rename(path.with_name(f"{path.name}-set-aside-{secrets.token_hex(4)}"))
    _forget(run, path, lock)


def _forget(run: GitRun, path: Path, lock: int) -> None:
    """Have git forget a worktree that is not there any more, also one that was being made."""
    if any(target == path for _, target in entries(run.common_dir)):
        Git(run.top, lock)("worktree", "remove", "--force", "--force", "--", str(path))
    _drop_torsos(run.common_dir, path.name)


def _drop_torsos(common_dir: Path, name: str) -> None:
    """Remove what a git has left that was killed while it made or removed a worktree: nobody can use it."""
    directory = common_dir / "worktrees"
    for git_dir in directory.iterdir() if directory.is_dir() else ():
        if re.fullmatch(rf"{re.escape(name)}\d*", git_dir.name) and not (git_dir / "gitdir").exists():
            delete_tree(git_dir)


def _drop_lock_of(common_dir: Path, branch: str) -> None:
    """Remove the lock that a git which was killed has left on a branch of ours; its run works under our lock."""
    (common_dir / "refs" / "heads" / f"{branch}.lock").unlink(missing_ok=True)


def _absolute(target: str, base: Path) -> Path:
    """Give a path that git has written down, which newer ones may do relative to where it stands."""
    return Path(os.path.normpath(base / target))


def _is_below(path: Path, area: Path) -> bool:
    return path.parent.resolve().is_relative_to(area.resolve())
