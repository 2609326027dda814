"""What runs have left in a repository and beside it: finding it, and removing what is in another place as well."""

from __future__ import annotations

import filecmp
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.isolation.git import Git, GitError
from pytest_moderator.isolation.git_run import GitRun
from pytest_moderator.isolation.repo_lock import repo_lock
from pytest_moderator.isolation.status import read_status
from pytest_moderator.isolation.worktrees import Mark, delete_tree, entries, read_mark, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUN = r"\d{8}-\d{6}-[0-9a-f]{4}"
_RUN_ID = re.compile(_RUN)
_REF = re.compile(rf"refs/(?:heads/)?moderator/({_RUN})(?:-task-.+|/.+)?")
_SHOWN = 3
_ABOVE_A_WORKTREE = 3  # .moderator/worktrees/<run>/tasks/<id>


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that a run has left.

    Attributes:
        kind: ``worktree``, ``branch``, ``try`` (what a task did before it was tried again) or ``records``.
        name: its path, or the name of its ref.
        reason: why it is not to be removed; empty where all of it is in another place as well.
    """

    kind: str
    name: str
    reason: str = ""


@dataclass
class _Traces:
    """What one run has left."""

    refs: dict[str, str] = field(default_factory=dict)
    worktrees: list[tuple[Path, Mark | None]] = field(default_factory=list)
    records: Path | None = None


class Leftovers:
    """All that runs have left below a state directory, and in the repository that it is in.

    Args:
        state_dir: where records are kept.

    Raises:
        GitError: the repository cannot be read.
    """

    def __init__(self, state_dir: Path) -> None:
        self._traces: defaultdict[str, _Traces] = defaultdict(_Traces)
        for directory in (state_dir / "runs").glob("*"):
            if _RUN_ID.fullmatch(directory.name):
                self._traces[directory.name].records = directory
        self._repository = _repository_of(state_dir)
        if self._repository:
            self._look_into(*self._repository)

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of the runs, the newest first."""
        return tuple(sorted(self._traces, reverse=True))

    def places(self, run_id: str) -> frozenset[Path]:
        """Give the state directories that a run seems to belong to: others may have runs in the same repository."""
        traces = self._traces[run_id]
        found = {path.parents[_ABOVE_A_WORKTREE] for path, _ in traces.worktrees}
        if traces.records is not None:
            found.add(traces.records.parents[1])
        return frozenset(found)

    def of(self, run_id: str, *, records: bool = True, force: bool = False) -> Iterator[Leftover]:
        """Go through what a run has left, in the order in which it can be removed.

        Args:
            run_id: the run.
            records: whether the directory of its records is meant as well.
            force: whether it does not matter what would be lost.
        """
        traces = self._traces[run_id]
        kept = False
        for item in self._in_repository(run_id, traces):
            leftover = Leftover(item.kind, item.name) if force else item
            kept = kept or bool(leftover.reason)
            yield leftover
        if traces.records is not None and records:
            reason = "" if force else _why_not_records(traces.records, kept=kept)
            yield Leftover("records", str(traces.records), reason)

    def remove(self, run_id: str, leftover: Leftover) -> None:
        """Remove one thing.

        Raises:
            ModeratorError: it cannot be removed.
        """
        if leftover.kind == "records":
            delete_tree(Path(leftover.name))
            return
        run = self._run(run_id)
        if leftover.kind == "worktree":
            path = Path(leftover.name)
            remove(run, path)
            path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
            for directory in path.parents[:3]:  # tasks, the run's, the one for all runs
                if directory.is_dir() and not any(directory.iterdir()):
                    directory.rmdir()
            return
        with repo_lock(run.common_dir) as lock:
            ref = leftover.name if leftover.kind == "try" else f"refs/heads/{leftover.name}"
            Git(run.top, lock)("update-ref", "-d", ref, self._traces[run_id].refs[ref])

    def _look_into(self, top: Path, common_dir: Path) -> None:
        places = ("refs/heads/moderator", "refs/moderator")
        listed = Git(top)("for-each-ref", "--format=%(objectname) %(refname)", *places)
        for line in listed.out.splitlines():
            commit, _, ref = line.partition(" ")
            if found := _REF.fullmatch(ref):
                self._traces[found[1]].refs[ref] = commit
        for git_dir, path in entries(common_dir):
            mark = read_mark(git_dir)
            if mark is not None:
                self._traces[mark.run_id].worktrees.append((path, mark))
            elif path.parent.name == "tasks" and _RUN_ID.fullmatch(path.parent.parent.name):
                self._traces[path.parent.parent.name].worktrees.append((path, None))

    def _run(self, run_id: str) -> GitRun:
        if self._repository is None:
            raise RuntimeError("there is no repository")
        top, common_dir = self._repository
        return GitRun(run_id, top, "", common_dir, "", None, Path())

    def _in_repository(self, run_id: str, traces: _Traces) -> Iterator[Leftover]:
        if self._repository is None:
            return
        top, _ = self._repository
        in_use = set()
        for path, mark in traces.worktrees:
            reason, head = _why_not_worktree(top, path, mark)
            if not reason and head and self._is_only_here(run_id, head, "", with_branches=True):
                reason = "it is at a commit that no branch has"
            if reason and mark:
                in_use.add(f"refs/heads/{mark.branch}")
            yield Leftover("worktree", str(path), reason)
        integration = f"refs/heads/moderator/{run_id}"
        kept = ""
        for ref, commit in sorted(traces.refs.items(), key=lambda item: (item[0] != integration, item)):
            only = self._is_only_here(run_id, commit, kept)
            kept = commit if only and ref == integration else kept
            name = ref.removeprefix("refs/heads/")
            kind = "branch" if ref.startswith("refs/heads/") else "try"
            reason = f"it is merged nowhere; git merge {name} takes it over" if only else ""
            yield Leftover(kind, name, "its worktree is kept" if ref in in_use else reason)

    def _is_only_here(self, run_id: str, commit: str, kept: str, *, with_branches: bool = False) -> bool:
        """Whether a commit is in nothing but what the run has left."""
        top, _ = self._repository or (Path(), Path())
        ours = (f"refs/heads/moderator/{run_id}*", f"refs/moderator/{run_id}/*")
        without = [] if with_branches else [f"--exclude={pattern}" for pattern in ours]
        others = ["--not", *([kept] if kept else []), "--single-worktree", *without, "--all"]
        return bool(Git(top)("rev-list", "--max-count=1", commit, *others, "--").line)


