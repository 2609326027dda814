"""What a file states about which task depends on which."""

# ruff: noqa: RUF001 (other scripts on purpose)

from __future__ import annotations

import pytest
from readings import edges

from pytest_moderator.tasksfile import dependencies

LINES = "".join(f"- [ ] T{number:03} task\n" for number in range(1, 10))


@pytest.mark.parametrize(
    ("note", "ids"),
    [
        ("(depends on T001, T002)", "T001 T002"),
        ("(depends on T001 and `T002`)", "T001 T002"),
        ("— depends on T001 (the model) + T002/T003", "T001 T002 T003"),
        ("[depends:T001,T002]", "T001 T002"),
        ("**[Depends: T001]**", "T001"),
        ("`[deps: T001, spec 5]`", "T001"),
        ("(deps: T001–T003; spec: none)", "T001 T002 T003"),
        ("(blocked by T001 - wait)", "T001"),
        ("(after T001 rewrite)", "T001"),
        ("once T001 is merged", "T001"),
        ("requires T001's output", "T001"),
        ("(parallel: false, depends: T001)", "T001"),
        ("(依赖 T001、T002)", "T001 T002"),
        ("(T001 完成后)", "T001"),
        ("T001に依存", "T001"),
        ("(depende de T001 y T002)", "T001 T002"),
        ("(зависит от T001)", "T001"),
        ("(depends on T050)", "T050"),
        ("depends on T009", "T009"),
        ("(depends on T001,\n  T002)", "T001 T002"),
        ("(parallel with T001)", ""),
        ("per T001, as in T002, make T003 pass", ""),
        ("not dependent on T001; no dependency on T002", ""),
        ("`depends on the T001 table`", ""),
        ("(depends on: none)", ""),
        ("(after T050)", ""),
        ("thereafter T001", ""),
        ("depends on FR-001 and SC-002", ""),
    ],
)
def test_own_line(read, note, ids):
    found = read(f"{LINES}- [ ] T010 last {note}\n")
    assert edges(found).get("T010", "") == ids


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ("- **Dependencies**: T001, T002 (both)", "T001 T002"),
        ("- **Dependencies**: None (T001 is independent)", ""),
        ("- **Dependencies**: All work complete (T001-T003)", "T001 T002 T003"),
        ("- Depends on: T001; parallel with T002", "T001"),
        ("- _Depends: T001_", "T001"),
        ("- **依賴**: T001", "T001"),
        ("- Requires: Node 22", ""),
        ("- Depends on T001 for its types", "T001"),
        ("- Blocked by T001", "T001"),
        ("- make T001 pass, after T002", ""),
        ("- depends on: T001, T077, own-name", "T001 T077 own-name"),
        ("- depends on: `T001` and T002", "T001 T002"),
        ("- depends on: T001-T003", "T001 T002 T003"),
        ("- depends on: none", ""),
        ("- depends on: [T001]", "T001"),
    ],
)
def test_body(read, body, ids):
    found = read(f"{LINES}- [ ] T010 last\n  {body}\n")
    assert edges(found).get("T010", "") == ids
    assert found.problems == ()


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ("_Depends: 1.1, 2_", "1.1 2"),
        ("_Depends on: 1_", "1"),
        ("_Dependencies: [1.1]_", "1.1"),
        ("_Depends:_ none", ""),
        ("_Requirements: 1.1, 2_", ""),
        ("**Dependencies**: 3 services", ""),
        ("**Dependencies**: Phase 1, Python 3.11", ""),
        ("**Dependencies**: Tasks 1 and 2", "1 2"),
        ("depends on: 1.1", "1.1"),
    ],
)
def test_numbers(read, line, ids):
    found = read(f"- [ ] 1. a\n  - [ ] 1.1 b\n- [ ] 2. c\n- [ ] 3. d\n- [ ] 4. last\n  - {line}\n")
    assert edges(found).get("4", "") == ids


def test_numbers_on_the_own_line(read):
    found = read(
        "- [ ] 1. a\n- [ ] 2. b (depends on 1)\n- [ ] 3. needs 2 GB after 1 minute\n- [ ] 4. c (after task 2)\n"
        "- [ ] 5. depends on 3 services\n- [ ] 5.1 d\n- [ ] 6. e, after 5.1\n- [ ] 7. f, requires Python 5.1\n"
    )
    assert edges(found) == {"2": "1", "4": "2", "6": "5.1"}


