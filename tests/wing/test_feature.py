"""A whole feature: the tasks file that spec-kit makes, worked off by a stand-in for an agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from branched import commit, integration

if TYPE_CHECKING:
    from sessions import Project


CLAUDE = Path(__file__).parents[1] / "fakes" / "claude"

# in the form of spec-kit's template, without a word for us
FEATURE = """
---
description: "Task list for lending books"
---

# Tasks: Lending books

**Input**: Design documents from `/specs/001-lending/`
**Prerequisites**: plan.md (required), spec.md (required for user stories)

**Organization**: Tasks are grouped by user story.

## Format: `[ID] [P?] [Story] Description`

- **[P]**: Can run in parallel (different files, no dependencies)
- **[Story]**: Which user story this task belongs to (e.g., US1, US2)

## Phase 1: Setup (Shared Infrastructure)

**Purpose**: Project initialization

- [ ] T001 Create project structure per implementation plan
- [ ] T002 [P] Configure linting in ruff.toml

---

## Phase 2: Foundational (Blocking Prerequisites)

**⚠️ CRITICAL**: No user story work can begin until this phase is complete

- [ ] T003 Create the catalogue in src/catalogue.py
- [ ] T004 [P] Create the readers in src/readers.py

**Checkpoint**: Foundation ready - user story implementation can now begin in parallel

---

## Phase 3: User Story 1 - Borrow a book (Priority: P1) 🎯 MVP

**Goal**: A reader takes a book home

**Independent Test**: Borrow one book and see it gone from the shelf

- [ ] T005 [P] [US1] Contract test for borrowing in tests/contract/borrow.txt
- [ ] T006 [P] [US1] Create Loan model in src/models/loan.py
- [ ] T007 [US1] Implement LoanService in src/services/loans.py (depends on T006)

**Checkpoint**: User Story 1 is fully functional

---

## Phase 4: User Story 2 - Return a book (Priority: P2)

- [ ] T008 [P] [US2] Create Return model in src/models/returns.py
- [ ] T009 [US2] Implement the returns desk in src/services/desk.py

---

## Phase N: Polish & Cross-Cutting Concerns

- [ ] T010 [P] Documentation updates in docs/lending.md

---

## Dependencies & Execution Order

### Phase Dependencies

- **Setup (Phase 1)**: No dependencies - can start immediately
- **Foundational (Phase 2)**: Depends on Setup completion - BLOCKS all user stories
- **User Stories (Phase 3+)**: All depend on Foundational phase completion
- **Polish (Final Phase)**: Depends on all desired user stories being complete

## Notes

- [P] tasks = different files, no dependencies
- Commit after each task or logical group
"""
VERIFIED = (
    "(depends on T006)\n  - verify: `sh tools/check.sh src/services/loans.py dates limits`\n  - retries: 3"
)

SETTINGS = f"""
default_backend: claude
isolation: full
mark: true
phases:
  Foundational:
    verify: grep -q T003 src/catalogue.py && grep -q T004 src/readers.py
  User Story:
    verify: test -s src/models/loan.py
backends:
  claude:
    command: {CLAUDE}
    args: [--stand-in]
"""

# says what is missing, one thing at a time
CHECK = """
file=$1; shift
for word in "$@"; do grep -q "$word" "$file" || { echo "missing: $word"; exit 1; }; done
"""
CHECKPOINTS = ["verify-phase-2", "verify-phase-3", "verify-phase-4"]
FILE = "specs/001-lending/tasks.md"


@pytest.fixture
def feature(project: Project, git) -> Project:
    project.write("moderator.yaml", SETTINGS)
    project.write("tools/check.sh", CHECK)
    project.write("specs/001-lending/spec.md", "# Lending\n")
    project.tasks(FEATURE.replace("(depends on T006)", VERIFIED), FILE)
    commit(git)
    return project


def test_a_feature_is_built_and_verified(feature: Project, git) -> None:
    session = feature.run("-n", "4", FILE)
    assert session.exit_code == 0, session.output
    ids = [f"T{n:03}" for n in range(1, 11)]
    assert session.statuses == dict.fromkeys([*ids, *CHECKPOINTS], "completed")

    # verification has failed twice, and the agent was told why in the same session
    service = session.tasks["T007"]
    assert (service["attempts"], service["verification"]) == (3, "passed")
    assert [entry["category"] for entry in service["attempts_log"]] == ["verification"] * 2
    assert service["usage"]["cost_usd"] == 0.75
    assert "T007 failed (attempt 1" not in session.output
    branch = integration(git)
    assert git("show", f"{branch}:src/services/loans.py") == "T007 dates limits"

    names = set(git("ls-tree", "-r", "--name-only", branch).splitlines())
    assert {"src/catalogue.py", "src/models/loan.py", "docs/lending.md", "notes/T001.md"} <= names
    assert git("show", f"{branch}:{FILE}").count("- [x] T0") == len(ids)
    assert git("status", "--porcelain") == ""
    assert len(git("worktree", "list").splitlines()) == 1
    assert len(git("log", "--merges", "--first-parent", "--format=%s", branch).splitlines()) == len(ids)


def test_a_budget_that_is_spent_in_the_middle(feature: Project, git) -> None:
    first = feature.run("-n", "4", "--moderator-budget=$1.20", FILE)
    assert first.exit_code == 0
    done = [name for name, status in first.statuses.items() if status == "completed"]
    # those that had started when it was spent go on to their end
    assert 5 <= len([name for name in done if name.startswith("T")]) < 9
    skipped = [name for name, status in first.statuses.items() if status == "skipped"]
    assert sorted(done + skipped) == sorted(first.statuses)
    assert all("the budget of $1.20 is spent" in first.reasons[name] for name in skipped)
    assert "resume: " in first.output

    again = feature.run("-n", "4", "--moderator-budget=$10", "--moderator-resume", FILE)
    assert again.exit_code == 0, again.output
    assert [again.tasks[name]["error_message"] for name in done] == ["completed earlier in this run"] * len(
        done
    )
    assert not [name for name, status in again.statuses.items() if status == "failed"]
    assert git("show", f"{integration(git)}:src/services/loans.py") == "T007 dates limits"
