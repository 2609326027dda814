"""Running one task in this process: its place, its backend, its result."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt.signs import HELD, PURSE
from pytest_moderator.backends import configure
from pytest_moderator.backends.base import Backend
from pytest_moderator.backends.routing import BackendRouter, Choice, NoBackend
from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import create_isolated_context, sanitise_id
from pytest_moderator.model import ErrorCategory, ExecutionContext, IsolationLevel, TaskResult, TaskStatus
from pytest_moderator.verdict import progress_report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.handout import FileHandout, Handout
    from pytest_moderator.model import Task


LOGGER = logging.getLogger("pytest_moderator")

PATIENCE = 5.0
"""Seconds that a pause before another attempt may hold a worker."""


_COUNTED = {"rate_limit", "breaker"}  # settings by which attempts of a backend are counted, in one place


class TaskRunner:
    """Runs tasks, one at a time.

    Args:
        config: pytest's.
        handout: the run.
        backends: all backends of this process.
        worker: this process: ``gw0`` and so on, or ``main`` without workers.
    """

    def __init__(
        self, config: pytest.Config, handout: Handout, backends: Sequence[Backend], worker: str
    ) -> None:
        from pytest_moderator.attempt.launcher import LocalLauncher  # noqa: PLC0415 (only where tasks run)

        self._config = config
        self._handout = handout
        self._worker = worker
        self._launcher = LocalLauncher(None if worker == "main" else os.getppid(), handout.directory / HELD)
        self._backends = backends
        self._instead: dict[str, tuple[str, str]] = {}
        self._routers = {
            file.nodeid: BackendRouter(
                configure(backends, file.backends),
                file.backend,
                self._ask,
                routing=file.routing,
                rules=file.rules,
                fallbacks=file.fallbacks,
                unavailable=file.unavailable,
            )
            for file in handout.files
        }

    def put_instead(self, nodeid: str, backend: str, reason: str) -> None:
        """Have another backend do a task than the one that was planned, the next time that it runs here.

        Args:
            nodeid: the task.
            backend: the name of the other one.
            reason: why it is this one.
        """
        self._instead[nodeid] = backend, reason

    def _choice(self, file: FileHandout, task: Task, context: AttemptContext) -> Choice:
        router = self._routers[file.nodeid]
        name, reason = self._instead.pop(f"{file.nodeid}::{task.id}", ("", ""))
        return Choice(router.named(name), reason) if name else router.explain(task, context)

    def run(self, file: FileHandout, task: Task, fixtures: Mapping[str, str]) -> TaskResult:
        """Run a task to its end.

        Args:
            file: the file that it stands in.
            task: the task.
            fixtures: environment variables that fixtures give.
        """
        if task.id in file.groups:
            return self._run_group(file, task, fixtures)
        context = self._context(file, task)
        try:
            choice = self._choice(file, task, context)
        except ModeratorError as error:
            status = TaskStatus.SKIPPED if isinstance(error, NoBackend) else TaskStatus.FAILED
            code = int(status is TaskStatus.FAILED)
            return TaskResult(
                task,
                code,
                status=status,
                attempts=0,
                worker=self._worker,
                error_message=str(error),
                category=ErrorCategory.CONFIGURATION if code else None,
            )
        context = _with_limits(context, task, file, choice.backend.name)
        if choice.backend.elsewhere:
            # What was done elsewhere is not on a branch of ours, and no better when we look again.
            task = replace(task, isolation=IsolationLevel.NONE, retries=0)
            context = self._context(file, task)
        context = context.but(backend_reason=choice.reason)
        return self._run(file, task, choice.backend, context, fixtures)

    def _run_group(self, file: FileHandout, task: Task, fixtures: Mapping[str, str]) -> TaskResult:
        """Verify a task whose sub-tasks have done its work; without ``verify`` there is nothing to do."""
        if not task.verify:
            return TaskResult(task, attempts=0, worker=self._worker)
        context = _with_limits(self._context(file, task), task, file)
        result = self._run(file, task, _SubTasks(), context, fixtures)
        return replace(result, backend=None)

    def _run(
        self,
        file: FileHandout,
        task: Task,
        backend: Backend,
        context: AttemptContext,
        fixtures: Mapping[str, str],
    ) -> TaskResult:
        git = self._handout.git
        if git is None or not context.isolation_level.has_branch:
            from pytest_moderator.attempt.run import run_task  # noqa: PLC0415 (only where tasks run)

            return run_task(task, backend, context, fixtures=fixtures)
        from pytest_moderator.attempt.on_branch import run_on_branch  # noqa: PLC0415 (most runs have no branches)

        name = name_of(self._handout, file, task)
        return run_on_branch(git, name, task, backend, context, fixtures=fixtures)

    def _tell(self, file: FileHandout, task: Task, payload: Mapping[str, object]) -> None:
        report = progress_report(f"{file.nodeid}::{task.id}", (file, task), payload)
        self._config.hook.pytest_runtest_logreport(report=report)

    def close(self) -> None:
        """Let go of what was opened."""
        for backend in dict.fromkeys((*self._backends, *self._configured)):
            try:
                backend.close()
            except Exception as error:  # noqa: BLE001 (a stranger's code; the others are to be closed as well)
                LOGGER.warning("close() of backend %r has raised %r: repair it", backend.name, error)

    @property
    def _configured(self) -> list[Backend]:
        return [backend for router in self._routers.values() for backend in router.backends]

    def _ask(self, task: Task, context: ExecutionContext) -> str | Backend | None:
        choice: str | Backend | None = self._config.hook.pytest_moderator_select_backend(
            task=task, context=context
        )
        return choice

    def _context(self, file: FileHandout, task: Task) -> AttemptContext:
        from pytest_moderator.attempt.run import tries_before  # noqa: PLC0415 (only where tasks run)

        place = context_of(self._handout, file, task)
        return place.but(
            attempt=1 + tries_before(place.directory),
            worker=self._worker,
            patience=PATIENCE,
            worker_directory=self._scratch_directory,
            launcher=self._launcher,
            progress=partial(self._tell, file, task),
        )

    @cached_property
    def _scratch_directory(self) -> Path:
        directory = tempfile.mkdtemp(prefix=f"moderator-{self._worker}-")
        # xdist ends a worker without giving pytest the time to clean up
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        return Path(directory)


class _SubTasks(Backend):
    """Stands for those that have done the work of a group."""

    name = "sub-tasks"

    def accepts(self, task: Task) -> bool:
        del task
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        del context
        return TaskResult(task)


RUNNER = pytest.StashKey[TaskRunner]()


def install_runner(config: pytest.Config, handout: Handout, backends: Sequence[Backend], worker: str) -> None:
    """Give this process a runner for its items, until pytest is done."""
    runner = config.stash[RUNNER] = TaskRunner(config, handout, backends, worker)
    config.add_cleanup(runner.close)


def place_of(handout: Handout, file: FileHandout, task: Task) -> ExecutionContext:
    """Make the place of a task in a run; a worktree is made when the task starts."""
    level = task.isolation or IsolationLevel.NONE
    if handout.git is None or not level.has_branch:
        return create_isolated_context(handout.context, task.id, level)
    from pytest_moderator.isolation.git_place import worktree_context  # noqa: PLC0415 (most runs have no branches)

    name = name_of(handout, file, task)
    return worktree_context(handout.git, name, level, handout.state_dir, handout.context.project_id)


def context_of(handout: Handout, file: FileHandout, task: Task) -> AttemptContext:
    """Make the place of a task's first attempt, as far as it does not matter which process runs it."""
    from pytest_moderator.backends.context import AttemptContext  # noqa: PLC0415 (only where tasks run)

    place = place_of(handout, file, task)
    return AttemptContext(
        **vars(place),
        run_id=handout.run_id,
        name=name_of(handout, file, task),
        directory=folder_of(handout, file, task),
        timeout=task.timeout,
        output_limit=file.output_limit,
        grace=file.grace,
        workspace=_workspace_of(place, handout),
        tasks_file=file.path,
        prerequisites={
            task_id: folder_of(handout, file, file.by_id[task_id])
            for task_id in task.depends_on
            if task_id in file.by_id
        },
        written=handout.written,
        purse=handout.directory / PURSE,
        withheld=handout.secrets.difference(task.secrets),
    )


