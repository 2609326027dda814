"""What is looked at before a run whose tasks work on branches, so that it does not fail in the middle."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.isolation import included
from pytest_moderator.isolation.git import Git, GitError
from pytest_moderator.isolation.git_run import GitOptions, GitRun
from pytest_moderator.isolation.status import Status, read_status
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OLDEST = (2, 38)
_IN_THE_WAY = "moderator"
_STATES = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
_SHOWN = 3
_ELSE = "or use isolation none or directory"


@dataclass(frozen=True, slots=True)
class _Repository:
    """What git says about a directory."""

    top: Path
    prefix: str
    common_dir: Path
    git_dir: Path
    shallow: bool
    status: Status


class _Refusal(Exception):  # noqa: N818 (no error that leaves this module)
    """The one problem that makes all further questions pointless."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        self.problem = _problem(code, message, hint)
        super().__init__(message)


def plan_git_run(
    root: Path, options: GitOptions, *, worktree_dir: Path, tasks_files: Mapping[Path, bool], run_id: str = ""
) -> tuple[GitRun | None, tuple[Problem, ...]]:
    """Look whether tasks can work on branches here, and gather what they need to know. Nothing is changed.

    Args:
        root: pytest's root directory.
        options: how tasks are treated.
        worktree_dir: the directory for the worktrees of all runs.
        tasks_files: the tasks files of the run, and whether their boxes are to be ticked.
        run_id: names the run; may be given later, with :meth:`GitRun.named`.

    Returns:
        The run, unless it cannot be; and all that is wrong.
    """
    try:
        _check_version(root)
        repository = _find_repository(root)
        git = Git(repository.top)
        area = _place_of_worktrees(git, repository, worktree_dir)
        run = _gather(git, repository, options, area, tasks_files)
        problems = tuple(_problems(git, repository, run))
    except _Refusal as refusal:
        return None, (refusal.problem,)
    except GitError as error:
        return None, (_problem("git-failed", str(error), _ELSE),)
    return run.named(run_id), problems


def _check_version(root: Path) -> None:
    said = Git(root)("version").line
    numbers = re.search(r"(\d+)\.(\d+)", said)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise _Refusal("old-git", f"{said} cannot merge without a checkout", f"install git {wanted}, {_ELSE}")


def _find_repository(root: Path) -> _Repository:
    answer = Git(root)(
        *("rev-parse", "--path-format=absolute", "--is-bare-repository", "--is-inside-work-tree"),
        *(
            "--is-shallow-repository",
            "--git-common-dir",
            "--absolute-git-dir",
            "--show-prefix",
            "--show-toplevel",
        ),
        accept=(0, 128),
    )
    bare, inside, shallow, *paths = [*answer.out.split("\n"), "", "", ""]
    if bare == "true":
        raise _Refusal("bare-repository", f"{str(root)!r} is a bare repository", "run in a clone of it")
    if inside == "false":
        raise _Refusal("not-a-checkout", f"{str(root)!r} is in git's own directory", "run in the checkout")
    if answer.status:
        if "not a git repository" in answer.err:
            hint = f"git init, and a first commit, {_ELSE}"
            raise _Refusal("not-a-repository", f"{str(root)!r} is in no git repository", hint)
        raise GitError(" ".join(answer.err.split()), answer.status, answer.err)
    common_dir, git_dir, prefix, top = paths[:4]
    status = read_status(Git(Path(top)), "--ignore-submodules=untracked")
    return _Repository(Path(top), prefix, Path(common_dir), Path(git_dir), shallow == "true", status)


def _place_of_worktrees(git: Git, repository: _Repository, worktree_dir: Path) -> Path:
    """Refuse a directory for worktrees that is something else already."""
    directory = worktree_dir.resolve()
    hint = "set worktree_dir to another directory, such as .moderator/worktrees"
    if repository.top.is_relative_to(directory) or directory.is_relative_to(repository.common_dir.resolve()):
        raise _Refusal("bad-worktree-dir", f"worktrees cannot be made in {str(worktree_dir)!r}", hint)
    if directory.is_relative_to(repository.top):
        path = directory.relative_to(repository.top)
        if git("ls-files", "-z", "--", f":(top,literal){path}").out:
            raise _Refusal("bad-worktree-dir", f"{str(path)!r} has files that git tracks", hint)
    return directory


