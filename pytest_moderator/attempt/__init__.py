"""One task, tried until it succeeds or its tries are used up."""

from pytest_moderator.attempt.environment import TASK_VARIABLES, task_environment
from pytest_moderator.attempt.launcher import HELD, LocalLauncher
from pytest_moderator.attempt.output import clean, excerpt
from pytest_moderator.attempt.processes import (
    end_marked_processes,
    end_recorded_processes,
    hold_marked_processes,
    hurry,
    release_marked_processes,
    take_time,
)
from pytest_moderator.attempt.run import CANCELLED, PURSE, forbid_tries, run_task, tries_before

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
