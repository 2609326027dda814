"""Trying a task: its folder, its environment, its backend, its result."""

from __future__ import annotations

import contextlib
import itertools
import time
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_moderator.attempt.environment import given_names, task_environment
from pytest_moderator.attempt.output import clean
from pytest_moderator.attempt.secrecy import masked_result, with_masker
from pytest_moderator.attempt.signs import CANCELLED
from pytest_moderator.attempt.tries import Tries
from pytest_moderator.clock import now, shown_after
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Attempt, ErrorCategory, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext, Backend
    from pytest_moderator.model import Task, Usage

    Renew = Callable[[int], bool]
    Finish = Callable[[TaskResult, Callable[[Path], None] | None], TaskResult]


def run_task(
    task: Task,
    backend: Backend,
    context: AttemptContext,
    *,
    retries: int | None = None,
    fixtures: Mapping[str, str] | None = None,
    renew: Renew | None = None,
    finish: Finish | None = None,
) -> TaskResult:
    """Try a task until it does not fail, or its tries are used up.

    Every try finds a folder of its own making: ``context.directory`` with ``artifacts`` in it, both for
    their owner only. The logs of the last try are ``stdout.log`` and ``stderr.log``, those of earlier ones
    ``stdout.1.log`` and so on. When the backend has succeeded, what the task's ``verify`` names is run as part of the
    try, with the rest of its time, into ``verify.log``.

    Args:
        task: the task; its own ``timeout``, ``retries`` and ``memory`` win over those given here.
        backend: what runs it. An exception that it raises is a failure with the traceback in ``stderr``.
        context: where it is tried; ``attempt`` is the number of the first try. Its ``environment`` is made
            here, for each try.
        retries: how many tries may follow the very first one, whatever made it fail; there is one now in any case.
            Without it, the kind of the failure decides (:func:`~pytest_moderator.attempt.retrying.retries_of`).
        fixtures: what the task's fixtures add to its environment.
        renew: makes the place ready for a further try, is given its number, and says whether that begins anew.
        finish: brings home what a backend has done, and calls what verifies it, if there is something; when it gives
            a failure of another kind than ``verification``, the task is not tried again.

    Returns:
        The result of the last try, with the times and the usage of all, and without the task's secrets. It is
        ``paused`` when the next one is due later than ``context.patience`` allows to wait for it here, or the backend
        has a limit until then: whoever calls this again then, in whatever process, has it go on.
    """
    retries = retries if task.retries is None else task.retries
    context = with_masker(task, _with_limits(task, context), fixtures)
    tries = Tries.before(context.directory) if context.attempt > 1 else Tries()
    tries.started_at = tries.started_at or now()
    tries.feedback = context.feedback or tries.feedback
    context = _informed(context, tries)
    first = context.attempt
    following = Following()
    for attempt in itertools.count(first):
        begun = time.monotonic()
        context = context.but(attempt=attempt)
        tried = _Try(task, backend, context, fixtures, renew if attempt > first else None, finish)
        result = masked_result(tried.run(), context.masker)
        duration = time.monotonic() - begun
        tries.add(result, duration)
        context = context.but(used=used_so_far(context, result))
        if result.status is not TaskStatus.FAILED:
            break
        result = _sorted(result, context)
        tries.last, tries.feedback = attempt, _feedback(result)
        left = None if retries is None else retries + 1 - attempt
        following = Following("") if tried.final else _what_follows(tried, result, context, tries.log, left)
        if following.stop is None:
            tries.log.append(Attempt(attempt, result.category, _why(result), duration))
            context = _informed(context, tries)
        if not following.at_once:
            break
    following = _keep(tries, result, context, following)
    return _of_all_tries(_stopped(result, following), task, backend, context, tries)


