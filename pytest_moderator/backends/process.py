"""For backends that run a process: from arguments to a result."""

from __future__ import annotations

import contextlib
import signal
from functools import partial
from typing import TYPE_CHECKING

from pytest_moderator.attempt.launcher import SIGNALLED, LocalLauncher
from pytest_moderator.attempt.output import excerpt
from pytest_moderator.backends.base import ProcessSpec
from pytest_moderator.holder import Holder
from pytest_moderator.model import TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_moderator.backends.base import AttemptContext, ProcessOutcome
    from pytest_moderator.model import Task


def run_process(
    context: AttemptContext, argv: Sequence[str], *, timeout: float | None = None
) -> ProcessOutcome:
    """Run a process in a task's place: its directory, environment and logs.

    Args:
        context: the place.
        argv: program and arguments.
        timeout: limit in seconds; that of the context without it.
    """
    launcher = context.launcher or LocalLauncher()
    return launcher.run(
        ProcessSpec(
            argv=tuple(argv),
            cwd=context.working_directory,
            env=context.environment,
            stdout=context.stdout_log,
            stderr=context.stderr_log,
            timeout=context.timeout if timeout is None else timeout,
            grace=context.grace,
            lasting=partial(tell_process, context) if context.progress else None,
            filter=context.filter,
            memory=context.memory,
        )
    )


def tell_process(context: AttemptContext, pid: int) -> None:
    """Tell of a process that lasts, so that it can be found after a crash of ours even without its mark."""
    process = Holder.of(pid)
    if context.progress is not None and process is not None:
        context.progress({"kind": "attempt_running", "attempt": context.attempt, **process.facts})


def process_result(
    task: Task,
    context: AttemptContext,
    outcomes: Sequence[ProcessOutcome],
    *,
    backend: str,
    error_message: str | None = None,
) -> TaskResult:
    """Make a result of the processes that ran one after another, of which the last one decides.

    Args:
        task: the task.
        context: its place, with the logs.
        outcomes: how the processes ended, one at least.
        backend: name of the backend.
        error_message: what to say of a failure, where more is known than the exit code.
    """
    last = outcomes[-1]
    failed = last.exit_code != 0 or last.error is not None or last.stopped is not None
    category = None
    if last.error is not None:
        from pytest_moderator.attempt.categories import category_of_start  # noqa: PLC0415 (few need it)

        category = category_of_start(last)
    leftovers = ", ".join(name for outcome in outcomes for name in outcome.leftovers)
    stderr = excerpt(context.stderr_log, context.output_limit)
    if leftovers:
        stderr += f"moderator: ended what the task had left behind: {leftovers}\n"
    return TaskResult(
        task=task,
        exit_code=last.exit_code,
        stdout=excerpt(context.stdout_log, context.output_limit),
        stderr=stderr,
        duration_seconds=sum(outcome.duration_seconds for outcome in outcomes),
        artifacts_path=context.artifacts,
        error_message=(error_message or describe_failure(last, context.timeout)) if failed else None,
        status=TaskStatus.FAILED if failed else TaskStatus.COMPLETED,
        attempts=context.attempt,
        backend=backend,
        worker=context.worker,
        cpu_seconds=_sum([outcome.cpu_seconds for outcome in outcomes]),
        max_rss_bytes=max((outcome.max_rss_bytes or 0 for outcome in outcomes), default=0) or None,
        category=category,
    )


def describe_failure(outcome: ProcessOutcome, timeout: float | None) -> str:
    """Say why a process failed: ``exit code 3``, ``exit code 137 (SIGKILL)``, ``timed out after 2 s``."""
    if outcome.error is not None:
        return outcome.error
    if outcome.stopped is not None:
        return outcome.stopped
    if outcome.timed_out:
        return f"timed out after {timeout:g} s"
    with contextlib.suppress(ValueError):
        return f"exit code {outcome.exit_code} ({signal.Signals(outcome.exit_code - SIGNALLED).name})"
    return f"exit code {outcome.exit_code}"


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
