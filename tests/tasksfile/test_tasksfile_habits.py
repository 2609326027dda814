"""Habits of authors that no template has, and that the reader has to see through."""

# ruff: noqa: RUF001 (other scripts on purpose)

from __future__ import annotations

import pytest
from readings import edges, ids

LINES = "".join(f"- [ ] T00{number} task {number}\n" for number in range(1, 10))


@pytest.mark.parametrize(
    ("line", "title", "parallel", "story"),
    [
        ("[P][US1] Model", "Model", True, "US1"),
        ("[P][us2] Model", "Model", True, "US2"),
        ("[US2][US3] Both", "Both", False, "US2"),
        ("🧪 [P] Tests first", "🧪 Tests first", True, None),
        ("[text][ref] is a link", "[text][ref] is a link", False, None),
        ("[Guide](guide.md) is a link", "[Guide](guide.md) is a link", False, None),
    ],
)
def test_tags_in_a_row(read, line, title, parallel, story):
    (task,) = read(f"- [ ] T001 {line}\n").tasks
    assert (task.title, task.parallel, task.story) == (title, parallel, story)


@pytest.mark.parametrize("text", ["- [x]编写文档", "- [x]（一期）编写文档", "- [x]문서 쓰기"])
def test_no_space_behind_a_box_in_scripts_without_spaces(read, text):
    (task,) = read(f"{text}\n").tasks
    assert task.done
    assert task.title == text[5:]


@pytest.mark.parametrize(
    ("line", "task_id", "title"),
    [
        ("7.3A Remove it", "7.3A", "Remove it"),
        ("2.10b Add it", "2.10b", "Add it"),
        ("001.md - Lay the base (parallel: false)", "001", "Lay the base (parallel: false)"),
    ],
)
def test_numbers_with_more(read, line, task_id, title):
    (task,) = read(f"- [ ] {line}\n").tasks
    assert (task.id, task.title) == (task_id, title)


def test_numbers_and_dashes_are_ids_where_several_are(read):
    assert ids(read("- [ ] 1 - Lay it\n- [ ] 2 – Build it\n")) == ["1", "2"]
    assert ids(read("- [ ] 404 - the page\n- [ ] another\n")) == ["404-the-page", "another"]
    assert ids(read("- [ ] 5 - 10 minutes\n- [ ] 2 - 3 hours\n")) == ["5-10-minutes", "2-3-hours"]


def test_files_of_tasks_are_the_list_and_not_its_preview(read):
    found = read(
        """
        ## Preview
        - [ ] Task 1: Lay the base
        - [ ] Something else

        ## Tasks Created
        - [ ] 001.md - Lay the base (parallel: true)
        - [ ] 002.md - Build on it (parallel: false, depends_on: 001)
        - [ ] 003.md - Paint it (parallel: false, depends_on: [001.md, 002.md])
        """
    )
    assert found.dialect == "ccpm"
    assert ids(found) == ["001", "002", "003"]
    assert edges(found) == {"002": "001", "003": "001 002"}
    assert [problem.code for problem in found.problems] == ["passed-over"]


def test_a_few_labels_make_no_scheme(read):
    found = read(
        """
        ## Session
        - [x] M1: Walk
        - [x] M1 acceptance: it walked
        - [ ] Rest
        - [ ] M2: Run
        - [ ] Drink
        """
    )
    assert ids(found) == ["M1", "m1-acceptance-it-walked", "rest", "M2", "drink"]
    assert found.problems == ()


def test_repeated_labels_are_no_ids(read):
    found = read("- [ ] M1: a\n- [ ] M1: b\n- [ ] c\n- [ ] d\n- [ ] e\n")
    assert ids(found) == ["m1-a", "m1-b", "c", "d", "e"]
    assert found.problems == ()


def test_labels_beside_numbers_stay_ids(read):
    found = read(
        "- [ ] 1. a\n- [ ] 2. b\n- [ ] 3. c\n- [ ] 4. d\n- [ ] 5. e\n- [ ] 6. f\n"
        "- [ ] F1. g\n- [ ] F2. h (depends on F1)\n"
    )
    assert ids(found)[-2:] == ["F1", "F2"]
    assert edges(found) == {"F2": "F1"}


