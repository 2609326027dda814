"""What becomes of a plan where backends cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.availability import pass_over_unhealthy, refusals
from pytest_moderator.backends.base import AttemptContext, Backend, Health
from pytest_moderator.backends.health import HealthChecks
from pytest_moderator.prepare import Prepared, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model import Task, TaskResult

TASKS = """\
- [ ] T001 Prose
- [ ] T002 More
- [ ] T003 Other
  - backend: two
- [x] T004 Done
  - backend: three
- [ ] T005 Group
  - [ ] T006 Part
    - backend: one
"""
FALLBACKS = "backend_routing: {default_backend: one, fallbacks: {one: [two, three], two: [three]}}"


class Agent(Backend):
    """Well, or not; counts how often it is asked."""

    def __init__(self, name: str, *, ok: bool) -> None:
        self.name = name
        self.ok = ok
        self.asked = 0

    def accepts(self, task: Task) -> bool:
        return False

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        raise NotImplementedError

    def health(self) -> Health:
        self.asked += 1
        return Health(ok=self.ok, version="1.0", detail=f"{self.name} was looked for", hint="buy one")


def checked(
    directory: Path, unwell: str, settings: str = FALLBACKS, ids: set[str] | None = None
) -> tuple[Prepared, list[str]]:
    """Prepare the tasks with three agents of which some are unwell; name those that were asked."""
    (directory / "tasks.md").write_text(TASKS)
    (directory / "moderator.yaml").write_text(settings)
    agents = [Agent(name, ok=name not in unwell.split()) for name in ("one", "two", "three")]
    entry = prepare(
        directory / "tasks.md",
        "tasks.md",
        command_line={},
        environ={},
        ini={},
        rootdir=directory,
        backends=agents,
    )
    after = pass_over_unhealthy(entry, HealthChecks(), ids)
    assert all(agent.asked <= 1 for agent in agents)
    return after, [agent.name for agent in agents if agent.asked]


def chosen(entry: Prepared) -> list[str | None]:
    return [entry.backend_of(task) for task in entry.plan.tasks if not task.done]


def test_only_those_that_are_needed_are_asked(tmp_path: Path) -> None:
    entry, asked = checked(tmp_path, "three")
    assert asked == ["one", "two"]
    assert chosen(entry) == ["one", "one", "two", None, "one"]
    assert entry.problems == ()
    assert refusals(entry) == []
    assert entry.healths["one"].version == "1.0"
    assert [backend.name for backend in entry.in_use] == ["one", "two"]


def test_only_tasks_that_count_need_one(tmp_path: Path) -> None:
    entry, asked = checked(tmp_path, "one", ids={"T003"})
    assert asked == ["two"]
    assert entry.problems == ()
    assert [backend.name for backend in entry.in_use] == ["two"]


def test_a_fallback_takes_its_place_and_that_is_said(tmp_path: Path) -> None:
    entry, asked = checked(tmp_path, "one")
    assert asked == ["one", "two"]
    assert chosen(entry) == ["two", "two", "two", None, "two"]
    assert [str(problem) for problem in entry.problems] == [
        (
            "tasks.md:1: warning unhealthy-backend: backend 'one' cannot be used, so 'two' does T001 and 2 more: "
            "one was looked for (buy one)"
        )
    ]
    assert refusals(entry) == []


def test_fallbacks_are_asked_too(tmp_path: Path) -> None:
    entry, asked = checked(tmp_path, "one two")
    assert asked == ["one", "two", "three"]
    assert chosen(entry) == ["three", "three", "three", None, "three"]
    assert [backend.name for backend in entry.in_use] == ["three"]
    assert [problem.line for problem in entry.problems] == [1, 3]
    choice = entry.choice_of(entry.plan.by_id["T001"])
    assert choice is not None
    assert choice.instead_of == ("one", "two")


def test_where_none_is_left_it_is_an_error(tmp_path: Path) -> None:
    entry, _ = checked(tmp_path, "one two three")
    assert chosen(entry) == [None] * 5
    assert entry.in_use == ()
    assert [str(problem) for problem in refusals(entry)] == [
        (
            "tasks.md:1: error unhealthy-backend: backend 'one' is needed for T001 and 2 more and cannot be used: "
            "one was looked for (buy one)"
        ),
        (
            "tasks.md:3: error unhealthy-backend: backend 'two' is needed for T003 and cannot be used: "
            "two was looked for (buy one)"
        ),
    ]
    assert [problem.line for problem in refusals(entry, {"T003"})] == [3]
    assert refusals(entry, {"T004", "T005"}) == []


def test_a_task_without_anything_to_run_needs_nobody(tmp_path: Path) -> None:
    entry, asked = checked(tmp_path, "one", settings="order: explicit")
    assert asked == ["one", "two"]
    assert [problem.message for problem in refusals(entry)] == [
        "backend 'one' is needed for T006 and cannot be used: one was looked for"
    ]
