"""Forms that real task lists have, and no template: groups, labels, and states beside their fields."""

# ruff: noqa: RUF001 (other scripts on purpose)

from __future__ import annotations

import pytest
from readings import edges, ids


def done(found):
    return [task.id for task in found.tasks if task.done]


GROUPS = """
    # Plan
    ## {}
    - [x] Draw the map
    - [ ] Colour the map
    ## {}
    - [ ] Print the map
"""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("EPIC-001 - Maps", "EPIC-002 - Paper"),
        ("M1 — Maps", "M2 — Paper"),
        ("Sprint-1: Maps", "Sprint-2: Paper"),
    ],
)
def test_headings_of_groups_are_no_tasks(read, first, second):
    found = read(GROUPS.format(first, second))
    assert ids(found) == ["draw-the-map", "colour-the-map", "print-the-map"]
    assert [task.phase for task in found.tasks] == [first, first, second]


def test_groups_with_fields_are_tasks(read):
    found = read(
        "## M1 — Maps\n**Depends on**: none\n- [ ] draw\n## M2 — Paper\n**Depends on**: M1\n- [ ] print\n"
    )
    assert edges(found) == {"M2": "M1"}


def test_groups_over_tasks_are_no_tasks(read):
    found = read(
        "## EPIC-1: Maps\n### DRAW-1: Draw\n- [ ] a step\n### DRAW-2: Colour\n- [ ] a step\n## EPIC-2: Rest\n"
    )
    assert ids(found) == ["DRAW-1", "DRAW-2"]


def test_few_headings_with_letters_among_many_boxes_are_sections(read):
    found = read(
        """
        ## Maps
        - [ ] Draw
        - [ ] Colour
        ## K6 - Paper
        - [ ] Buy
        ## K7 - Ink
        - [ ] Mix
        """
    )
    assert ids(found) == ["draw", "colour", "buy", "mix"]


def test_heading_tasks_keep_their_steps_beside_a_checklist(read):
    found = read("## WEB-1: Draw\n- [ ] a\n- [ ] b\n- [ ] c\n## WEB-2: Print\n- [ ] d\n## Rest\n- [ ] e\n")
    assert ids(found) == ["WEB-1", "WEB-2"]


def test_a_container_with_a_number_is_no_task(read):
    found = read("## 1. Goal\n\n## 2. Tasks\n\n**Status:** open, done\n\n- [ ] Draw\n- [ ] Print\n")
    assert ids(found) == ["draw", "print"]


def test_ids_that_end_in_a_dash_and_a_letter(read):
    found = read(
        """
        - [ ] **T01-A:** Draw
        - [ ] **T01-B [P]:** Colour (depends on T01-A)
        - [ ] **T02:** Print (depends on T01)
        """
    )
    assert [(task.id, task.title.split()[0], task.parallel) for task in found.tasks] == [
        ("T01-A", "Draw", False),
        ("T01-B", "Colour", True),
        ("T02", "Print", False),
    ]
    assert edges(found) == {"T01-B": "T01-A", "T02": "T01-A T01-B"}


def test_an_id_whose_prefix_counts_phases_may_be_the_only_one_of_its_phase(read):
    found = read("## One\n- [ ] P0-01: Draw\n- [ ] P0-02: Print\n## Two\n- [ ] P1-01: Sell\n")
    assert ids(found) == ["P0-01", "P0-02", "P1-01"]


def test_an_a_beside_a_b_is_a_part_of_the_list(read):
    assert ids(
        read("- [ ] **A1. Draw**: it\n- [ ] **A2. Print**: it\n- [ ] **B1. Sell**: it\n- [ ] **B2. Rest**\n")
    ) == [
        "A1",
        "A2",
        "B1",
        "B2",
    ]


@pytest.mark.parametrize(
    "heading",
    [
        "Server (P0: 公開の前提条件)",
        "出荷（前提条件）",
        "2-1. Quality gate module `new`",
    ],
)
def test_words_of_conditions_that_are_no_conditions(read, heading):
    assert ids(read(f"## {heading}\n- [ ] Draw\n")) == ["draw"]


@pytest.mark.parametrize(
    "heading", ["前提条件", "開発の前提条件", "Quality Gates", "Quality gate (must pass)"]
)
def test_words_of_conditions(read, heading):
    assert ids(read(f"## Work\n- [ ] Draw\n## {heading}\n- [ ] It is quiet\n")) == ["draw"]


def test_what_a_reviewer_has_checked_is_no_task(read):
    found = read(
        """
        ## Tasks / Subtasks
        - [x] Task 1: Draw (AC: 1)
          - [x] find a pen
        ## QA Results
        ### Improvements Checklist
        - [x] Pens are sharp
        - [ ] Paper is white
        """
    )
    assert ids(found) == ["1"]


@pytest.mark.parametrize(
    "label", ["**Acceptance Criteria:**", "__Definition of Done__", "✅ Success criteria:", "**验收标准**："]
)
def test_labels_of_conditions(read, label):
    found = read(
        f"## Maps\n\n- [ ] Draw\n\n{label}\n\n- [ ] It is a map\n- [ ] It is new\n\nThen\n\n- [ ] Print\n"
    )
    assert ids(found) == ["draw", "print"]
    (problem,) = found.problems
    assert label in problem.message


def test_labels_of_conditions_in_an_item(read):
    found = read(
        """
        - [ ] Draw
          - Acceptance criteria:
            - [ ] It is a map
          - [ ] Sharpen the pen
        - [ ] Print

          **Definition of done**

          - [ ] It is on paper
        - [ ] Sell
        """
    )
    assert ids(found) == ["draw", "sharpen-the-pen", "print", "sell"]


