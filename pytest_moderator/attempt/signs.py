"""Files by which the processes of a run tell each other what must not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HELD = "held"
"""The file in a run's directory that says that all its processes are stopped where they stand."""

CANCELLED = "cancelled"
"""The file in a task's folder that keeps it from being tried again."""

PURSE = "budget.json"
"""The file in the folder of a run that tells what it may use, and what its tasks that have ended have used."""


def forbid_tries(directory: Path) -> None:
    """Have a task that is being tried, in whatever process, not be tried again.

    Args:
        directory: the task's folder.

    Raises:
        OSError: that cannot be written down.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / CANCELLED).touch()