def name_of(handout: Handout, file: FileHandout, task: Task) -> str:
    """Name a task in its run: by its id, unless tasks of several files have that."""
    return f"{file.nodeid}::{task.id}" if task.id in handout.ambiguous else task.id


def folder_of(handout: Handout, file: FileHandout, task: Task) -> Path:
    """Name the folder of a task's logs."""
    return handout.folders / folder_name(handout, file, task)


def folder_name(handout: Handout, file: FileHandout, task: Task) -> str:
    """Name it among those of its run."""
    return sanitise_id(name_of(handout, file, task))


def _with_limits(context: AttemptContext, task: Task, file: FileHandout, backend: str = "") -> AttemptContext:
    """Add what a task may use, and what a further attempt begins with.

    That is as the task says, as it is set for its backend, or for all tasks of its file.
    """
    settings = file.backends.get(backend, {})
    said: dict[str, Any] = {
        "patience": -1.0 if settings.keys() & _COUNTED else None,
        "refresh": task.refresh or settings.get("refresh") or file.refresh,
        "reductions": {**file.reduced, **settings.get("reduced", {}), **task.reduced},
        "memory": settings.get("memory") or file.memory,
    }
    said = {name: value for name, value in said.items() if value}
    return context.but(**said) if said else context


def _workspace_of(place: ExecutionContext, handout: Handout) -> Path:
    """Give the project's root as the task has it: a worktree has one of its own."""
    return place.working_directory if place.isolation_level.has_branch else handout.root
