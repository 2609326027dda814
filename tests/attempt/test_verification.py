"""What shows that a task is done, whatever its backend says."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import run_task
from pytest_moderator.attempt.verification import argv_of, end_of
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.model import Command, Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path


def task_of(*checks: str, script: str = "true\n", **values: Any) -> Task:
    return Task("T001", "A task", 3, commands=(Command("sh", script, 4),), verify=checks, **values)


class Told(Backend):
    """Says done, and keeps what it was told."""

    name = "told"

    def __init__(self) -> None:
        self.feedback: list[str] = []

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        self.feedback.append(context.feedback)
        return TaskResult(task)


@pytest.mark.parametrize(
    ("check", "arguments"),
    [
        ("tests/test_a.py", ("-q", "tests/test_a.py")),
        (" ./test_a.py::test_b ", ("-q", "./test_a.py::test_b")),
        ("test_a.py::TestB::test_c[a b-1]", ("-q", "test_a.py::TestB::test_c[a b-1]")),
    ],
)
def test_tests_are_for_pytest(check: str, arguments: tuple[str, ...]) -> None:
    assert argv_of(check) == (sys.executable, "-m", "pytest", *arguments)


@pytest.mark.parametrize(
    "check", ["python check.py", "test -e a.py", "-x.py", "a.py && b.py", "pytester", "a.py::"]
)
def test_commands_are_for_a_shell(check: str) -> None:
    assert argv_of(check) == ("sh", "-e", "-c", check, "sh")


@pytest.mark.parametrize("rest", ["", " -x 'a b.py'", " tests && ruff check"])
def test_pytest_is_that_of_this_python(rest: str) -> None:
    assert argv_of(f"pytest{rest}")[3] == f"{sys.executable} -m pytest{rest}"


def test_a_task_is_done_when_all_checks_pass(place: AttemptContext) -> None:
    checks = ("test -e made; echo one", 'echo "$MODERATOR_TASK_ID $COLOUR" >&2')
    task = task_of(*checks, script="touch made\n", env={"COLOUR": "teal"})
    result = run_task(task, ShellBackend(), place)
    assert (result.status, result.verification, result.verification_output) == (
        TaskStatus.COMPLETED, "passed", ""
    )  # fmt: skip
    assert place.verify_log.read_text() == f"$ {checks[0]}\none\n$ {checks[1]}\nT001 teal\n"
    assert result.stdout == ""
    assert TaskResult.from_dict(result.to_dict()) == result


def test_the_first_check_that_fails_decides(place: AttemptContext) -> None:
    result = run_task(task_of("true", "echo no; exit 3", "touch never"), ShellBackend(), place)
    assert (result.status, result.exit_code, result.category) == (TaskStatus.FAILED, 3, "verification")
    expected = "the backend said done, verification failed: exit code 3 (echo no; exit 3)"
    assert result.error_message == expected
    assert result.verification == "failed"
    assert result.verification_output == "$ true\n$ echo no; exit 3\nno\n"
    assert not (place.working_directory / "never").exists()


def test_a_failed_backend_is_not_verified(place: AttemptContext) -> None:
    result = run_task(task_of("touch never", script="exit 2\n"), ShellBackend(), place)
    assert (result.exit_code, result.verification, result.error_message) == (2, None, "exit code 2")
    assert not place.verify_log.exists()


def test_the_next_try_hears_why(place: AttemptContext) -> None:
    backend = Told()
    checks = ("echo try $MODERATOR_ATTEMPT; test $MODERATOR_ATTEMPT -eq 3",)
    result = run_task(dataclasses.replace(task_of(*checks), retries=5), backend, place)
    assert (result.status, result.attempts, result.verification) == (TaskStatus.COMPLETED, 3, "passed")
    assert backend.feedback[0] == ""
    assert "verification failed: exit code 1" in backend.feedback[1]
    assert backend.feedback[1].endswith("\ntry 1\n")
    assert backend.feedback[2].endswith("\ntry 2\n")
    logs = {path.name: path.read_text()[-6:] for path in place.directory.glob("verify*")}
    assert logs == {"verify.log": "try 3\n", "verify.1.log": "try 1\n", "verify.2.log": "try 2\n"}


def test_the_time_limit_is_for_both(place: AttemptContext) -> None:
    for limit in (0.5, 5.0, 50.0):  # a longer one where it was over before the verification began
        context = dataclasses.replace(place, timeout=limit)
        result = run_task(task_of("sleep 600", script="sleep 0.1\n"), ShellBackend(), context)
        if result.category == "verification":
            break
    assert (result.status, result.exit_code, result.category) == (TaskStatus.FAILED, 124, "verification")
    assert f"the time limit of {limit:g} s was over (sleep 600)" in (result.error_message or "")


def test_without_a_limit(place: AttemptContext) -> None:
    result = run_task(task_of("true"), ShellBackend(), dataclasses.replace(place, timeout=None))
    assert result.verification == "passed"


def test_a_place_that_is_gone(place: AttemptContext) -> None:
    there = place.working_directory / "there"
    there.mkdir()
    context = dataclasses.replace(place, working_directory=there)
    result = run_task(task_of("true", script="rmdir ../there\n"), ShellBackend(), context)
    assert (result.exit_code, result.category) == (127, "verification")
    assert "cannot start" in (result.error_message or "")


def test_a_log_that_cannot_be_written(place: AttemptContext) -> None:
    task = task_of("true", script=f"ln -s /dev/null {place.verify_log}\n")
    result = run_task(dataclasses.replace(task, retries=2), ShellBackend(), place)
    assert (result.status, result.category, result.attempts) == (TaskStatus.FAILED, "resource", 1)
    assert result.verification is None  # it was not run


def test_a_log_that_a_check_removes(place: AttemptContext) -> None:
    result = run_task(task_of(f"rm '{place.verify_log}'; exit 3"), ShellBackend(), place)
    assert (result.status, result.exit_code) == (TaskStatus.FAILED, 3)
    assert (result.verification, result.verification_output) == ("failed", "")


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "verify.log"
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    end = end_of(log)
    assert end.startswith("…\nline 9")
    assert end.endswith("\nline 9999\n")
    assert len(end) < 6100
    log.write_text("x" * 10_000)
    assert end_of(log) == f"…\n{'x' * 6000}"


def test_nothing_secret_is_told(place: AttemptContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_CODE", "open-sesame-4711")
    checks = "echo $DOOR_CODE", "echo open-sesame-4711; false"
    result = run_task(task_of(*checks, secrets=("DOOR_CODE",)), ShellBackend(), place)
    assert result.verification == "failed"
    assert "open-sesame" not in result.verification_output + place.verify_log.read_text()
    assert "***" in result.verification_output or "DOOR_CODE" in result.verification_output