def test_groups_a_and_b(read):
    found = read("- [ ] A1.1 a\n- [ ] A1.2 b\n- [ ] B1.1 c\n- [ ] B1.2 d\n")
    assert ids(found) == ["A1.1", "A1.2", "B1.1", "B1.2"]


def test_a_lone_id_among_others(read):
    found = read(
        "## Lines\n- [ ] PL0: a\n- [ ] PL0-1: b\n- [ ] PL1: c\n- [ ] SC-001 holds\n\n## Other\n- [ ] XY-1 far away\n"
    )
    assert ids(found) == ["PL0", "PL0-1", "PL1"]
    assert "lines 5, 8" in found.problems[0].message


def test_all_tasks_under_a_title_that_speaks_of_conditions(read):
    found = read("## Feature: completion criteria\n- [ ] 17. Types\n- [ ] 17.1 Update them\n")
    assert ids(found) == ["17", "17.1"]


def test_work_packages_without_boxes_are_the_tasks(read):
    found = read(
        """
        # Work Packages

        ## Work Package WP01: Scaffold

        **Dependencies**: None

        ## Work Package WP02: Fill it

        **Dependencies**: WP01
        """
    )
    assert (found.dialect, ids(found), edges(found)) == ("spec-kitty", ["WP01", "WP02"], {"WP02": "WP01"})


def test_several_fields_on_a_line(read):
    found = read(
        """
        ### T1: Base
        - **Phase:** 1 | **Status:** done | **Depends:** —
        ### T2: House
        **Phase**: 2 | **Depends**: T1 | **Complexity**: a | b
        ### T3: Garden
        - dependsOn: ["T1", "T2"]
        """
    )
    assert edges(found) == {"T2": "T1", "T3": "T1 T2"}
    assert [task.done for task in found.tasks] == [True, False, False]
    assert found.tasks[1].notes["Complexity"] == "a | b"


@pytest.mark.parametrize(
    ("heading", "done"),
    [
        ("Task 1: Build (Completed)", True),
        ("Task 1: Build (done 2026-01-02)", True),
        ("Task 1: 构建（已完成）", True),
        ("Task 1: Build — done", True),
        ("Task 1: Build (done by hand)", False),
        ("Task 1: Get it done", False),
    ],
)
def test_headings_that_say_done(read, heading, done):
    (task,) = read(f"## {heading}\n").tasks
    assert task.done is done


def test_decisions_are_no_tasks(read):
    found = read(
        "## Architecture Decisions\n### AX-1: Use a\n### AX-2: Use b\n## Tasks\n### T1: Do\n### T2: More\n"
    )
    assert ids(found) == ["T1", "T2"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("Tests (T001-T004) → code (T003-T005)", "T003<T001,T002 T004<T001,T002 T005<T001,T002"),
        ("T001 → T002·T003 → T004", "T002<T001 T003<T001 T004<T002,T003"),
        (
            "**Phase 1**: T001, T002 run in parallel\n**Phase 2**: all others (T003-T004) can run after T001",
            "",
        ),
        ("T001, T002 side by side  \nT003 after T002", "T003<T002"),
        ("T001 完成后 T002", "T002<T001"),
        ("T002 在 T001 之后", "T002<T001"),
        ("T001 在 T002 之前", "T002<T001"),
        ("T002 之前必须完成 T001", "T002<T001"),
        ("T001 完了後に T002", "T002<T001"),
        ("T002 は T001 の後", "T002<T001"),
        ("T001 이후 T002", "T002<T001"),
        ("T001은 T002 전에", "T002<T001"),
        ("T001 不在 T002 之后", ""),
    ],
)
def test_statements(read, statement, expected):
    wanted: dict[str, str] = {}
    for edge in expected.split():
        task, _, others = edge.partition("<")
        wanted[task] = others.replace(",", " ")
    if "Phase 2" in statement:
        wanted = {"T003": "T001", "T004": "T001"}
    assert edges(read(f"{LINES}\n## Dependencies\n\n{statement}\n")) == wanted


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("Task 1 antes de 2, 3 e 4", {"2": "1", "3": "1", "4": "1"}),
        ("Task 1 before 2 and 3", {"2": "1", "3": "1"}),
        ("Task 2 requires 3 hours", {}),
        ("Task 2 before 2030", {}),
        ("Task 2 is easy. Before 3", {}),
    ],
)
def test_numbers_in_statements(read, statement, expected):
    lines = "".join(f"- [ ] {number}. task {number}\n" for number in range(1, 5))
    assert edges(read(f"{lines}\n## Dependencies\n\n- {statement}\n")) == expected


