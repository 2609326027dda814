"""One task on a branch of its own: its place is made, it is tried there, and what it did is merged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.attempt.categories import hint_of
from pytest_moderator.attempt.environment import task_environment
from pytest_moderator.attempt.launcher import LocalLauncher
from pytest_moderator.attempt.run import run_task
from pytest_moderator.attempt.secrecy import masked_result, with_masker
from pytest_moderator.backends.base import ProcessSpec
from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.git_place import GitPlace
from pytest_moderator.model import Attempt, ErrorCategory, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext, Backend
    from pytest_moderator.isolation.git_run import GitRun
    from pytest_moderator.model import Task

_MOST_CONFLICTS = 5
SETUP_LOG = "setup.log"


def run_on_branch(
    run: GitRun,
    name: str,
    task: Task,
    backend: Backend,
    context: AttemptContext,
    *,
    fixtures: Mapping[str, str] | None = None,
) -> TaskResult:
    """Run a task in a worktree, and merge what it did before anybody hears that it has ended.

    Args:
        run: the run.
        name: the task's id, or another text that no other task of the run has.
        task: the task.
        backend: what runs it.
        context: where it is tried, as :func:`~pytest_moderator.isolation.git_place.worktree_context` names it.
        fixtures: what the task's fixtures add to its environment.

    Returns:
        The result; a failure where the place could not be made, or the work could not be merged.
    """
    context = with_masker(task, context, fixtures)
    with GitPlace(run, task, name, context.tasks_file.resolve(), goes_on=backend.goes_on) as place:
        result = _run(place, run, task, backend, context, fixtures=fixtures)
    return masked_result(result, context.masker)


def _run(
    place: GitPlace,
    run: GitRun,
    task: Task,
    backend: Backend,
    context: AttemptContext,
    *,
    fixtures: Mapping[str, str] | None,
) -> TaskResult:
    again = run.resumed or context.directory.exists()

    def setup(command: str, directory: Path) -> None:
        _set_up(command, task, replace(context, working_directory=directory), fixtures)

    try:
        commit = place.prepare(attempt=context.attempt, again=again, setup=setup)
        context.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (ModeratorError, OSError) as error:
        return _not_started(task, context, str(error))
    if commit is not None:
        note = "it had completed and was merged before; only its end was not reported"
        attempts = max(1, context.attempt - 1)
        return TaskResult(
            task,
            attempts=attempts,
            backend_reason=context.backend_reason,
            worker=context.worker,
            commit=commit,
            notes=(note,),
        )
    context = replace(context, put_back=place.put_back)
    result = _try(place, task, backend, context, fixtures)
    if run.options.on_conflict != "retry":
        return result
    return _try_after_conflicts(place, task, backend, context, result=result, fixtures=fixtures)


def _try_after_conflicts(
    place: GitPlace,
    task: Task,
    backend: Backend,
    context: AttemptContext,
    *,
    result: TaskResult,
    fixtures: Mapping[str, str] | None,
) -> TaskResult:
    """Have a task whose work could not be merged begin anew, from what the others have done."""
    for _ in range(_MOST_CONFLICTS):
        if result.category != ErrorCategory.CONFLICT:
            break
        from pytest_moderator.attempt.budgets import why_spent  # noqa: PLC0415 (conflicts are rare)

        if spent := why_spent(task, replace(context, used=result.usage)):
            return replace(result, error_message=f"{result.error_message}; not tried again, as {spent}")
        attempt = result.attempts + 1
        try:
            place.start_over(attempt)
        except (ModeratorError, OSError) as error:
            return replace(result, error_message=f"{result.error_message}; {error}")
        feedback = result.error_message or ""
        context = replace(context, attempt=attempt, feedback=feedback, put_back=True, used=result.usage)
        result = _after(result, _try(place, task, backend, context, fixtures))
    return result


def _try(
    place: GitPlace,
    task: Task,
    backend: Backend,
    context: AttemptContext,
    fixtures: Mapping[str, str] | None,
) -> TaskResult:
    """Try a task as often as it may be; what a try has completed is verified and merged as part of it."""
    result = run_task(task, backend, context, fixtures=fixtures, renew=place.renew, finish=place.settle)
    if result.status is TaskStatus.PAUSED:
        return replace(result, worktree=place.path, branch=place.branch)  # the next try goes on there
    unsettled = result.worktree is None or result.category == ErrorCategory.VERIFICATION
    if result.status is TaskStatus.COMPLETED or not unsettled:
        return result
    return place.settle(replace(result, worktree=None, branch=None))


def _after(before: TaskResult, result: TaskResult) -> TaskResult:
    """Count what a task has used before it was tried again."""
    usage = result.usage.plus(before.usage) if result.usage and before.usage else result.usage or before.usage
    conflict = Attempt(before.attempts, before.category, before.error_message or "", before.duration_seconds)
    cpu = [seconds for seconds in (before.cpu_seconds, result.cpu_seconds) if seconds is not None]
    return replace(
        result,
        started_at=before.started_at,
        duration_seconds=before.duration_seconds + result.duration_seconds,
        cpu_seconds=sum(cpu) if cpu else None,
        usage=usage,
        attempts_log=(*before.attempts_log, conflict, *result.attempts_log),
    )


def _set_up(command: str, task: Task, context: AttemptContext, fixtures: Mapping[str, str] | None) -> None:
    """Run the setup command of a fresh worktree.

    Raises:
        ModeratorError: it failed.
    """
    context.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = context.directory / SETUP_LOG
    spec = ProcessSpec(
        argv=("sh", "-e", "-c", command),
        cwd=context.working_directory,
        env=task_environment(task, context, fixtures),
        stdout=log,
        stderr=log,
        timeout=context.timeout,
        grace=context.grace,
        filter=context.filter,
    )
    outcome = (context.launcher or LocalLauncher()).run(spec)
    if outcome.exit_code:
        why = outcome.error or f"exit code {outcome.exit_code}"
        raise ModeratorError(f"the setup command {command!r} failed: {why}; see {log}")


def _not_started(task: Task, context: AttemptContext, message: str) -> TaskResult:
    return TaskResult(
        task,
        exit_code=1,
        status=TaskStatus.FAILED,
        attempts=0,
        backend_reason=context.backend_reason,
        worker=context.worker,
        error_message=message,
        category=ErrorCategory.CONFIGURATION,
        hint=hint_of(ErrorCategory.CONFIGURATION),
    )