def test_made_ids_can_be_named(read):
    found = read("- [ ] Build it\n- [ ] Ship it\n  - depends on: build-it\n")
    assert edges(found) == {"ship-it": "build-it"}


def test_short_forms_of_long_ids(read):
    found = read("- [ ] P1-T01 a\n- [ ] P1-T02 b [deps: T01]\n")
    assert edges(found) == {"P1-T02": "P1-T01"}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("T001 blocks T002, T004", "2<1 4<1"),
        ("T001 → T002 → T003", "2<1 3<2"),
        ("T001->T002", "2<1"),
        ("T002 ← T001", "2<1"),
        ("Models (T001-T002) must complete before services (T003)", "3<1,2"),
        ("Tests T001, T002 must exist (and fail) before the code (T003-T004)", "3<1,2 4<1,2"),
        ("T003 depends on T001..T002", "3<1,2"),
        ("T003/T004 depend on T001 and T002", "3<1,2 4<1,2"),
        ("T001 (the model) blocks T002", "2<1"),
        ("T001 unblocks T002, which in turn unblocks T003", "2<1 3<2"),
        ("T001 blocks T002, T003 blocks T004", "2<1 4<3"),
        ("T003 depends on T001, T004 depends on T002", "3<1 4<2"),
        ("T002 depends on T001 and blocks T003", "2<1 3<2"),
        ("T003 depends on models (T001) and services (T002)", "3<1,2"),
        ("models (T001) and services (T002) before T003", "3<1,2"),
        ("T001 → T002 (same file after T001) → T003 (after the code)", "2<1 3<2"),
        ("US1 depends on the base (T001 must complete before T002-T003)", "2<1 3<1"),
        ("Base T001..T002: BLOCK stories; must finish before T003", "3<1,2"),
        ("T003 (tests) — needs T001", "3<1"),
        ("T002 cannot start until T001 is done", "2<1"),
        ("After T001 is merged, the screens (T003) can start", "3<1"),
        ("T001-T003 are sequential", "2<1 3<2"),
        ("T007+ depend on T001", "7<1 8<1 9<1"),
        ("T001 must complete before T002.", "2<1"),
        ("**T001** blocks `T002`", "2<1"),
        ("T002 requires\nT001", "2<1"),
        ("T002 依赖 T001", "2<1"),
        ("T001 avant T002", "2<1"),
        ("T001 blocks T001-T002", "2<1"),
        ("T001 can run in parallel with T002", ""),
        ("T001 ∥ T002→T003", "3<2"),
        ("T001 || T002", ""),
        ("T001 does not depend on T002", ""),
        ("Setup (T001) before everything", ""),
        ("Everything before the rest (T009)", ""),
        ("US2 depends on T001", ""),
        ("T001, T002 first", ""),
        ("T001: write it. T002: read it", ""),
        ("T001 (as T002) is simple", ""),
        ("T001 may be not sequential: T002", ""),
        ("T001 blocks deployment", ""),
    ],
)
def test_statement(read, statement, expected):
    wanted: dict[str, str] = {}
    for edge in expected.split():
        task, _, others = edge.partition("<")
        wanted[f"T00{task}"] = " ".join(f"T00{other}" for other in others.split(","))
    for prefix in ("", "- ", "1. "):
        text = statement.replace("\n", "\n" + " " * len(prefix))
        assert edges(read(f"{LINES}\n## Dependencies\n\n{prefix}{text}\n")) == wanted


@pytest.mark.parametrize(
    "heading",
    ["Dependencies & Execution Order", "依赖关系", "依存関係", "의존성", "Dépendances", "Зависимости"],
)
def test_headings_of_dependencies(read, heading):
    assert edges(read(f"{LINES}\n## {heading}\n### More\nT001 → T002\n")) == {"T002": "T001"}


def test_statements_elsewhere_do_not_count(read):
    assert edges(read(f"{LINES}\n## Notes\n\nT001 → T002\n")) == {}


