from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Problem, Severity, Task, TaskResult
from pytest_moderator.prepare import Prepared, prepare

if TYPE_CHECKING:
    from pathlib import Path


class Fake(Backend):
    """Takes the tasks whose title names it, and finds fault with those that say so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def accepts(self, task: Task) -> bool:
        return f"for {self.name}" in task.title

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        raise NotImplementedError

    def validate(self, task: Task) -> list[Problem]:
        return [Problem(Severity.WARNING, "odd", "this is odd")] if "odd" in task.title else []


def prepared(directory: Path, text: str, backends: tuple[str, ...] = ("one", "two"), **more: Any) -> Prepared:
    path = directory / "tasks.md"
    path.write_text(text, encoding="utf-8")
    inputs: dict[str, Any] = {"command_line": {}, "environ": {}, "ini": {}, "rootdir": directory}
    return prepare(path, "./tasks.md", backends=[Fake(name) for name in backends], **(inputs | more))


def backends_of(entry: Prepared) -> list[str | None]:
    return [entry.backend_of(task) for task in entry.plan.tasks]


TASKS = "- [ ] T001 Prose\n- [ ] T002 for two\n- [ ] T003 Named\n  - backend: one\n"


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [
        ({}, [None, "two", "one"]),
        ({"backend": "one"}, ["one", "two", "one"]),
    ],
)
def test_the_default_backend_takes_prose(
    tmp_path: Path, settings: dict[str, str], chosen: list[str | None]
) -> None:
    entry = prepared(tmp_path, TASKS, command_line=settings)
    assert entry.problems == ()
    assert not entry.has_errors
    assert backends_of(entry) == chosen


def test_without_routing_the_default_backend_takes_all_that_name_none(tmp_path: Path) -> None:
    (tmp_path / "moderator.yaml").write_text(
        "gear3: {backend_routing: {enabled: false, default_backend: one}}"
    )
    assert backends_of(prepared(tmp_path, TASKS)) == ["one", "one", "one"]


def test_without_routing_and_without_a_default_tasks_run_what_they_carry(tmp_path: Path) -> None:
    (tmp_path / "moderator.yaml").write_text("gear3: {backend_routing: {enabled: false}}")
    assert backends_of(prepared(tmp_path, TASKS)) == [None, "two", "one"]


def test_a_hook_may_choose(tmp_path: Path) -> None:
    entry = prepared(tmp_path, TASKS, choose=lambda task, context: "one")
    assert backends_of(entry) == ["one", "one", "one"]


def test_what_a_hook_chooses_must_exist(tmp_path: Path) -> None:
    entry = prepared(tmp_path, TASKS, choose=lambda task, context: "gone")
    assert [problem.code for problem in entry.problems] == ["unknown-backend", "unknown-backend"]
    assert entry.has_errors
    assert backends_of(entry) == [None, None, "one"]


def test_two_backends_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModeratorError, match="two backends are called 'one'"):
        prepared(tmp_path, TASKS, backends=("one", "one"))


def test_problems_of_a_backend_are_given_their_place(tmp_path: Path) -> None:
    (problem,) = prepared(tmp_path, "# Tasks\n\n- [ ] T001 odd for one\n- [x] T002 odd for one\n").problems
    assert str(problem) == "./tasks.md:3: warning odd: this is odd"


def test_problems_are_in_order_settings_first(tmp_path: Path) -> None:
    (tmp_path / "moderator.yaml").write_text("\n\n\nnonsense: 1\n")
    text = "- [ ] T001 odd for one\n- [ ] T001 Twin\n- [ ] T003 odd for one (depends on T009)\n"
    entry = prepared(tmp_path, text, ini={"retries": "x"}, ini_path="tox.ini")
    assert [(problem.path, problem.line) for problem in entry.problems] == [
        ("tox.ini", 0),
        ("moderator.yaml", 4),
        ("./tasks.md", 1),
        ("./tasks.md", 2),
        ("./tasks.md", 3),
        ("./tasks.md", 3),
    ]


def test_the_context_is_that_of_the_project(tmp_path: Path) -> None:
    entry = prepared(tmp_path, TASKS)
    assert entry.context.project_id == tmp_path.name
    assert entry.context.working_directory == tmp_path
    assert entry.context.state_dir == tmp_path / ".moderator"


@pytest.mark.parametrize(
    ("settings", "level", "codes"),
    [
        ("workers: 4", "none", ["shared-checkout"]),
        ("workers: 1", "none", []),
        ("workers: 4", "branch", []),
    ],
)
def test_prose_in_one_checkout_is_warned_of(
    tmp_path: Path, settings: str, level: str, codes: list[str]
) -> None:
    tasks = "- [ ] T001 for one\n- [ ] T002 for one\n- [x] T003 for one\n"
    text = f"---\nmoderator:\n  {settings}\n  isolation: {level}\n---\n{tasks}"
    entry = prepared(tmp_path, text)
    assert [problem.code for problem in entry.problems] == codes
    for problem in entry.problems:
        assert problem.message.startswith("T001 and 1 more have no commands")
        assert problem.line == 6


@pytest.mark.parametrize(
    ("text", "environ", "told"),
    [
        ("- [ ] T001 for one\n  - secrets: KEY\n", {"KEY": "long enough"}, []),
        ("- [x] T001 for one\n  - secrets: KEY\n", {}, []),
        ("- [ ] T001 for one\n  - secrets: KEY\n", {"KEY": " abc\n"}, ["short-secret:1:secrets of T001"]),
        (
            "- [ ] T001 for one\n- [ ] T002 Log in with hunter22\n  - secrets: KEY\n",
            {"KEY": "hunter22"},
            ["secret-in-file:2:the value of KEY stands in the text of T002, for everybody to read"],
        ),
        (
            "- [x] T001 for one\n  - Log in with hunter22.\n- [ ] T002 for one\n  - secrets: KEY\n",
            {"KEY": "hunter22"},
            ["secret-in-file:1:the value of KEY stands in the text of T001"],
        ),
        ("- [ ] T001 the admins\n  - secrets: KEY\n", {"KEY": "admin"}, []),
        (
            "- [ ] T001 for one\n- [ ] T002 for one\n  - secrets: KEY\n- [ ] T003 for one\n  - secrets: KEY\n",
            {},
            ["missing-secret:2:secrets of T002 and 1 more"],
        ),
        (
            "---\nmoderator:\n  secrets: KEY\n---\n- [ ] T001 for one\n  - secrets: KEY\n",
            {"KEY": ""},
            ["missing-secret:3:moderator.secrets"],
        ),
        (
            "---\nmoderator:\n  secrets: [KEY]\n  env: {KEY: written down}\n---\n- [ ] T001 for one\n",
            {"KEY": "written down"},
            ["secret-in-file:3:moderator.secrets"],
        ),
        (
            "---\nmoderator:\n  secrets: no-name\n---\n- [ ] T001 for one\n",
            {},
            ["bad-value:3:moderator.secrets must"],
        ),
    ],
)
def test_secrets_that_cannot_be_kept_are_named(
    tmp_path: Path, text: str, environ: dict[str, str], told: list[str]
) -> None:
    problems = prepared(tmp_path, text, environ=environ).problems
    found = [f"{problem.code}:{problem.line}:{problem.message}" for problem in problems]
    assert len(found) == len(told)
    assert all(problem.startswith(start) for problem, start in zip(found, told, strict=True))
    assert all("written down" not in str(problem) for problem in problems)