def _repository_of(state_dir: Path) -> tuple[Path, Path] | None:
    place = next((path for path in (state_dir, *state_dir.parents) if path.is_dir()), state_dir)
    try:
        answer = Git(place)(
            *("rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir"), accept=(0, 128)
        )
    except GitError:  # there is no git, so nothing that it could have left
        return None
    top, _, common_dir = answer.out.rstrip("\n").partition("\n")
    return (Path(top), Path(common_dir)) if not answer.status else None


def _why_not_worktree(top: Path, path: Path, mark: Mark | None) -> tuple[str, str]:
    """Say why a worktree is not to be removed, and which commit it is at."""
    if mark is None or not mark.ready or not path.is_dir():
        return "", ""
    status = read_status(Git(path, top=path), "--ignored")
    included = set(mark.included)
    names = [c.path for c in status.changes if c.path.rstrip("/") not in included]
    names += [name for name in mark.included if not _is_copy(top / name, path / name)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (f"only there: {', '.join(names[:_SHOWN])}{more}" if names else ""), status.head


def _is_copy(source: Path, copy: Path) -> bool:
    """Whether an ignored file that was put into a worktree is still what it was; of links, whether they are."""
    if copy.is_symlink() or not copy.exists():
        return True
    if copy.is_dir():
        return all(entry.is_symlink() for entry in copy.iterdir())
    return source.is_file() and filecmp.cmp(source, copy, shallow=False)


def _why_not_records(records: Path, *, kept: bool) -> str:
    if kept:
        return "other things of the run are kept"
    if any(path.is_file() for path in records.glob("tasks/*/artifacts/**/*")):
        return "tasks have left artifacts there"
    return ""