def test_a_range_around_a_task_does_not_mean_the_task(read):
    found = read(
        f"{LINES}- [ ] T010 last (depends on T008-T012)\n- [ ] T011 a\n- [ ] T012 itself (after T012)\n"
    )
    assert edges(found) == {"T010": "T008 T009 T011 T012", "T012": "T012"}


def test_a_star_behind_the_number_means_optional(read):
    found = read("- [ ] 1. a\n- [ ] 1.1* b (P)\n- [ ] 1.2 *c* d\n- [ ] *1.3* e\n")
    assert [(task.id, task.optional) for task in found.tasks] == [
        ("1", False), ("1.1", True), ("1.2", False), ("1.3", False),
    ]  # fmt: skip
    assert found.tasks[1].parallel


def test_a_tag_behind_another_one(read):
    (task,) = read("- [ ] 1.1 Write it [A](P)\n").tasks
    assert (task.title, task.parallel) == ("Write it [A]", True)


def test_a_box_with_the_id_of_the_task_around_it_is_a_step(read):
    found = read(
        "- [ ] 3. a\n  - [ ] 3.1 b\n    - [ ] 3.1 Checkpoint: look\n  - - [ ] 3. Review\n- [ ] 3.1 twice\n"
    )
    assert [(task.id, task.line) for task in found.tasks] == [("3", 1), ("3.1", 2), ("3.1", 5)]
    assert [problem.code for problem in found.problems] == ["passed-over", "duplicate-id"]


def test_letters_in_boxes_are_said(read):
    found = read(
        "- [ ] T001 a\n- [C] T002 called off\n- [P] T003 its box is missing\n- [P] tasks = at once\n"
    )
    assert ids(found) == ["T001"]
    (problem,) = found.problems
    assert (problem.severity, problem.code, problem.line) == ("warning", "passed-over", 2)
    assert "2 check-boxes at lines 2-3" in problem.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Release Checklist\n- [ ] Tag it\n## Acceptance criteria\n- [ ] It runs\n", ["tag-it"]),
        ("# Plan\n- [ ] Build\n# Definition of Done\n- [ ] Green\n", ["build"]),
        ("## Phase 2: Build without external dependencies\n- [ ] Do it\n", ["do-it"]),
        ("## Phase 2: Acceptance criteria\n- [ ] Works\n## Phase 3\n- [ ] Do it\n", ["do-it"]),
        ("## Phase 2 success criteria\n- [ ] Works\n## Phase 3\n- [ ] Do it\n", ["do-it"]),
    ],
)
def test_what_makes_a_box_a_condition(read, text, expected):
    assert ids(read(text)) == expected


def test_numbered_headings_below_one_that_says_tasks(read):
    found = read(
        """
        # Plan
        ## 🚀 Tareas de Implementación
        ### 1. Base ✅
        Make it.
        ### 2. Red
        - Wire it.
        ## Notas
        ### 3. No es tarea
        """
    )
    assert [(task.id, task.done, task.phase) for task in found.tasks] == [
        ("1", True, "🚀 Tareas de Implementación"), ("2", False, "🚀 Tareas de Implementación"),
    ]  # fmt: skip


def test_numbered_headings_over_boxes_stay_sections(read):
    found = read("## Tasks\n### 1. Server\n- [ ] Add it\n### 2. Client\n- [ ] Show it\n")
    assert ids(found) == ["add-it", "show-it"]


def test_ids_with_a_letter_and_dots(read):
    found = read("### Task R.3.1: Base\n### Task R.3.2: House\n**Dependencies**: R.3.1\n")
    assert edges(found) == {"R.3.2": "R.3.1"}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("T002 depends on T001 and is sequenced after T003", {"T002": "T001 T003"}),
        ("T001 → T002, with T003 whenever it suits", {"T002": "T001"}),
    ],
)
def test_clauses_that_go_on(read, statement, expected):
    assert edges(read(f"{LINES}\n## Dependencies\n\n{statement}\n")) == expected


