"""One task, tried until it succeeds or its tries are used up.

The names are imported on first use: the process that controls a run ends processes, but starts none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.late import late_names

if TYPE_CHECKING:
    from pytest_moderator.attempt.environment import TASK_VARIABLES, task_environment
    from pytest_moderator.attempt.launcher import LocalLauncher
    from pytest_moderator.attempt.output import clean, excerpt
    from pytest_moderator.attempt.processes import (
        end_marked_processes,
        end_recorded_processes,
        hold_marked_processes,
        hurry,
        release_marked_processes,
        take_time,
    )
    from pytest_moderator.attempt.run import run_task, tries_before
    from pytest_moderator.attempt.signs import CANCELLED, HELD, PURSE, forbid_tries

_HOMES = {
    "CANCELLED": "signs",
    "HELD": "signs",
    "PURSE": "signs",
    "TASK_VARIABLES": "environment",
    "LocalLauncher": "launcher",
    "clean": "output",
    "end_marked_processes": "processes",
    "end_recorded_processes": "processes",
    "excerpt": "output",
    "forbid_tries": "signs",
    "hold_marked_processes": "processes",
    "hurry": "processes",
    "release_marked_processes": "processes",
    "run_task": "run",
    "take_time": "processes",
    "task_environment": "environment",
    "tries_before": "run",
}

__all__ = [
    "CANCELLED",
    "HELD",
    "PURSE",
    "TASK_VARIABLES",
    "LocalLauncher",
    "clean",
    "end_marked_processes",
    "end_recorded_processes",
    "excerpt",
    "forbid_tries",
    "hold_marked_processes",
    "hurry",
    "release_marked_processes",
    "run_task",
    "take_time",
    "task_environment",
    "tries_before",
]


__getattr__ = late_names(__name__, __package__, _HOMES)


def __dir__() -> list[str]:
    """List the names too, though they are not imported yet."""
    return sorted({*globals(), *__all__})