@dataclass(frozen=True)
class Following:
    """What follows a failed try.

    Attributes:
        stop: why there is no other try, or an empty text where that needs no words; ``None`` where there is one.
        later: seconds until the next one, where that is too long to wait here.
    """

    stop: str | None = None
    later: float | None = None

    @property
    def at_once(self) -> bool:
        """Whether the next one follows here and now."""
        return self.stop is None and self.later is None


def _with_limits(task: Task, context: AttemptContext) -> AttemptContext:
    """Let the task's own limits win, and have its logs found from everywhere."""
    if not context.directory.is_absolute():
        context = replace(context, directory=context.directory.absolute())
    timeout = context.timeout if task.timeout is None else task.timeout
    return context.but(timeout=timeout, memory=task.memory or context.memory)


def _informed(context: AttemptContext, tries: Tries) -> AttemptContext:
    """Tell the next try what came of those before."""
    return context.but(feedback=tries.feedback, used=context.used or tries.usage, reduced=tries.reduced)


def _keep(tries: Tries, result: TaskResult, context: AttemptContext, following: Following) -> Following:
    """Leave to a later process what it has to know; where that is impossible it would try for ever."""
    if result.status is TaskStatus.FAILED:
        try:
            tries.keep(context.directory, goes_on=following.stop is None)
        except OSError as error:
            if following.stop is None:
                return Following(f"not tried again, as nobody could count its attempts: {error}")
    elif context.attempt > 1:
        tries.forget(context.directory)
    return following


def _stopped(result: TaskResult, following: Following) -> TaskResult:
    """Say in the result of the last try why no other one follows here."""
    if following.later is not None:
        again_at = shown_after(following.later)
        return replace(result, status=TaskStatus.PAUSED, error_message=_why(result), again_at=again_at)
    return replace(result, error_message=f"{_why(result)}; {following.stop}") if following.stop else result


def _of_all_tries(
    result: TaskResult, task: Task, backend: Backend, context: AttemptContext, tries: Tries
) -> TaskResult:
    """Say in the result of the last try what is known of all, and where they were made."""
    return replace(
        result,
        task=task,
        attempts=context.attempt,
        backend=backend.name,
        backend_reason=context.backend_reason,
        worker=context.worker,
        artifacts_path=context.artifacts,
        started_at=tries.started_at,
        finished_at=now(),
        duration_seconds=tries.duration,
        cpu_seconds=tries.cpu,
        max_rss_bytes=tries.max_rss,
        usage=tries.usage,
        attempts_log=tuple(tries.log),
        notes=(*result.notes, *_too_dear(task, result, context)),
    )


def used_so_far(context: AttemptContext, result: TaskResult) -> Usage | None:
    """Add up what the attempts of a task have used.

    Args:
        context: that of the last one, which knows what those before have used.
        result: of the last one.
    """
    if context.used is None or result.usage is None:
        return context.used or result.usage
    return context.used.plus(result.usage)


def _too_dear(task: Task, result: TaskResult, context: AttemptContext) -> Iterator[str]:
    """Note that a task which has succeeded has used up its budget, or more."""
    if task.budget and result.status is TaskStatus.COMPLETED:
        from pytest_moderator.attempt.budgets import own_budget_spent  # noqa: PLC0415 (few tasks have a budget)

        if spent := own_budget_spent(task, context.used):
            yield spent


def _sorted(result: TaskResult, context: AttemptContext) -> TaskResult:
    """Say what kind of failure it is, if nobody has, and what to do about it."""
    from pytest_moderator.attempt.categories import category_of_exit, hint_of  # noqa: PLC0415 (only where it fails)

    category = result.category or category_of_exit(result.exit_code)
    if (context.directory / CANCELLED).exists():
        category = ErrorCategory.CANCELLED
    return replace(result, category=str(category), hint=hint_of(category))


def _what_follows(
    tried: _Try, result: TaskResult, context: AttemptContext, log: list[Attempt], left: int | None
) -> Following:
    from pytest_moderator.attempt.retrying import what_follows  # noqa: PLC0415 (only where something fails)

    return what_follows(tried.task, result, context, before=log, left=left, fixtures=tried.fixtures)