def _gather(
    git: Git, repository: _Repository, options: GitOptions, area: Path, tasks_files: Mapping[Path, bool]
) -> GitRun:
    status = repository.status
    if not status.head:
        raise _Refusal("no-commit", f"{str(repository.top)!r} has no commit yet", "make a first commit")
    inside = {
        path.resolve().relative_to(repository.top).as_posix(): marked
        for path, marked in tasks_files.items()
        if path.resolve().is_relative_to(repository.top)
    }
    return GitRun(
        run_id="",
        top=repository.top,
        prefix=repository.prefix,
        common_dir=repository.common_dir,
        base=status.head,
        base_branch=status.branch or None,
        area=area,
        options=options,
        left_out=tuple(inside),
        marked=tuple(path for path, marked in inside.items() if marked),
        included=included.find(repository.top, options.worktree_include, repository.prefix),
        anonymous=bool(git("var", "GIT_COMMITTER_IDENT", accept=(0, 1, 128)).status),
        without_lfs=_uses_lfs(repository.top) and shutil.which("git-lfs") is None,
    )


def _uses_lfs(top: Path) -> bool:
    attributes = top / ".gitattributes"
    return attributes.is_file() and "filter=lfs" in attributes.read_text(encoding="utf-8", errors="replace")


def _problems(git: Git, repository: _Repository, run: GitRun) -> Iterator[Problem]:
    status = repository.status
    for name in sorted({what for file, what in _STATES.items() if (repository.git_dir / file).exists()}):
        hint = f"finish it, or git {name} --abort"
        yield _problem("unfinished", f"a {name} is under way in {str(repository.top)!r}", hint)
    refs = git("for-each-ref", "--format=%(refname)", f"refs/heads/{_IN_THE_WAY}").line.splitlines()
    if f"refs/heads/{_IN_THE_WAY}" in refs:
        message = f"a branch named {_IN_THE_WAY!r} keeps git from having branches {_IN_THE_WAY}/…"
        yield _problem("branch-in-the-way", message, f"git branch -m {_IN_THE_WAY} another-name")
    yield from _uncommitted(status, run)
    if not status.branch:
        message = f"HEAD is detached: the run starts from commit {status.head[:12]}"
        yield _problem("detached-head", message, "", Severity.WARNING)
    if repository.shallow:
        message = "this is a shallow clone: the branches of the run have no more history than it has"
        yield _problem("shallow-clone", message, "git fetch --unshallow gets the rest", Severity.WARNING)
    if run.anonymous:
        message = "git does not know who you are: commits are made in the name of 'moderator'"
        yield _problem("no-identity", message, "git config user.name, user.email", Severity.WARNING)
    if run.without_lfs:
        message = "git-lfs is not installed: tasks find pointers in place of large files"
        yield _problem("no-lfs", message, "install git-lfs", Severity.WARNING)
    for pattern in run.options.worktree_include:
        if not included.find(run.top, (pattern,), run.prefix):
            message = f"worktree_include: {pattern!r} names nothing that git ignores"
            yield _problem(
                "nothing-included", message, "files that git tracks are there anyway", Severity.WARNING
            )


def _uncommitted(status: Status, run: GitRun) -> Iterator[Problem]:
    """Name changes that the tasks would not see. Those to tasks files do not matter: the run has read them."""
    if run.options.dirty != "refuse":
        return
    changes = [change for change in status.changes if change.path not in run.left_out]
    tracked = [change.path for change in changes if change.kind != "?"]
    unknown = [change.path for change in changes if change.kind == "?"]
    hint = "commit them; or set dirty: include, which takes them along, or ignore"
    if tracked:
        yield _problem("uncommitted-changes", f"{_names(tracked)} would not be there for the tasks", hint)
    if unknown:
        message = f"{_names(unknown)}, which git does not track, will not be there for the tasks"
        yield _problem("untracked-files", message, hint, Severity.WARNING)


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _problem(code: str, message: str, hint: str, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(severity, code, message, hint, "git")
