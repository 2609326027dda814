"""Which backend a task gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pluggy
import pytest

from pytest_moderator.backends import builtin
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.backends.routing import BackendRouter, NoBackend, UnknownBackendError
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Command, ExecutionContext, Problem, Severity, Task, TaskResult

PLACE = ExecutionContext("project", Path(), None, Path())
PROSE = Task("T001", "Write the service", 7)
COMMAND = Task("T002", "Test it", 8, commands=(Command("sh", "true\n", 9),))
PYTHON = Task("T003", "Compute it", 10, commands=(Command("python", "1\n", 11),))


class Agent(Backend):
    """Works on prose, once it is chosen."""

    def __init__(self, name: str = "agent") -> None:
        self.name = name

    def accepts(self, task: Task) -> bool:
        return False

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        return TaskResult(task)


def ask_for(name: str) -> Task:
    return Task("T004", "", 12, backend=name)


@pytest.fixture
def backends() -> list[Backend]:
    """What comes with the package, as the hook gives it, and an agent."""
    return [*builtin.pytest_moderator_backends(), Agent()]


@pytest.mark.parametrize(
    ("task", "default", "choice", "expected"),
    [
        (COMMAND, None, None, "shell"),
        (PYTHON, None, None, "python"),
        (Task("T5", "", 1, call="a:b"), None, None, "python"),
        (COMMAND, "agent", None, "shell"),
        (PROSE, "agent", None, "agent"),
        (COMMAND, None, "agent", "agent"),
        (PROSE, None, "agent", "agent"),
        (PYTHON, None, "shell", "shell"),
        (ask_for("python"), "agent", "shell", "python"),
    ],
)
def test_who_gets_it(
    backends: list[Backend], task: Task, default: str | None, choice: str | None, expected: str
) -> None:
    router = BackendRouter(backends, default, lambda task, context: choice)
    assert router.select_backend(task, PLACE).name == expected


def test_a_choice_may_be_a_backend(backends: list[Backend]) -> None:
    special = Agent("special")
    router = BackendRouter(backends, None, lambda task, context: special)
    assert router.select_backend(COMMAND, PLACE) is special


def test_another_may_be_asked(backends: list[Backend]) -> None:
    router = BackendRouter(backends, None, lambda task, context: "python")
    assert router.select_backend(COMMAND, PLACE, lambda task, context: None).name == "shell"
    assert router.select_backend(COMMAND, PLACE, lambda task, context: "agent").name == "agent"


def test_who_chooses_sees_task_and_place(backends: list[Backend]) -> None:
    seen: list[Any] = []
    BackendRouter(backends, "agent", lambda *seen_now: seen.append(seen_now)).select_backend(PROSE, PLACE)
    assert seen == [(PROSE, PLACE)]


@pytest.mark.parametrize("default", [None, "shell", "python"])
def test_prose_needs_somebody_who_works_on_prose(backends: list[Backend], default: str | None) -> None:
    router = BackendRouter(backends, default)
    with pytest.raises(NoBackend) as caught:
        router.select_backend(PROSE, PLACE)
    assert str(caught.value) == "nothing to run: no command, and no backend is configured for prose tasks"
    assert router.problems(PROSE, PLACE) == []


def test_an_unknown_name(backends: list[Backend]) -> None:
    router = BackendRouter(backends)
    with pytest.raises(UnknownBackendError) as caught:
        router.select_backend(ask_for("shel"), PLACE)
    assert str(caught.value) == (
        "task 'T004' asks for unknown backend 'shel': did you mean 'shell'? there is agent, python, shell"
    )
    assert router.problems(ask_for("shel"), PLACE) == [
        Problem(
            Severity.ERROR,
            "unknown-backend",
            "task 'T004' asks for unknown backend 'shel'",
            "did you mean 'shell'? there is agent, python, shell",
            line=12,
        )
    ]


def test_unknown_names_elsewhere(backends: list[Backend]) -> None:
    with pytest.raises(UnknownBackendError, match="the default backend asks for unknown backend 'x'"):
        BackendRouter(backends, "x")
    router = BackendRouter([], None, lambda task, context: "x")
    with pytest.raises(UnknownBackendError, match=r"the choice for task 'T001' .* 'x': there is none"):
        router.select_backend(PROSE, PLACE)


def test_a_backend_names_its_problems(backends: list[Backend]) -> None:
    router = BackendRouter(backends)
    assert [problem.code for problem in router.problems(ask_for("shell"), PLACE)] == ["no-command"]
    assert router.problems(COMMAND, PLACE) == []
    assert router.problems(ask_for("agent"), PLACE) == []


def test_names_are_unique(backends: list[Backend]) -> None:
    with pytest.raises(ModeratorError, match=r"two backends are called 'shell', .*ShellBackend and .*Agent"):
        BackendRouter([*backends, Agent("shell")])
    assert BackendRouter([*backends, backends[0]]).backends == tuple(backends)


def test_what_comes_with_the_package_is_a_plugin() -> None:
    spec = pluggy.HookspecMarker("pytest")

    class Spec:
        @spec
        def pytest_moderator_backends(self) -> list[Backend]:
            raise NotImplementedError

    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(Spec)
    manager.register(builtin)
    names = [[backend.name for backend in given] for given in manager.hook.pytest_moderator_backends()]
    assert names == [["shell", "python"]]


def test_a_backend_has_nothing_to_close_by_itself(backends: list[Backend]) -> None:
    for backend in backends:
        backend.close()