@pytest.mark.parametrize("text", ["All acceptance criteria were met", "See **Acceptance Criteria** above"])
def test_prose_is_no_label(read, text):
    assert ids(read(f"{text}\n\n- [ ] Draw\n")) == ["draw"]


@pytest.mark.parametrize(
    "below",
    [
        "**Dependencies**:\n- Task 1 (the map)\n- Task 2\n",
        "**Dependencies**:\n\n* Task 1\n* Task 2\n\n**Notes**: Task 3 is free\n",
        "#### Dependencies\n\n- Task 1\n- Task 2\n\n#### Notes\n\n- Task 3\n",
        "#### Depends on\n\nTask 1 and Task 2\n",
        "**Estimate**: 2h\n**依赖**：\n\n- Task 1\n- Task 2\n",
    ],
)
def test_prerequisites_listed_below_their_label(read, below):
    found = read(f"### Task 1: Draw\n### Task 2: Buy\n### Task 3: Wait\n### Task 4: Print\n{below}")
    assert edges(found) == {"4": "1 2"}


def test_files_listed_below_their_label(read):
    found = read(
        "### Task 1: Draw\n\n**Files:**\n- Create: `maps/draw.py`\n- Modify: `maps/all.py:3-9`\n"
        "\nLater\n\n- Run: `make`\n"
    )
    assert found.tasks[0].files == ("maps/draw.py", "maps/all.py")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("🔴 P0 | ✅ DONE | Est: 2d", True),
        ("P1 | Completed", True),
        ("🔴 P0 | ⬜ TODO | Est: 2d", False),
        ("P1 | Done when it is drawn | 2d", False),
        ("Done", False),
    ],
)
def test_a_state_among_others_below_a_heading(read, line, expected):
    found = read(f"### TASK-001: Draw\n{line}\n\n### TASK-002: Print\n")
    assert done(found) == ["TASK-001"] * expected


@pytest.mark.parametrize(
    "below",
    [
        "状态：已完成",
        "상태: 완료",
        "#### Status\n\nDone",
        "#### Status\n✅ Completed\n\n#### Notes\n\nnot yet",
    ],
)
def test_states_below_a_heading(read, below):
    assert done(read(f"### Task 1: Draw\n\n{below}\n\n### Task 2: Print\n")) == ["1"]


@pytest.mark.parametrize(
    "note",
    [
        "T001, T002完了後",
        "依存関係：T001〜T002",
        "T001とT002が必要",
        "의존성: T001, T002",
        "T001, T002 필요",
        "требует T001 и T002",
        "блокируется T001, T002",
        "requiere T001 y T002",
        "bloqueado por T001, T002",
        "requer T001 e T002",
        "bloqueada por T001 e T002",
        "benötigt T001 und T002",
        "hängt von T001 und T002 ab",
        "blockiert durch T001, T002",
        "nécessite T001 et T002",
        "bloqué par T001, T002",
        "التبعيات: T001، T002",
        "يتطلب T001، T002",
        "setelah T001, T002",
        "dopo T001, T002",
        "bağımlılık: T001, T002",
    ],
)
def test_prerequisites_on_a_line_in_many_languages(read, note):
    found = read(f"- [ ] T001 a\n- [ ] T002 b\n- [ ] T003 c ({note})\n")
    assert edges(found) == {"T003": "T001 T002"}
    assert not found.problems


@pytest.mark.parametrize(
    "statement",
    [
        "T002 bloqueado por T001",
        "T002 benötigt T001",
        "T002 требует T001",
        "T002 setelah T001",
        "T001 sebelum T002",
    ],
)
def test_statements_in_many_languages(read, statement):
    found = read(f"- [ ] T001 a\n- [ ] T002 b\n## Dependencies\n- {statement}\n")
    assert edges(found) == {"T002": "T001"}


def test_tasks_with_a_hash_before_their_number(read):
    found = read(
        "### Task #1: Draw\n### Task #2: Print\n**Depends on**: #1\n### Task #3: Sell\nAfter: Task #1, #2\n"
    )
    assert edges(found) == {"2": "1", "3": "1 2"}


def test_a_dash_behind_a_chain_is_no_range(read):
    found = read("- [ ] T1 a\n- [ ] T2 b\n- [ ] T3 c\n## Dependencies\n**T1 → T3** — T2 is free\n")
    assert edges(found) == {"T3": "T1"}
    assert not found.problems


def test_parts_of_a_heading_task_are_no_tasks(read):
    assert ids(read("# Task 0001: Draw\n## Steps\n#### C1. Pens\n#### C2. Paper\n#### D1. Ink\n")) == ["0001"]


def test_a_title_that_looks_like_a_task_is_none(read):
    assert ids(read("# Task 7: Maps\n## Tasks\n### 001: Draw\n### 002: Print\n")) == ["001", "002"]
    assert ids(read("# Task 1: Maps\n## Task 2: Draw\n## Task 3: Print\n")) == ["1", "2", "3"]


def test_few_ids_of_several_kinds_among_many_boxes_are_names(read):
    found = read(
        """
        - [ ] MAP-1: Draw
        - [ ] MAP-2: Print
        - [ ] Task 6: Sell
        - [ ] Buy pens
        - [ ] Buy paper
        - [ ] Buy ink
        """
    )
    assert ids(found) == ["MAP-1", "MAP-2", "6", "buy-pens", "buy-paper", "buy-ink"]


@pytest.mark.parametrize(
    "field",
    [
        "**Durum**: Tamamlandı",
        "**Trạng thái**: Đã hoàn thành",
        "**Status**: Selesai",
        "**Stato**: ✅ Completato",
        "**Status**: 100%",
    ],
)
def test_states_in_many_languages(read, field):
    assert done(read(f"### Task 1: Draw\n{field}\n### Task 2: Print\n**Status**: 10%\n")) == ["1"]
