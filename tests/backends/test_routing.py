"""Which backend a task gets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pluggy
import pytest

from pytest_moderator.backends import builtin
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.backends.python import PythonBackend
from pytest_moderator.backends.routing import (
    BackendRouter,
    Choice,
    NoBackend,
    UnavailableBackendError,
    UnknownBackendError,
)
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import (
    Command,
    ExecutionContext,
    Problem,
    Rule,
    Severity,
    Task,
    TaskKind,
    TaskResult,
)

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
    """Those for commands, and an agent."""
    return [ShellBackend(), PythonBackend(), Agent()]


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


def test_who_chooses_sees_task_and_place(backends: list[Backend]) -> None:
    seen: list[Any] = []
    BackendRouter(backends, "agent", lambda *seen_now: seen.append(seen_now)).select_backend(PROSE, PLACE)
    assert seen == [(PROSE, PLACE)]


TESTS = Task("T005", "Write tests", 13)
RULES = (
    Rule("other", marks=("critical",), number=1),
    Rule("agent", task_type=(TaskKind.TESTING,), number=2, path="moderator.yaml", line=9),
    Rule("other", number=3),
)


@pytest.mark.parametrize(
    ("task", "choice", "expected", "reason"),
    [
        (ask_for("python"), "agent", "python", "its 'backend:' key"),
        (TESTS, "other", "other", "chosen by the hook pytest_moderator_select_backend"),
        (replace(COMMAND, title="Write tests"), None, "shell", "what it carries: sh at line 9"),
        (Task("T6", "Write tests", 1, call="a:b"), None, "python", "what it carries: a 'call:' key"),
        (Task("T6", "For another", 1), None, "another", "what it carries"),
        (TESTS, None, "agent", "rule 2 (moderator.yaml:9): testing: 'tests' in the title"),
        (replace(TESTS, critical=True), None, "other", "rule 1: marks critical"),
        (PROSE, None, "other", "rule 3: it takes all tasks"),
    ],
)
def test_it_is_said_why(
    backends: list[Backend], task: Task, choice: str | None, expected: str, reason: str
) -> None:
    class Another(Agent):
        def accepts(self, task: Task) -> bool:
            return task.title == "For another"

    every = [*backends, Agent("other"), Another("another")]
    router = BackendRouter(every, "shell", lambda task, context: choice, rules=RULES)
    chosen = router.explain(task, PLACE)
    assert (chosen.backend.name, chosen.reason, chosen.instead_of) == (expected, reason, ())
    assert router.select_backend(task, PLACE) is chosen.backend


def test_without_a_rule_that_holds_it_is_the_default(backends: list[Backend]) -> None:
    router = BackendRouter(backends, "agent", rules=[Rule("shell", story=("US1",))])
    assert router.explain(PROSE, PLACE).reason == "the default backend"


def test_without_routing_rules_and_hooks_are_not_asked(backends: list[Backend]) -> None:
    router = BackendRouter(backends, "agent", lambda *_: "python", routing=False, rules=[Rule("python")])
    assert router.explain(COMMAND, PLACE) == Choice(backends[2], "the default backend: routing is off")
    assert router.explain(ask_for("python"), PLACE).backend is backends[1]
    alone = BackendRouter(backends, None, routing=False, rules=[Rule("agent")])
    assert alone.select_backend(COMMAND, PLACE).name == "shell"
    with pytest.raises(NoBackend):
        alone.select_backend(PROSE, PLACE)


def test_a_rule_for_a_backend_that_needs_a_command(backends: list[Backend]) -> None:
    router = BackendRouter(backends, "agent", rules=[Rule("shell")])
    with pytest.raises(NoBackend) as caught:
        router.explain(PROSE, PLACE)
    expected = "nothing to run: no command, and backend 'shell' needs one (rule 1: it takes all tasks)"
    assert str(caught.value) == expected
    assert router.problems(PROSE, PLACE) == []


class TestFallbacks:
    @pytest.fixture
    def router(self, backends: list[Backend]) -> BackendRouter:
        fallbacks = {"agent": ("shell", "second", "third"), "second": ("third",)}
        agents = [*backends, Agent("second"), Agent("third")]
        return BackendRouter(agents, "agent", fallbacks=fallbacks)

    def test_nobody_is_passed_over_without_need(self, router: BackendRouter) -> None:
        assert router.without({"second": "gone"}).explain(PROSE, PLACE).instead_of == ()

    def test_the_first_that_can_do_it_takes_its_place(self, router: BackendRouter) -> None:
        choice = router.without({"agent": "not found"}).explain(PROSE, PLACE)
        assert choice.backend.name == "second"  # the shell can do nothing with prose
        assert choice.reason == "the default backend; 'agent' cannot be used: not found"
        assert choice.instead_of == ("agent",)

    def test_several_may_be_passed_over(self, router: BackendRouter) -> None:
        choice = router.without({"agent": "not found"}).without({"second": "tired"}).explain(PROSE, PLACE)
        assert (choice.backend.name, choice.instead_of) == ("third", ("agent", "second"))
        assert choice.reason.endswith("'agent' cannot be used: not found; 'second' cannot be used: tired")

    def test_a_task_with_a_command_may_go_to_the_shell(self, router: BackendRouter) -> None:
        task = replace(COMMAND, backend="agent")
        assert router.without({"agent": "not found"}).select_backend(task, PLACE).name == "shell"

    def test_a_rule_may_have_its_own(self, backends: list[Backend]) -> None:
        agents = [*backends, Agent("second"), Agent("third")]
        rules = [Rule("agent", fallback=("third",))]
        fallbacks = {"agent": ("second",)}
        router = BackendRouter(agents, rules=rules, fallbacks=fallbacks, unavailable={"agent": "gone"})
        assert router.select_backend(PROSE, PLACE).name == "third"

    def test_when_none_is_left_it_is_said_why(self, router: BackendRouter) -> None:
        down = router.without(dict.fromkeys(("agent", "second", "third"), "not found"))
        with pytest.raises(
            UnavailableBackendError, match="backend 'agent' cannot be used: not found"
        ) as caught:
            down.select_backend(PROSE, PLACE)
        assert caught.value.backend == "agent"
        assert down.problems(PROSE, PLACE) == []

    def test_the_choice_stays_as_it_was_otherwise(self, backends: list[Backend]) -> None:
        router = BackendRouter(backends, None, lambda *_: "agent", rules=[Rule("python")])
        again = router.without({"shell": "gone"})
        assert again.select_backend(PROSE, PLACE).name == "agent"
        assert again.unavailable == {"shell": "gone"}
        assert router.unavailable == {}


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

    manager = pytest.PytestPluginManager()
    manager.add_hookspecs(Spec)
    manager.register(builtin)
    names = [[backend.name for backend in given] for given in manager.hook.pytest_moderator_backends()]
    assert names == [["shell", "python", "manual", "claude", "codex", "gemini", "opencode", "ccpm"]]


def test_a_backend_has_nothing_to_close_by_itself(backends: list[Backend]) -> None:
    for backend in backends:
        backend.close()
