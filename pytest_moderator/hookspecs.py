"""The hooks that others may implement, in a ``conftest.py`` or a plugin.

They are called only with ``--moderator``. Without it they are declared all the same, so that whoever implements
them needs no ``optionalhook=True`` as long as this package is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_moderator.backends.base import Backend
    from pytest_moderator.model import ExecutionContext, Task, TaskResult
    from pytest_moderator.plan import ExecutionPlan


@pytest.hookspec
def pytest_moderator_backends() -> list[Backend]:
    """Give backends. Called once in every process that checks or runs tasks."""
    raise NotImplementedError


@pytest.hookspec(firstresult=True)
def pytest_moderator_select_backend(task: Task, context: ExecutionContext) -> str | Backend | None:
    """Choose the backend of a task that names none: its name, the backend itself, or ``None`` for no opinion.

    Called in the process that runs the task.
    """


@pytest.hookspec
def pytest_moderator_task_start(task: Task, context: ExecutionContext) -> None:
    """A task has started. Called in the process that the user started."""


@pytest.hookspec
def pytest_moderator_task_complete(result: TaskResult) -> None:
    """A task has ended without failing: completed, or skipped (``result.status`` tells).

    Called in the process that the user started.
    """


@pytest.hookspec
def pytest_moderator_task_error(task: Task, error: Exception) -> None:
    """A task has failed; ``error.result`` is its result. Called in the process that the user started."""


@pytest.hookspec
def pytest_moderator_task_paused(result: TaskResult) -> None:
    """A task has failed and waits for its next attempt, which is due at ``result.again_at``; it holds no worker.

    Not called for pauses of a few seconds, unless a limit of its backend is the reason. Called in the process that
    the user started.
    """


@pytest.hookspec
def pytest_moderator_run_status(status: str, by: str) -> None:
    """The run is ``paused``, or ``running`` again. Called in the process that the user started.

    Args:
        status: how the run stands from now on.
        by: who wanted that, such as ``alice@laptop``.
    """


@pytest.hookspec
def pytest_moderator_backend_circuit(backend: str, circuit: str, why: str) -> None:
    """A backend is left alone for a while, tried, or used again. Called in the process that the user started.

    Args:
        backend: its name.
        circuit: ``open``: its tasks wait, or go to fallbacks; ``half-open``: one task tries it; ``closed``.
        why: what has happened to it.
    """


@pytest.hookspec(firstresult=True)
def pytest_moderator_approve(task: Task, context: ExecutionContext) -> bool | None:
    """Say whether a task that needs an approval may start, or ``None`` to leave that to a person.

    Called in the process that the user started, when the task could start.
    """


@pytest.hookspec(firstresult=True)
def pytest_moderator_modify_plan(plan: ExecutionPlan) -> ExecutionPlan | None:
    """Give another plan in place of this one, or ``None`` to leave it.

    ``dataclasses.replace(plan, depends_on={...})`` adds prerequisites. Called once a tasks file, in the process
    that the user started, before the first task.
    """
