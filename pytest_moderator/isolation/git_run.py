"""What all tasks of a run that work on branches share, as plain data that can be sent to workers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECORD = "git.json"
TRAILER = "Moderator-Task"
_LISTS = ("left_out", "marked", "included", "reported")


@dataclass(frozen=True, slots=True)
class GitOptions:
    """How tasks with branches are treated.

    Attributes:
        dirty: uncommitted changes before the run: ``refuse``, ``include`` or ``ignore``.
        merge: what is done with the integration branch at the end: ``branch``, ``fast-forward`` or ``none``.
        on_conflict: ``fail``, ``retry`` or ``keep``.
        keep: whose worktree and branch stay: ``failed``, ``all`` or ``none``.
        retry_from: where another try of a task begins: ``fresh`` or ``kept``; ``auto``: as its backend needs it.
        worktree_include: patterns of ignored files that a worktree gets as well.
        setup: command that runs once in each fresh worktree.
        sparse: patterns of the files that a worktree has; all without them.
        hooks: whether the repository's hooks run on our commits.
    """

    dirty: str = "refuse"
    merge: str = "branch"
    on_conflict: str = "fail"
    keep: str = "failed"
    retry_from: str = "auto"
    worktree_include: tuple[str, ...] = ()
    setup: str | None = None
    sparse: tuple[str, ...] = ()
    hooks: bool = False


@dataclass(frozen=True, slots=True)
class GitRun:
    """A run in a repository.

    Attributes:
        run_id: names the run.
        top: the checkout that the user is in.
        prefix: pytest's root directory in it, with ``/`` at its end; empty where they are the same.
        common_dir: git's directory that all worktrees share.
        base: the commit that the run starts from.
        base_branch: the branch that the user is on; ``None`` for a detached HEAD.
        area: the directory of this run's worktrees.
        options: how tasks are treated.
        left_out: the tasks files in the repository, relative to its top; no task changes them.
        marked: those of them whose boxes are ticked when a task is merged.
        included: ignored files that each worktree gets, relative to the top.
        anonymous: whether git knows no name for our commits.
        without_lfs: whether large files stay pointers, because git-lfs is not installed.
        resumed: whether this run goes on with an earlier one.
        reported: merge commits of tasks whose end is known from that one.
    """

    run_id: str
    top: Path
    prefix: str
    common_dir: Path
    base: str
    base_branch: str | None
    area: Path
    options: GitOptions = GitOptions()
    left_out: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    anonymous: bool = False
    without_lfs: bool = False
    resumed: bool = False
    reported: tuple[str, ...] = ()

    @property
    def integration(self) -> str:
        """The branch that all tasks are merged into."""
        return f"moderator/{self.run_id}"

    @property
    def ref(self) -> str:
        """The full name of :attr:`integration`."""
        return f"refs/heads/{self.integration}"

    @property
    def root(self) -> Path:
        """Pytest's root directory in the user's checkout."""
        return self.top / self.prefix

    @property
    def config(self) -> tuple[str, ...]:
        """Settings of git for whatever reads or writes files of a worktree."""
        if not self.without_lfs:
            return ()
        return tuple(f"filter.lfs.{name}" for name in ("smudge=", "clean=", "process=", "required=false"))

    @property
    def identity(self) -> dict[str, str]:
        """Variables that name us where git knows nobody."""
        if not self.anonymous:
            return {}
        names = ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME")
        mails = ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
        return dict.fromkeys(names, "moderator") | dict.fromkeys(mails, "moderator@localhost")

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON types; :meth:`from_dict` reads them back."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        for name in ("top", "common_dir", "area"):
            data[name] = str(data[name])
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return data | lists | {"options": asdict(self.options)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` gave; unknown keys are ignored.

        Raises:
            KeyError: something is missing.
        """
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        options = {
            item.name: data["options"][item.name]
            for item in fields(GitOptions)
            if item.name in data["options"]
        }
        for name in ("worktree_include", "sparse"):
            options[name] = tuple(options.get(name, ()))
        values["options"] = GitOptions(**options)
        for name in ("top", "common_dir", "area"):
            values[name] = Path(data[name])
        for name in _LISTS:
            values[name] = tuple(values.get(name, ()))
        return cls(**values)

    def save(self, directory: Path) -> None:
        """Keep it with the records of the run, for a later run that goes on with it and for ``moderator clean``."""
        path = directory / RECORD
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(self.to_dict(), indent=2), encoding="utf-8")
        draft.replace(path)

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Give what :meth:`save` kept; ``None`` where there is nothing that can be read."""
        try:
            return cls.from_dict(json.loads((directory / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def named(self, run_id: str) -> Self:
        """Give the run its name, and a directory of its own for worktrees."""
        area = self.area.parent if self.run_id else self.area
        return replace(self, run_id=run_id, area=area / run_id) if run_id else self

    def continued(self, reported: Iterable[str] = ()) -> Self:
        """Give the run as one that goes on with itself.

        Args:
            reported: the merge commits of tasks whose end is known: when such a task runs again, that is meant.
        """
        return replace(self, resumed=True, reported=tuple(dict.fromkeys(reported)))