@dataclass
class _Try:
    """One try; whatever goes wrong in it is a result, except what is meant to end the run.

    Attributes:
        final: whether another try would be of no use: the backend has succeeded, and so has what verifies it.
    """

    task: Task
    backend: Backend
    context: AttemptContext
    fixtures: Mapping[str, str] | None
    renew: Renew | None
    finish: Finish | None
    final: bool = False

    def run(self) -> TaskResult:
        """Try once."""
        deadline = self.context.deadline()
        result = self._execute()
        if result.status is not TaskStatus.COMPLETED or not (self.finish or self.task.verify):
            return result
        result = self._bring_home(result, deadline)
        self.final = result.category != ErrorCategory.VERIFICATION
        return result

    def _execute(self) -> TaskResult:
        task, backend, fixtures = self.task, self.backend, self.fixtures
        try:
            if self.renew is not None:
                self.context = self.context.but(put_back=self.renew(self.context.attempt))
            _make_folder(self.context)
            given = given_names(task, self.context, fixtures)
            environment = task_environment(task, self.context, fixtures)
            self.context = self.context.but(environment=environment, given=given)
            result = backend.execute(task, self.context)
        except (ModeratorError, OSError) as error:
            return _failure(task, str(error), error)
        except Exception as error:  # noqa: BLE001 (a stranger's code; the traceback is in the result)
            return _failure(task, _brief(backend, error), error, traceback.format_exc())
        if not isinstance(result, TaskResult) or not result.status.ended:
            return _failure(task, f"backend {backend.name!r} gave {result!r} instead of a result")
        return result

    def _bring_home(self, result: TaskResult, deadline: float | None) -> TaskResult:
        """Verify what the backend has called done, and have it merged where that is due."""
        result = replace(result, attempts=self.context.attempt, backend=self.backend.name)
        if not self.task.verify:
            return result if self.finish is None else self.finish(result, None)
        from pytest_moderator.attempt.verification import Verification  # noqa: PLC0415 (most tasks have none)

        verification = Verification(self.task, self.context, deadline)
        if self.finish is None:
            return verification.told(verification.in_place(result))
        return verification.told(self.finish(result, verification))


def _make_folder(context: AttemptContext) -> None:
    """Make the task's folder, and put away the logs of the one before."""
    try:
        context.directory.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        for log in (context.stdout_log, context.stderr_log, context.verify_log):
            with contextlib.suppress(FileNotFoundError):
                log.rename(log.with_suffix(f".{context.attempt - 1}.log"))
    context.artifacts.mkdir(mode=0o700, exist_ok=True)


def tries_before(directory: Path) -> int:
    """Count the tries that a task's folder tells of, also those of a process that has died in one.

    Args:
        directory: the task's folder; need not exist.
    """
    if not directory.exists():
        return 0
    return max(len(list(directory.glob("stdout*.log"))), Tries.before(directory).last)


def _failure(task: Task, message: str, error: Exception | None = None, stderr: str = "") -> TaskResult:
    from pytest_moderator.attempt.categories import category_of_error  # noqa: PLC0415 (only where something fails)

    return TaskResult(
        task,
        exit_code=1,
        status=TaskStatus.FAILED,
        error_message=clean(message),
        stderr=clean(stderr),
        category=None if error is None else category_of_error(error),
    )


def _feedback(result: TaskResult) -> str:
    """Tell the next try why this one failed."""
    why = _why(result)
    return f"{why}\n\n{result.verification_output}" if result.verification_output else why


def _why(result: TaskResult) -> str:
    return result.error_message or f"exit code {result.exit_code}"


def _brief(backend: Backend, error: Exception) -> str:
    """Say in a line what a backend raised."""
    summary = traceback.format_exception_only(error)[-1].strip()
    return f"backend {backend.name!r} raised {summary}"
