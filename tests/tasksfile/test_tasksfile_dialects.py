"""Every dialect in a file of its own make: what is a task, and what its line says."""

# ruff: noqa: RUF001 (other scripts on purpose)

from __future__ import annotations

import pytest

SPEC_KIT = """
    # Tasks: Weather station

    ## Format: `[ID] [P?] [Story] Description`

    - **[P]**: can run in parallel
    - [P] tasks = different files

    ## Phase 1: Setup (Shared Infrastructure)

    - [x] T001 Create the layout
    - [X] T002 [P] Configure the linter in pyproject.toml

    ## Phase 2: User Story 1 - Read a sensor (Priority: P1) 🎯 MVP

    - [ ] T003 [P] [US1] Model in src/sensor.py
    - [ ] [P] [US1] T004 Parser in src/parse.py
    - [ ] **T005** [US1] Service
    - [ ] [T006] [US1,US2] Shared parts
    - [ ] T007: Wire it up
    - [ ] ~~T008~~ ~~Old idea~~ dropped
    - [ ] T009a [P0] Urgent
    - [ ] T010.1 [VERIFY] Look at it
    - [ ] T011-MIN Small version
    - [ ] TXXX [P] A placeholder
"""

KIRO = """
    # Implementation Plan: Kiosk

    ## Tasks

    - [x] 0. Prepare
    - [-] 1. Build the screen
      - [x] 1.1 Draw the frame
        - use the theme
        - _Requirements: 1.1, 2.3_
      - [ ]* 1.2 Write property tests
      - [x]\\* 1.3 Write more tests (P)
    - [ ] 2. Checkpoint - ask when in doubt
    - [~] 3. (P) Later
"""

OPENSPEC = """
    ## 1. Server

    - [x] 1.1 Add the endpoint
    - [ ] 1.2 Cover it
    ### 1.3 Details
    + [ ] 1.3.1 Name it
      - [ ] a step without a number
    ## 2. Client
    1. [ ] Without a number
"""

HEADINGS = """
    # Plan

    ## Phase 1 - Base

    ### Task 1: Lay the floor ✅
    **Status**: open
    **Dependencies**: None

    - [ ] not a task, but a condition

    ### **🔧 Task 1.1: Screw it down**
    - **Depends**: Task 1 (the floor)
    - **Status**: [x]

    ### T4: Paint [US2] [P]

    ### Task 5. Leave [COMPLETED]
"""

SPEC_KITTY = """
    # Work Packages

    ## Work Package WP01: Services (Priority: P0)

    ### Included Subtasks
    - [x] T001 Write it
    - [ ] T002 [P] Test it

    ## Work Package WP02: Screen

    - [ ] T003 Draw it

    ### Dependencies
    - Depends on WP01

    | Subtask ID | Summary | Work Package |
    | --- | --- | --- |
    | T001 | Write it | WP01 |
"""

CCPM = """
    ---
    name: epic
    ---
    ## Task Breakdown Preview
    - [ ] #7 Extract the reader
    - [ ] #8 Extract the writer

    ## Tasks Created
    - [ ] #7 - Extract the reader (parallel: false)
    - [ ] #8 - Extract the writer (parallel: true, depends: #7)
"""

BMAD = """
    # Story 1.2

    ## Acceptance Criteria
    - [ ] #1 It is fast

    ## Tasks / Subtasks

    - [x] Task 1: Measure (AC: 1)
      - [ ] Subtask 1.1: Find a clock
      - [ ] unnumbered step
    - [ ] Task 2 (AC: 2)
"""

PLAIN = """
    # To do

    ## Release

    1. [ ] Build the wheel
       - [x] clean first
    2. [ ] Upload it

    ## Definition of Done

    - [ ] Nobody complains
"""

HOUSE = """
    ## Milestone 0
    - [ ] **M0.1** — Create `pyproject.toml`
    - [ ] **M0.2** — Depends on nothing
    - [ ] no id
"""


@pytest.mark.parametrize(
    ("text", "dialect", "ids"),
    [
        (SPEC_KIT, "spec-kit", "T001 T002 T003 T004 T005 T006 T007 T008 T009a T010.1 T011-MIN"),
        (KIRO, "kiro", "0 1 1.1 1.2 1.3 2 3"),
        (OPENSPEC, "openspec", "1.1 1.2 1.3.1 without-a-number"),
        (HEADINGS, "headings", "1 1.1 T4 5"),
        (SPEC_KITTY, "spec-kitty", "T001 T002 T003"),
        (CCPM, "ccpm", "#7 #8"),
        (BMAD, "bmad", "1 1.1 2"),
        (PLAIN, "checklist", "build-the-wheel clean-first upload-it"),
        (HOUSE, "checklist", "M0.1 M0.2"),
    ],
)
def test_dialect(read, text, dialect, ids):
    found = read(text)
    assert found.dialect == dialect
    assert [task.id for task in found.tasks] == ids.split()
    assert not [problem for problem in found.problems if problem.severity == "error"]


