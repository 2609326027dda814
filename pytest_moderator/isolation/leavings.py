"""What a verification leaves in a worktree, which is no part of the work that it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.isolation.status import file_state, read_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_moderator.isolation.git import Git

_MOST = 1000  # of more, none is remembered: each becomes an argument of git


def unknown_files(git: Git, config: Sequence[str] = ()) -> dict[str, str]:
    """Give the files of a checkout that git knows nothing of and does not ignore, and how they are now.

    Args:
        git: in the checkout.
        config: further settings, as ``name=value``.

    Returns:
        By path from the top, what is different once somebody has written to the file; none where there are too many.

    Raises:
        GitError: it cannot tell.
    """
    status = read_status(git, "--untracked-files=all", config=config)
    paths = [change.path for change in status.changes if change.kind == "?"]
    return {path: file_state(git.directory / path) for path in paths} if len(paths) <= _MOST else {}


def unchanged(top: Path, files: Mapping[str, str]) -> Iterator[str]:
    """Give those of these files that are as they were.

    Args:
        top: the top of the checkout.
        files: as :func:`unknown_files` gives them.
    """
    return (path for path, state in files.items() if file_state(top / path) == state)
