"""Plans of texts, and what most tests look at in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_moderator.plan import make_plan
from pytest_moderator.tasksfile import parse_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_moderator.plan import ExecutionPlan

FEATURE = """\
## Phase 1: Setup
- [ ] T001 Create
- [ ] T002 [P] Lint
- [ ] T003 [P] Format
- [ ] T004 Check

## Phase 2: User Story 1
- [ ] T005 [P] [US1] Model
- [ ] T006 [P] [US1] View

## Phase 3: User Story 2
- [ ] T007 [US2] Service
- [ ] T008 [US2] Page

## Phase 4: Polish
- [ ] T009 [P] Docs
"""


def plan_of(
    text: str, order: str = "phases", added: Mapping[str, Sequence[str]] | None = None
) -> ExecutionPlan:
    """Plan the tasks of a text."""
    return make_plan(parse_tasks(text, Path("tasks.md"), "tasks.md"), order, added)


def prints_of(text: str) -> dict[str, str]:
    """Give the fingerprints of the tasks of a text, by their ids."""
    return plan_of(text, "explicit").fingerprints


def waits(plan: ExecutionPlan) -> dict[str, set[str]]:
    """Give what each task waits for."""
    return {task_id: set(plan.waits_for(task_id)) for task_id in plan.by_id}


def said(plan: ExecutionPlan) -> list[tuple[str, int, str]]:
    """Give code, line and message of each problem."""
    return [(problem.code, problem.line, problem.message) for problem in plan.problems]