def test_products_are_no_files(read):
    (task,) = read(
        "- [ ] T001 Move from Vue.js 2 and `Node.js` to next.js, D3.js and lib/node.js, see Chart.tsx,\n"
        "  with xterm.js, NextAuth.js and `process.env`\n"
    ).tasks
    assert task.files == ("lib/node.js", "Chart.tsx")


def test_files_of_work_packages(read):
    (task,) = read(
        "## Work Package WP01: a\n**Dependencies**: None\n**Owned Files**: src/a.py, docs/b.md\n"
    ).tasks
    assert task.files == ("src/a.py", "docs/b.md")


def test_tasks_in_a_table_are_said(read):
    found = read("| ID | Task |\n|---|---|\n| T1 | a |\n| T2 | b |\n")
    assert "2 rows of tables at lines 3-4 have an id but no check-box" in found.problems[0].message


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Task 1", "1.1 1.2"),
        ("Tasks 1-2", "1.1 1.2 2.1"),
        ("1", "1.1 1.2"),
        ("1, 2.1", "1.1 1.2 2.1"),
        ("Task 7", "7"),
        ("1.1", "1.1"),
    ],
)
def test_a_group_stands_for_its_tasks(read, reference, expected):
    found = read(
        f"### Task 1.1: a\n### Task 1.2: b\n### Task 2.1: c\n### Task 10.1: d\n### Task 3.1: e\n"
        f"**Dependencies**: {reference}\n"
    )
    assert edges(found) == {"3.1": expected}


def test_a_group_of_letters_stands_for_its_tasks(read):
    found = read(
        "- [ ] A1.1 a\n- [ ] A1.2 b\n- [ ] B1.1 c\n- [ ] B2.1 d\n## Dependencies\n- B2 depends on A1\n"
    )
    assert edges(found) == {"B2.1": "A1.1 A1.2"}


@pytest.mark.parametrize(
    "note",
    [
        "(依赖于 T001)", "（前置：T001）", "(前置任务: T001)", "（前提：T001）", "(선행: T001)",
        "(dependências: T001)", "(dependencias: T001)", "(depende: T001)", "(dépendances : T001)",
        "(Abhängigkeiten: T001)", "(зависимости: T001)",
        "(يعتمد على T001)", "(zależy od T001)", "(bergantung pada T001)", "(prereqs: T001)", "(depends_on: T001)",
        "(blocked_by: T001)", "[blockedBy: T001]", "@depends(T001)",
    ],
)  # fmt: skip
def test_prerequisites_on_a_line_in_other_words(read, note):
    found = read(f"{LINES}- [ ] T010 last {note}\n")
    assert edges(found) == {"T010": "T001"}
    assert found.problems == ()


@pytest.mark.parametrize(
    "note", ["(not dependent on T001)", "（不依赖于 T001）", "(blocks deployment)", "(after US1)"]
)
def test_no_prerequisites_in_other_words(read, note):
    assert edges(read(f"{LINES}- [ ] T010 last {note}\n")) == {}


@pytest.mark.parametrize(
    "name", ["依赖关系", "前置", "先行タスク", "선행", "Dépendance", "Pre-requisites", "Depends upon"]
)
def test_fields_in_other_words(read, name):
    assert edges(read(f"{LINES}- [ ] T010 last\n  - **{name}**: T001, T002\n")) == {"T010": "T001 T002"}


@pytest.mark.parametrize(
    "heading", ["执行顺序", "実行順序", "실행 순서", "Ordem de execução", "Критический путь"]
)
def test_sections_in_other_words(read, heading):
    assert edges(read(f"{LINES}## {heading}\n- T001 → T002\n")) == {"T002": "T001"}


def test_as_many_previews_as_tasks(read):
    found = read("- [ ] T001 a\n- [ ] T002 b\n## Tasks Created\n- [ ] #11 a\n- [ ] #12 b (depends: #11)\n")
    assert (found.dialect, edges(found)) == ("ccpm", {"#12": "#11"})
