"""Whether a task is done: what its ``verify:`` names is run by us, whatever the backend has said."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_moderator.attempt.launcher import TIMED_OUT, LocalLauncher, note
from pytest_moderator.attempt.output import clean
from pytest_moderator.backends.base import ProcessSpec
from pytest_moderator.backends.process import describe_failure, tell_process
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import ErrorCategory, TaskResult, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext, ProcessOutcome
    from pytest_moderator.model import Task

PASSED = "passed"
FAILED = "failed"

_NODE_ID = re.compile(r"[\w./][\w./-]*\.py(::\w[\w.:]*(\[.*\])?)?")
_PYTEST = re.compile(r"(pytest|py\.test)(?=\s|$)")
_LAST_OUTPUT = 6000  # bytes of a verification's output that are told


class VerificationError(ModeratorError):
    """What a backend has called done is not.

    Attributes:
        category: what failed tasks are sorted by.
        exit_code: of the command that failed.
    """

    category = ErrorCategory.VERIFICATION

    def __init__(self, check: str, why: str, exit_code: int, before: str = "the backend said done, ") -> None:
        """Name the command and what came of it, and what came before it."""
        self.exit_code = exit_code
        super().__init__(clean(f"{before}verification failed: {why} ({check})"))


class Verification:
    """Runs what shows that a task is done, and remembers what came of it.

    Args:
        task: the task.
        context: the attempt that the backend has ended, with its environment.
        deadline: the end of the task's time on the clock of the attempt; ``None`` for no limit.
    """

    def __init__(self, task: Task, context: AttemptContext, deadline: float | None) -> None:
        self._task = task
        self._context = context
        self._deadline = deadline
        self._error: VerificationError | None = None
        self._rounds = 0
        self._passed = False

    def __call__(self, directory: Path) -> None:
        """Run the commands one after another, up to the first that fails.

        Args:
            directory: where they are run.

        Raises:
            VerificationError: one has failed.
            OSError: the log cannot be written.
        """
        self._rounds += 1
        self._passed = False
        again = " (with what other tasks have merged)" if self._rounds > 1 else ""
        for check in self._task.verify:
            note(self._context.verify_log, f"$ {check}{again}\n", self._context.masker)
            outcome = self._run(check, directory)
            if outcome.exit_code or outcome.error:
                raise self._failed(f"{check}{again}", outcome)
        self._passed = True

    def _failed(self, check: str, outcome: ProcessOutcome) -> VerificationError:
        code, why = outcome.exit_code or 1, self._why(outcome)
        nobody = {"before": ""} if self._task.checkpoint else {}
        self._error = VerificationError(check, why, code, **nobody)
        return self._error

    def in_place(self, result: TaskResult) -> TaskResult:
        """Verify where the backend has worked, and give the result that the task has then."""
        try:
            self(self._context.working_directory)
        except (VerificationError, OSError) as error:
            category = getattr(error, "category", ErrorCategory.RESOURCE)
            return replace(
                result, status=TaskStatus.FAILED, exit_code=1, error_message=str(error), category=category
            )
        return result

    def told(self, result: TaskResult) -> TaskResult:
        """Add to a result what came of the verification, if it has come to that."""
        if self._error is None:
            return replace(result, verification=PASSED) if self._passed else result
        return replace(
            result,
            exit_code=self._error.exit_code,
            verification=FAILED,
            verification_output=end_of(self._context.verify_log),
        )

    def _run(self, check: str, directory: Path) -> ProcessOutcome:
        context = self._context
        spec = ProcessSpec(
            argv=argv_of(check),
            cwd=directory,
            env=context.environment,
            stdout=context.verify_log,
            stderr=context.verify_log,
            timeout=context.left(self._deadline),
            grace=context.grace,
            lasting=partial(tell_process, context) if context.progress else None,
            filter=context.filter,
            memory=context.memory,
        )
        return (context.launcher or LocalLauncher()).run(spec)

    def _why(self, outcome: ProcessOutcome) -> str:
        if outcome.exit_code == TIMED_OUT and outcome.timed_out:
            return f"the time limit of {self._context.timeout:g} s was over"
        return describe_failure(outcome, self._context.timeout)


def argv_of(check: str) -> tuple[str, ...]:
    """Say how an entry of ``verify:`` is run.

    Args:
        check: a test file or the node id of a test, for pytest; a command for ``sh -e`` otherwise, in which
            ``pytest`` as the first word is the pytest of the Python that runs this one.
    """
    check = check.strip()
    if _NODE_ID.fullmatch(check):
        return (sys.executable, "-m", "pytest", "-q", check)
    if named := _PYTEST.match(check):
        check = f"{shlex.quote(sys.executable)} -m pytest{check[named.end() :]}"
    return ("sh", "-e", "-c", check, "sh")


def end_of(log: Path) -> str:
    """Read the end of a log, cleaned for display; of a long one, without the line that is cut.

    One that is not there any more is empty: what is verified may have removed it.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LAST_OUTPUT))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    if size > _LAST_OUTPUT:
        text = f"…\n{text.partition(chr(10))[2] or text}"
    return clean(text)
