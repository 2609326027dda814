"""One task, tried until it succeeds or its tries are used up."""

from pytest_moderator.attempt.environment import TASK_VARIABLES, task_environment
from pytest_moderator.attempt.launcher import LocalLauncher
from pytest_moderator.attempt.output import clean, excerpt
from pytest_moderator.attempt.processes import end_marked_processes
from pytest_moderator.attempt.run import run_task, tries_before

__all__ = [
    "TASK_VARIABLES",
    "LocalLauncher",
    "clean",
    "end_marked_processes",
    "excerpt",
    "run_task",
    "task_environment",
    "tries_before",
]