def test_lines_of_spec_kit(read):
    tasks = {task.id: task for task in read(SPEC_KIT).tasks}
    assert [task_id for task_id, task in tasks.items() if task.done] == ["T001", "T002"]
    assert [task_id for task_id, task in tasks.items() if task.parallel] == ["T002", "T003", "T004"]
    assert tasks["T003"].story == tasks["T004"].story == tasks["T006"].story == "US1"
    assert tasks["T007"].title == "Wire it up"
    assert tasks["T008"].title == "~~Old idea~~ dropped"
    assert tasks["T009a"].title == "Urgent"
    assert tasks["T010.1"].title == "[VERIFY] Look at it"
    assert tasks["T003"].phase == "Phase 2: User Story 1 - Read a sensor (Priority: P1) 🎯 MVP"
    assert tasks["T003"].files == ("src/sensor.py",)


def test_lines_of_kiro(read):
    tasks = {task.id: task for task in read(KIRO).tasks}
    assert [task_id for task_id, task in tasks.items() if task.optional] == ["1.2", "1.3"]
    assert [task_id for task_id, task in tasks.items() if task.done] == ["0", "1.1", "1.3"]
    assert [task_id for task_id, task in tasks.items() if task.parallel] == ["1.3", "3"]
    assert tasks["1.1"].parent == "1"
    assert tasks["1.1"].notes["Requirements"] == "1.1, 2.3"
    assert tasks["3"].title == "Later"


def test_heading_tasks(read):
    tasks = {task.id: task for task in read(HEADINGS).tasks}
    assert [task_id for task_id, task in tasks.items() if task.done] == ["1", "1.1", "5"]
    assert tasks["1.1"].depends_on == ("1",)
    assert tasks["1.1"].title == "Screw it down"
    assert tasks["1.1"].parent == "1"
    assert (tasks["T4"].story, tasks["T4"].parallel) == ("US2", True)
    assert {task.phase for task in tasks.values()} == {"Phase 1 - Base"}


def test_heading_tasks_that_a_summary_ticks(read):
    found = read(
        """
        ### T1: Dig
        ### T2: Fill
        ## Summary
        - [x] T1. Dig
        - [ ] T2. Fill
        """
    )
    assert [(task.id, task.done) for task in found.tasks] == [("T1", True), ("T2", False)]
    assert "repeat a task" in found.problems[0].message


def test_numbered_headings_are_tasks_only_with_fields(read):
    text = """
    ### 1. Look
    - **Dependencies**: None
    ### 2. Decide
    - **Dependencies**: Task 1
    ### 3. Background
    Nothing to do.
    """
    found = read(text)
    assert [(task.id, task.depends_on) for task in found.tasks] == [("1", ()), ("2", ("1",))]


def test_boxes_with_ids_below_task_headings_are_the_tasks(read):
    found = read(
        """
        ## Task 1: Server
        - [ ] 1. Server
        - [ ] 1.1 Route
        - [ ] 1.2 Store
        """
    )
    assert [task.id for task in found.tasks] == ["1", "1.1", "1.2"]
    assert found.phases[0].name == "Task 1: Server"


def test_ccpm_keeps_the_later_list(read):
    tasks = read(CCPM).tasks
    assert [task.line for task in tasks] == [9, 10]
    assert tasks[1].depends_on == ("#7",)
    assert tasks[1].parallel


def test_work_packages_are_phases(read):
    found = read(SPEC_KITTY)
    assert [phase.name for phase in found.phases] == [
        "Work Package WP01: Services (Priority: P0)",
        "Work Package WP02: Screen",
    ]
    assert all(not task.depends_on for task in found.tasks)


@pytest.mark.parametrize(
    ("text", "phases"),
    [
        ("# Only a title\n- [ ] 1. a\n", [None]),
        ("# One\n- [ ] 1. a\n# Two\n- [ ] 2. b\n", ["One", "Two"]),
        ("# Phase 1: Setup\n- [ ] T001 a\n", ["Phase 1: Setup"]),
        (
            "## 📋 Task Checklist\n### Phase 1\n- [ ] T001 a\n### Phase 2\n- [ ] T002 b\n",
            ["Phase 1", "Phase 2"],
        ),
        ("## 1. Part\n### 1.1 Deep\n- [ ] 1.1.1 a\n", ["1. Part"]),
        ("## Work\n### フェーズ1\n- [ ] T001 a\n", ["フェーズ1"]),
        ("Set\n=====\n- [ ] a\n\nSub\n-----\n- [ ] b\n", [None, "Sub"]),
        ("## Real\nnot a heading\n---\n- [ ] a\n", ["Real"]),
        ("## Tasks\n- [ ] 1. a\n", ["Tasks"]),
    ],
)
def test_phase(read, text, phases):
    assert [task.phase for task in read(text).tasks] == phases


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("任务：创建模型", "任务：创建模型"),
        ("T001：创建模型", "创建模型"),
        ("T001 モデルを作成する（src/model.py）", "モデルを作成する（src/model.py）"),
        ("T001 모델을 만든다", "모델을 만든다"),
        ("T001 Créer le modèle", "Créer le modèle"),
        ("1. إنشاء النموذج", "إنشاء النموذج"),
        ("タスク 1: 作成", "作成"),
    ],
)
def test_any_script(read, line, title):
    assert [task.title for task in read(f"- [ ] {line}\n").tasks] == [title]


def test_tabs_and_one_space_indents(read):
    found = read("- [ ] 1. a\n\t- [ ] 1.1 b\n\t\t- note\n- [ ] 2. c\n   - [ ] 2.1 d\n")
    assert [(task.id, task.parent) for task in found.tasks] == [
        ("1", None),
        ("1.1", "1"),
        ("2", None),
        ("2.1", "2"),
    ]