def test_fences_do_not_count_but_mermaid_does(read):
    found = read(
        LINES
        + "## Dependencies\n```\nT001 → T002\n```\n```mermaid\ngraph TD\n"
        + "  T001[The base] --> T002 & T003\n  T003 -->|then| T004;\n  T004 -- later --> X{Gate}\n```\n"
    )
    assert edges(found) == {"T002": "T001", "T003": "T001", "T004": "T003"}


def test_tables(read):
    found = read(
        LINES
        + "## Order\n| Task | Title | Depends On | Blocks |\n| --- | --- | --- | --- |\n"
        + "| T002 | b | T001 | T003, T004 |\n| **T005** | e | – | – |\n| none | x | T001 | |\n"
        + "\n| Phase | Tasks |\n| --- | --- |\n| 1 | T001 |\n"
        + "\n| Depends on |\n| --- |\n| T001 |\n"
    )
    assert edges(found) == {"T002": "T001", "T003": "T002", "T004": "T002"}


def test_unknown_ids_in_prose_are_a_warning(read):
    found = read(f"{LINES}\n## Dependencies\n\nT099 blocks T001, T002\n")
    assert edges(found) == {}
    (problem,) = found.problems
    assert (problem.severity, problem.code, problem.line) == ("warning", "unknown-id", 13)
    assert "T099" in problem.message


def test_too_many_dependencies_are_refused(read, monkeypatch):
    monkeypatch.setattr(dependencies, "MAX_EDGES", 10)
    found = read(f"{LINES}\n## Dependencies\n- T001-T003 before T004-T009\n- T001 before T002\n")
    assert [problem.code for problem in found.problems] == ["too-many-dependencies"]
    found = read("- [ ] T000 a\n" + "".join(f"- [ ] T00{n} a (depends on T001-T009)\n" for n in range(1, 10)))
    assert [problem.code for problem in found.problems] == ["too-many-dependencies"]


def test_waves(read):
    found = read(
        """
        - [ ] 1. a
          - [ ] 1.1 b
          - [ ] 1.2 c
        - [ ] 2. d
        ## Task Dependency Graph
        ```json
        {"waves": [{"id": 0, "tasks": ["1.1"]}, {"wave": 4, "tasks": [2]}, {"tasks": ["1.2", null]}, 7, {"tasks": 1}]}
        ```
        ```json
        {"waves": broken
        ```
        ```json
        ["\\"waves\\":"]
        ```
        """
    )
    assert {task.id: task.wave for task in found.tasks} == {"1": None, "1.1": 0, "1.2": 2, "2": 4}
    assert edges(found) == {}


STORIES = "- [ ] T001 [US1] a\n- [ ] T002 [US2] b\n- [ ] T003 [US3] c\n- [ ] T004 [US4] d\n"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("- US2 depends on US1", {"US2": ("US1",)}),
        ("- **User Story 2 (P1)**: Depends on US1 (the base) + US3", {"US2": ("US1", "US3")}),
        ("- US1 (Phase 3): BLOCKS US2, US3", {"US2": ("US1",), "US3": ("US1",)}),
        ("- 用户故事 2 依赖 用户故事 1", {"US2": ("US1",)}),
        ("- **User Story 2**: can start after Foundational, should be independent of US1", {}),
        ("- US3: no dependency on US1 or US2", {}),
        ("- or in priority order: US1 → US2 → US3", {}),
        ("- US1 and US2 in parallel", {}),
        (
            "| Story | Depends On | Parallel |\n| --- | --- | --- |\n| US2 | US1 | US3 |\n| US3 | not US1 | |",
            {"US2": ("US1",)},
        ),
        ("- T002 depends on T001", {}),
    ],
)
def test_stories(read, statement, expected):
    assert read(f"{STORIES}\n## Dependencies\n\n{statement}\n").story_depends == expected


def test_story_fields_under_a_heading(read):
    found = read("## User Story 2 - x\n**Depends on**: US1 (Phase 3)\n- [ ] T001 a\n- **Depends on**: FR9\n")
    assert found.story_depends == {"US2": ("US1",)}


def test_feature_labels_as_stories(read):
    found = read("- [ ] T001 [FR1] a\n- [ ] T002 [FR2] b\n## Dependencies\n- FR2 depends on FR1, FR9\n")
    assert found.story_depends == {"FR2": ("FR1",)}
    assert found.tasks[0].story == "FR1"
