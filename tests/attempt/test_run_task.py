"""Tries of a task: folders, logs, retries, and that nothing a backend does is an exception."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import run_task, tries_before
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Command, Task, TaskResult, TaskStatus, Usage

if TYPE_CHECKING:
    from collections.abc import Callable


def task_of(script: str, **values: Any) -> Task:
    return Task("T001", "A task", 3, commands=(Command("sh", script, 4),), **values)


class Scripted(Backend):
    """Answers each try with the next of its answers."""

    name = "scripted"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.contexts: list[AttemptContext] = []

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        self.contexts.append(context)
        answer: Callable[[], TaskResult] | TaskResult = self.answers.pop(0)
        return answer() if callable(answer) else answer


TASK = Task("T001", "A task", 3)
FAILED = TaskResult(TASK, exit_code=1, status=TaskStatus.FAILED, cpu_seconds=1.0, max_rss_bytes=300)
DONE = TaskResult(TASK, cpu_seconds=0.5, max_rss_bytes=200)


def raising(error: BaseException) -> Callable[[], TaskResult]:
    def answer() -> TaskResult:
        raise error

    return answer


def test_a_whole_result(place: AttemptContext) -> None:
    before = datetime.now(UTC).isoformat(timespec="milliseconds")
    task = task_of("echo out; echo err >&2; echo kept > $MODERATOR_ARTIFACTS/file")
    result = run_task(task, ShellBackend(), dataclasses.replace(place, worker="gw3"))
    assert result.started_at
    assert result.finished_at
    assert before <= result.started_at <= result.finished_at
    assert datetime.fromisoformat(result.finished_at).tzinfo is UTC
    assert result.cpu_seconds is not None
    assert result == TaskResult(
        task,
        stdout="out\n",
        stderr="err\n",
        duration_seconds=result.duration_seconds,
        artifacts_path=place.artifacts,
        backend="shell",
        worker="gw3",
        started_at=result.started_at,
        finished_at=result.finished_at,
        cpu_seconds=result.cpu_seconds,
    )
    assert (place.artifacts / "file").read_text() == "kept\n"
    assert TaskResult.from_dict(result.to_dict()) == result


def test_folders_are_private(place: AttemptContext) -> None:
    run_task(task_of("true"), ShellBackend(), place)
    assert place.directory.stat().st_mode & 0o777 == 0o700
    assert place.artifacts.stat().st_mode & 0o777 == 0o700


def test_a_failed_try_is_repeated_and_its_logs_stay(place: AttemptContext) -> None:
    script = "echo try $MODERATOR_ATTEMPT; test $MODERATOR_ATTEMPT -eq 3"
    result = run_task(task_of(script), ShellBackend(), place, retries=5)
    assert (result.status, result.attempts, result.stdout) == (TaskStatus.COMPLETED, 3, "try 3\n")
    logs = {path.name: path.read_text() for path in place.directory.glob("stdout*")}
    assert logs == {"stdout.log": "try 3\n", "stdout.1.log": "try 1\n", "stdout.2.log": "try 2\n"}


@pytest.mark.parametrize(("own", "given", "tries"), [(None, 0, 1), (None, 2, 3), (1, 5, 2), (0, 5, 1)])
def test_how_often(place: AttemptContext, own: int | None, given: int, tries: int) -> None:
    backend = Scripted(*[FAILED] * 10)
    result = run_task(dataclasses.replace(TASK, retries=own), backend, place, retries=given)
    assert (result.status, result.attempts) == (TaskStatus.FAILED, tries)
    assert [context.attempt for context in backend.contexts] == list(range(1, tries + 1))
    assert result.cpu_seconds == tries
    assert result.max_rss_bytes == 300


def test_tries_go_on_counting(place: AttemptContext) -> None:
    backend = Scripted(FAILED, DONE)
    result = run_task(TASK, backend, dataclasses.replace(place, attempt=4), retries=4)
    assert result.attempts == 5
    assert result.cpu_seconds == 1.5
    assert [context.environment["MODERATOR_ATTEMPT"] for context in backend.contexts] == ["4", "5"]


def test_a_try_that_is_not_left_is_made_once(place: AttemptContext) -> None:
    backend = Scripted(FAILED, DONE)
    result = run_task(TASK, backend, dataclasses.replace(place, attempt=4), retries=1)
    assert (result.status, result.attempts) == (TaskStatus.FAILED, 4)


def test_the_folder_tells_of_tries(place: AttemptContext) -> None:
    assert tries_before(place.directory) == 0
    task = dataclasses.replace(TASK, commands=(Command("sh", "exit 1\n", 1),))
    assert run_task(task, ShellBackend(), place, retries=2).attempts == 3
    assert tries_before(place.directory) == 3
    (place.directory / "stdout.log").rename(place.directory / "stdout.3.log")  # and then we were killed
    assert tries_before(place.directory) == 3


def test_a_skipped_task_is_not_tried_again(place: AttemptContext) -> None:
    skipped = dataclasses.replace(DONE, status=TaskStatus.SKIPPED, error_message="not today")
    result = run_task(TASK, Scripted(skipped), place, retries=3)
    assert (result.status, result.error_message, result.attempts) == (TaskStatus.SKIPPED, "not today", 1)


@pytest.mark.parametrize(("own", "limit"), [(None, 60.0), (5.0, 5.0)])
def test_the_task_knows_its_limit_best(place: AttemptContext, own: float | None, limit: float) -> None:
    backend = Scripted(DONE)
    run_task(dataclasses.replace(TASK, timeout=own), backend, place)
    assert backend.contexts[0].timeout == limit


def test_fixtures_reach_the_task(place: AttemptContext) -> None:
    result = run_task(
        task_of("echo $A $B", env={"B": "task"}), ShellBackend(), place, fixtures={"A": "a", "B": "b"}
    )
    assert result.stdout == "a task\n"


def test_what_a_backend_raises_is_a_failure(place: AttemptContext) -> None:
    backend = Scripted(raising(LookupError("no\x1b[31m way")), DONE)
    result = run_task(TASK, backend, place)
    assert result.status is TaskStatus.FAILED
    assert result.exit_code == 1
    assert result.error_message == "backend 'scripted' raised LookupError: no way"
    assert "Traceback" in result.stderr
    assert "in answer" in result.stderr


def test_what_a_backend_explains_needs_no_traceback(place: AttemptContext) -> None:
    result = run_task(TASK, Scripted(raising(ModeratorError("the server is down: start it"))), place)
    assert (result.error_message, result.stderr) == ("the server is down: start it", "")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(2)])
def test_what_ends_a_run_passes_through(place: AttemptContext, error: BaseException) -> None:
    with pytest.raises(type(error)):
        run_task(TASK, Scripted(raising(error)), place, retries=3)


@pytest.mark.parametrize("answer", [None, "done", dataclasses.replace(DONE, status=TaskStatus.RUNNING)])
def test_what_is_no_result_is_a_failure(place: AttemptContext, answer: Any) -> None:
    result = run_task(TASK, Scripted(answer), place)
    assert result.status is TaskStatus.FAILED
    assert result.error_message
    assert "instead of a result" in result.error_message


def test_a_bad_variable_is_a_failure_of_the_task(place: AttemptContext) -> None:
    result = run_task(task_of("true", env={"A": "a\0b"}), ShellBackend(), place)
    assert result.error_message == "environment variable 'A' has a NUL character in its value: take it out"


def test_no_folder_is_a_failure_of_the_task(place: AttemptContext) -> None:
    place.directory.parent.parent.write_text("in the way")
    result = run_task(task_of("true"), ShellBackend(), place)
    assert result.status is TaskStatus.FAILED
    assert "Not a directory" in (result.error_message or "")


def test_what_all_tries_used_counts(place: AttemptContext) -> None:
    first = dataclasses.replace(FAILED, usage=Usage(cost_usd=1.0, session_id="one"))
    last = dataclasses.replace(DONE, usage=Usage(cost_usd=0.25, turns=3))
    result = run_task(TASK, Scripted(first, FAILED, last), place, retries=2)
    assert result.usage == Usage(cost_usd=1.25, turns=3, session_id="one")


def test_a_try_is_told_why_the_one_before_failed(place: AttemptContext) -> None:
    backend = Scripted(dataclasses.replace(FAILED, error_message="no, not so"), FAILED, DONE)
    run_task(TASK, backend, place, retries=2)
    assert [context.feedback for context in backend.contexts] == ["", "no, not so", "exit code 1"]


def test_a_try_is_told_what_it_was_given_on_purpose(place: AttemptContext) -> None:
    backend = Scripted(DONE)
    run_task(dataclasses.replace(TASK, env={"MINE": "1"}), backend, place, fixtures={"URL": "x"})
    assert backend.contexts[0].given == {"MINE", "URL"}
