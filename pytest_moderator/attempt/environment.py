"""What a task's process finds in its environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Task

TASK_VARIABLES = frozenset(
    {
        "MODERATOR_ARTIFACTS",
        "MODERATOR_ATTEMPT",
        MARK,
        "MODERATOR_PHASE",
        "MODERATOR_REDUCED",
        "MODERATOR_RUN_ID",
        "MODERATOR_TASKS_FILE",
        "MODERATOR_TASK_ID",
        "MODERATOR_TASK_TITLE",
        "MODERATOR_WORKER_DIR",
        "MODERATOR_WORKER_ID",
        "MODERATOR_WORKSPACE",
    }
)
"""The variables that a task is given; no settings of a run inside it."""

# What common tools do at once decides how much memory they need.
_ONE_AT_A_TIME = {
    "CARGO_BUILD_JOBS": "1",
    "CMAKE_BUILD_PARALLEL_LEVEL": "1",
    "GOMAXPROCS": "1",
    "MAKEFLAGS": "-j1",
    "MAX_JOBS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
    "RAYON_NUM_THREADS": "1",
}

# A pytest that a task starts would take itself for a worker of ours, or its test for ours.
_PYTEST_VARIABLES = (
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
    "PYTEST_XDIST_TESTRUNUID",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
)

# A git that runs us, as a hook of a push, for one, names its repository; a task on a branch works in another place.
_GIT_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_WORK_TREE",
)

# Nobody is there to answer: git is to fail instead of asking, and to take messages as they are.
_NO_QUESTIONS = {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"}


def task_environment(
    task: Task,
    context: AttemptContext,
    fixtures: Mapping[str, str] | None = None,
    base: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Make the whole environment of one attempt.

    The task's own ``env`` wins over what fixtures give, that over our defaults (``TMPDIR``, and what keeps git
    from asking questions), and those over the environment of the run, without what is withheld from this task.
    In a reduced attempt, what it is reduced by wins over ``env``, and our defaults have common tools do one thing at
    a time. Nothing replaces the :data:`TASK_VARIABLES`.

    Args:
        task: the task.
        context: where and as which attempt it is tried.
        fixtures: what the task's fixtures add.
        base: the environment of the run; this process's without it.

    Raises:
        ModeratorError: a name or a value cannot be part of an environment.
    """
    environment = dict(os.environ if base is None else base)
    for name in (
        *_PYTEST_VARIABLES,
        *(_GIT_VARIABLES if context.isolation_level.has_branch else ()),
        *context.withheld,
    ):
        environment.pop(name, None)
    environment |= _NO_QUESTIONS
    environment["TMPDIR"] = str(context.worker_directory)
    environment["PWD"] = os.path.abspath(context.working_directory)  # as a shell would say  # noqa: PTH100 (quick)
    if context.reduced:
        environment |= _ONE_AT_A_TIME
    added = _added(task, context, fixtures)
    mark = make_mark(context.run_id, context.name or task.id, context.attempt, environment.get(MARK, ""))
    about = {
        "MODERATOR_TASK_ID": task.id,
        "MODERATOR_TASK_TITLE": task.title,
        "MODERATOR_PHASE": task.phase or "",
        "MODERATOR_RUN_ID": context.run_id,
        "MODERATOR_WORKER_ID": context.worker,
        "MODERATOR_ATTEMPT": str(context.attempt),
        "MODERATOR_REDUCED": "1" if context.reduced else "",
        "MODERATOR_WORKSPACE": str(context.workspace),
        "MODERATOR_ARTIFACTS": str(context.artifacts),
        "MODERATOR_TASKS_FILE": str(context.tasks_file),
        "MODERATOR_WORKER_DIR": str(context.worker_directory),
        MARK: mark,
    }
    added |= about
    for name, value in added.items():
        _check(name, value)
    environment |= added
    return environment


def given_names(
    task: Task, context: AttemptContext, fixtures: Mapping[str, str] | None = None
) -> frozenset[str]:
    """Name the variables that an attempt is given on purpose.

    Args:
        task: the task.
        context: the attempt.
        fixtures: what the task's fixtures add.
    """
    return frozenset((*_added(task, context, fixtures), *(_ONE_AT_A_TIME if context.reduced else ())))


def _added(task: Task, context: AttemptContext, fixtures: Mapping[str, str] | None) -> dict[str, str]:
    return {**(fixtures or {}), **task.env, **(context.reductions if context.reduced else {})}


def _check(name: object, value: object) -> None:
    """Refuse what no process can be given."""
    if not isinstance(name, str) or not name or "=" in name or "\0" in name:
        raise ModeratorError(f"{name!r} cannot name an environment variable: use letters, digits and '_'")
    if not isinstance(value, str):
        raise ModeratorError(f"environment variable {name!r} is {value!r}, not text: give it as a string")
    if "\0" in value:
        raise ModeratorError(f"environment variable {name!r} has a NUL character in its value: take it out")
