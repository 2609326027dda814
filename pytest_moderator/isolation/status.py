"""What a task has done to its worktree, as git tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_moderator.isolation.git import Git

_FIELDS = {"1": 8, "2": 9, "u": 10}  # how many stand before the path


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is not as it is in the last commit.

    Attributes:
        path: relative to the top; a directory of which git knows nothing ends with ``/``.
        kind: ``1`` changed, ``2`` renamed, ``u`` unmerged, ``?`` unknown to git, ``!`` ignored.
        staged: whether it is in the index.
        submodule: what changed in a submodule, such as ``SCM.``; empty for a file.
    """

    path: str
    kind: str
    staged: bool = False
    submodule: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A checkout.

    Attributes:
        head: its commit; empty where there is none yet.
        branch: its branch; empty for a detached HEAD.
        changes: what is not committed.
    """

    head: str
    branch: str
    changes: tuple[Change, ...]

    @property
    def unmerged(self) -> tuple[str, ...]:
        """The files that a merge was left in the middle of."""
        return tuple(change.path for change in self.changes if change.kind == "u")


def read_status(git: Git, *arguments: str, config: Sequence[str] = ()) -> Status:
    """Ask git about its checkout, without taking a lock there.

    Args:
        git: in the checkout.
        arguments: further ones.
        config: further settings, as ``name=value``.

    Raises:
        GitError: it cannot tell.
    """
    options = ("--porcelain=v2", "--branch", "-z", "--no-renames", *arguments)
    answer = git("--no-optional-locks", "status", *options, config=config)
    head = branch = ""
    changes = []
    for entry in answer.parts:
        if entry.startswith("# branch.oid "):
            head = entry.removeprefix("# branch.oid ").replace("(initial)", "")
        elif entry.startswith("# branch.head "):
            branch = entry.removeprefix("# branch.head ").replace("(detached)", "")
        elif entry[:1] in _FIELDS or entry[:1] in ("?", "!"):
            changes.append(_change(entry))
    return Status(head, branch, tuple(changes))


def _change(entry: str) -> Change:
    kind = entry[0]
    if kind in ("?", "!"):
        return Change(entry[2:], kind)
    parts = entry.split(" ", _FIELDS[kind])
    submodule = parts[2] if parts[2] != "N..." else ""
    return Change(parts[-1], kind, parts[1][0] != ".", submodule)


def file_state(path: Path) -> str:
    """Give what is different once somebody has written to a file."""
    try:
        found = path.lstat()
    except OSError:
        return "gone"
    return f"{found.st_size} {found.st_mtime_ns}"
