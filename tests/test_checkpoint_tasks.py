from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.checkpoints import with_checkpoints
from pytest_moderator.model import IsolationLevel, PhaseRule
from pytest_moderator.plan import make_plan
from pytest_moderator.settings import Settings
from pytest_moderator.tasksfile import parse_tasks

if TYPE_CHECKING:
    from pytest_moderator.plan import ExecutionPlan

FILE = """
## Phase 1: Setup

- [ ] T001 Set up

## Phase 2: Core \u2014 all of it

- [ ] T002 [P] One
- [ ] T003 [P] Two

## Phase 3: User Story 1 - Search

- [ ] T004 [US1] Search

## Phase 4: User Story 2 - Print

- [ ] T005 [US2] Print

## Polish

- [ ] T006 Polish
"""


def planned(*names: str, order: str = "phases", text: str = FILE, **settings: Any) -> ExecutionPlan:
    rules = tuple(PhaseRule(name, (f"check {name}",)) for name in names)
    file, problems = with_checkpoints(
        parse_tasks(text, Path("tasks.md"), "tasks.md"), Settings(phases=rules, **settings)
    )
    assert not problems
    plan = make_plan(file, order)
    assert not plan.problems
    return plan


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("Phase 2", ["verify-phase-2"]),
        ("core", ["verify-phase-2"]),
        ("Phase 2: Core \u2014 all of it", ["verify-phase-2"]),
        ("User Story", ["verify-phase-3", "verify-phase-4"]),
        ("Phase ?: *", ["verify-phase-1", "verify-phase-2", "verify-phase-3", "verify-phase-4"]),
        ("Polish", ["verify-polish"]),
    ],
)
def test_a_name_means_all_phases_that_it_names(name: str, ids: list[str]) -> None:
    assert [task.id for task in planned(name).tasks if task.checkpoint] == ids


def test_a_checkpoint_stands_behind_its_phase_and_waits_for_it() -> None:
    plan = planned("Core", "Phase 2")
    assert [task.id for task in plan.tasks][:5] == ["T001", "T002", "T003", "verify-phase-2", "T004"]
    checkpoint = plan.by_id["verify-phase-2"]
    assert plan.depends_on["verify-phase-2"] == ("T002", "T003")
    assert checkpoint.verify == ("check Core", "check Phase 2")
    assert checkpoint.phase_line == checkpoint.line == 6
    assert checkpoint.id in plan.groups
    assert plan.after["T004"] == ("verify-phase-2",)
    assert plan.checkpoints_before == {
        "T001": (),
        "T002": (),
        "T003": (),
        "verify-phase-2": (),
        "T004": ("verify-phase-2",),
        "T005": ("verify-phase-2",),
        "T006": ("verify-phase-2",),
    }


def test_stories_wait_for_their_own_checkpoints() -> None:
    plan = planned("Phase 2", "User Story", order="stories")
    before = plan.checkpoints_before
    assert before["T004"] == before["T005"] == ("verify-phase-2",)
    assert before["T006"] == ("verify-phase-3", "verify-phase-4")
    assert planned("Phase 2", "User Story", order="explicit").checkpoints_before["T006"] == ()


def test_a_checkpoint_changes_no_story() -> None:
    text = "## Search\n- [ ] T001 [US1] a\n- [ ] T002 b\n## More\n- [ ] T003 [US1] c\n"
    for order in ("phases", "stories"):
        bare, plan = planned(order=order, text=text), planned("Search", "More", order=order, text=text)
        assert plan.by_id["verify-search"].story is None
        assert plan.by_id["verify-more"].story == "US1"
        assert bare.after["T003"] == ("T002",)
        assert plan.after["T003"] == ("verify-search",)


def test_a_group_ends_with_its_sub_tasks_in_another_phase() -> None:
    text = "## A\n- [ ] 1. all\n- [ ] 1.1 a\n- [ ] 2. more\n## B\n- [ ] 1.2 b\n- [ ] 1.2.1 c\n"
    plan = planned("A", "B", text=text)
    assert plan.depends_on["verify-a"] == ("1.1", "2")


def test_ids_that_are_taken_are_left_alone() -> None:
    text = "## A\n- [ ] verify a\n## A\n- [ ] two\n"
    ids = [task.id for task in planned("A", text=text).tasks]
    assert ids == ["verify-a", "verify-a-2", "two", "verify-a-3"]


@pytest.mark.parametrize(
    ("level", "key", "expected"),
    [
        (IsolationLevel.DIRECTORY, "", IsolationLevel.NONE),
        (IsolationLevel.FULL, "", IsolationLevel.BRANCH),
        (IsolationLevel.FULL, "none", IsolationLevel.NONE),
        (IsolationLevel.NONE, "branch", IsolationLevel.BRANCH),
    ],
)
def test_it_is_verified_where_the_work_is(level: IsolationLevel, key: str, expected: IsolationLevel) -> None:
    text = f"## A\n- [ ] T001 one\n  - isolation: {key}\n" if key else "## A\n- [ ] T001 one\n"
    assert planned("A", text=text, isolation=level).by_id["verify-a"].isolation is expected


def test_a_name_that_nothing_has() -> None:
    settings = Settings(phases=(PhaseRule("Sertup", ("x",), "moderator.yaml", 3), PhaseRule("zzz", ("x",))))
    file = parse_tasks(FILE, Path("tasks.md"), "tasks.md")
    found, problems = with_checkpoints(file, settings)
    assert found is file
    assert [(problem.message, problem.hint) for problem in problems] == [
        ("no phase of tasks.md is called 'Sertup'", "did you mean 'Phase 1: Setup'?"),
        ("no phase of tasks.md is called 'zzz'", "write the words of a heading above tasks"),
    ]
    assert str(problems[0]).startswith("moderator.yaml:3: warning unknown-phase: no phase")
    problems = with_checkpoints(file, replace(settings, phases=(PhaseRule("polsh", ("x",)),)))[1]
    assert problems[0].hint == "did you mean 'Polish'?"
