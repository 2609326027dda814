"""Asking backends how they are."""

from __future__ import annotations

import platform
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.backends.base import AttemptContext, Backend, Health
from pytest_moderator.backends.builtin import pytest_moderator_backends
from pytest_moderator.backends.health import HealthChecks
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.model import Task, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Patient(Backend):
    """Says how it is by a function."""

    def __init__(self, name: str, health: Callable[[], object]) -> None:
        self.name = name
        self.health = health  # type: ignore[method-assign, assignment]

    def accepts(self, task: Task) -> bool:
        return False

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        return TaskResult(task)


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Nobody sets it before the test is over, so that no thread stays behind."""
    event = threading.Event()
    yield event
    event.set()


def test_a_backend_is_well_unless_it_says_otherwise() -> None:
    class Plain(Patient):
        def __init__(self) -> None:
            self.name = "plain"

    assert HealthChecks().of([Plain()]) == {"plain": Health(ok=True, version=None, detail="", hint="")}
    assert Plain().estimate(Task("T1", "Do", 1)) is None


def test_all_are_asked_at_the_same_time() -> None:
    """Each of them waits until both have been asked."""
    both = threading.Barrier(2)

    def wait() -> Health:
        both.wait(timeout=60)
        return Health()

    answers = HealthChecks(limit=60).of([Patient("a", wait), Patient("b", wait)])
    assert [health.ok for health in answers.values()] == [True, True]


def test_each_is_asked_once() -> None:
    asked: list[int] = []

    def note() -> Health:
        asked.append(1)
        return Health(version=str(len(asked)))

    checks = HealthChecks()
    patient = Patient("a", note)
    assert checks.of([patient]) == checks.of([patient, patient]) == {"a": Health(version="1")}
    assert checks.of([]) == {}
    assert len(asked) == 1


def test_one_that_does_not_answer_does_not_hold_up_the_others(never: threading.Event) -> None:
    def hang() -> Health:
        never.wait()
        return Health()

    checks = HealthChecks(limit=1.0)
    answers = checks.of([Patient("slow", hang), Patient("quick", Health)])
    assert answers["quick"].ok
    assert not answers["slow"].ok
    assert answers["slow"].detail == "it has not said within 1 s whether it can be used"
    assert "health_timeout" in answers["slow"].hint
    never.set()
    assert checks.of([Patient("slow", hang)]) == {"slow": answers["slow"]}  # too late


def _raise(error: BaseException) -> Callable[[], object]:
    def health() -> object:
        raise error

    return health


@pytest.mark.parametrize(
    ("health", "detail"),
    [
        (_raise(OSError("no such program")), "its health check raised OSError: no such program"),
        (_raise(KeyError()), "its health check raised KeyError"),
        (lambda: True, "its health check gave True instead of a Health"),
        (lambda: Health(ok=False), "it does not say why"),
        (lambda: Health(ok=False, detail="not found"), "not found"),
        (_raise(SystemExit(3)), "its health check raised SystemExit: 3"),
    ],
)
def test_whatever_happens_is_an_answer(health: Callable[[], object], detail: str) -> None:
    (answer,) = HealthChecks().of([Patient("a", health)]).values()
    assert (answer.ok, answer.detail) == (False, detail)


def test_those_that_come_with_the_package_are_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.Popen.__init__", refuse)
    answers = HealthChecks().of(
        [backend for backend in pytest_moderator_backends() if backend.name in ("shell", "python")]
    )
    assert answers["shell"].ok
    assert answers["shell"].detail.endswith("/sh")
    assert answers["python"] == Health(version=platform.python_version(), detail=sys.executable)


def test_a_machine_without_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    health = ShellBackend().health()
    assert (health.ok, health.detail) == (False, "sh was not found")
