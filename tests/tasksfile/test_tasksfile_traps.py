"""What looks like a task and is none, and what is said about it."""

from __future__ import annotations

import pytest
from readings import ids


@pytest.mark.parametrize(
    "trap",
    [
        "```\n- [ ] T009 in a fence\n```",
        "~~~md\n- [ ] T009 in a tilde fence\n~~~",
        "````md\n```\n- [ ] T009 nested\n```\n````",
        "<!--\n- [ ] T009 in a comment\n-->",
        "- `- [ ] T009 inline code`",
        "- [P] tasks = different files",
        "- [x](https://example.org) a link",
        "T009 without a box",
        "- T009 a ledger entry",
        "| T009 | in a table |\n| --- | --- |\n| T010 | x |",
    ],
)
def test_no_task(read, trap):
    assert [task.id for task in read(f"- [ ] T001 real\n\n{trap}\n").tasks] == ["T001"]


def test_front_matter_is_no_text(read):
    found = read("---\ntitle: x\nlist:\n- [ ]\n---\n- [ ] T001 real\n")
    assert [(task.id, task.line) for task in found.tasks] == [("T001", 6)]
    assert found.problems == ()


def test_a_rule_at_the_top_is_no_front_matter(read):
    assert read("---\n- [ ] a\n").tasks[0].line == 2


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("- [ ] T001 a\n## Validation Checklist\n- [ ] all good\n- [x] fine\n", "2 check-boxes at lines 3-4"),
        ("- [ ] T001 a\n- [ ] no id\n", "1 check-box at line 2 was not read as tasks: they have no id"),
        ("- [ ] a\n## Definition of Done\n- [ ] b\n", "they stand under 'Definition of Done'"),
        ("- [ ] 1. a\n  - [ ] step\n", "they are steps of tasks"),
        ("- [ ] a\n> - [ ] quoted\n", "they stand where Markdown sees no list item"),
        ("- [ ] a\n-[ ] b\n", "they stand where Markdown sees no list item"),
        ("- [ ] a\n\n<div>\n- [ ] b\n</div>\n", "they stand where Markdown sees no list item"),
        ("- [ ] a\n- [ ]\n", "they are empty"),
        ("- [ ] T001 a\n- [ ] T001 a\n", "they repeat a task"),
    ],
)
def test_passed_over_boxes_are_said(read, text, part):
    found = read(text)
    assert len(found.tasks) == 1
    assert [problem.code for problem in found.problems] == ["passed-over"]
    assert found.problems[0].severity == "warning"
    assert part in found.problems[0].message


@pytest.mark.parametrize(
    "line", ["- [ ]T002 b", "-[ ] T002 b", "- [x ] T002 b", "- [  ] T002 b", "-[ ]T002 b"]
)
def test_a_task_that_is_written_badly_is_an_error(read, line):
    found = read(f"- [ ] T001 a\n{line}\n")
    assert [task.id for task in found.tasks] == ["T001"]
    assert [(p.code, p.severity, p.line) for p in found.problems] == [("broken-box", "error", 2)]
    assert "- [ ] T002" in found.problems[0].hint


@pytest.mark.parametrize(
    "text", ["    - [ ]T002 b", "> - [ ]T002 b", "<div>\n- [ ] T002 b\n</div>", "[x] = done"]
)
def test_what_is_no_task_of_the_file_is_no_error(read, text):
    assert {problem.severity for problem in read(f"- [ ] T001 a\n\nWords.\n\n{text}\n").problems} == {
        "warning"
    }


def test_many_passed_over_boxes_are_said_in_short(read):
    found = read("- [ ] 1. a\n" + "  - [ ] step\n  - note\n" * 20)
    assert found.problems[0].message.count("-") < 20
    assert "…" in found.problems[0].message


@pytest.mark.parametrize(
    "heading",
    [
        "## Phase 2: Foundational (Blocking Prerequisites)",
        "## Validation",
        "## 4. Testing",
        "## 2. Dependencies",
        "## Dependencies and setup",
    ],
)
def test_headings_of_work_hold_tasks(read, heading):
    assert len(read(f"{heading}\n- [ ] a\n- [ ] b\n").tasks) == 2


@pytest.mark.parametrize(
    "heading",
    [
        "Success Criteria",
        "Acceptance Criteria",
        "Prerequisites",
        "1. Prerequisites",
        "Pre-Commit Checklist",
        "Manual Testing Checklist",
        "验收标准",
        "受け入れ基準",
        "Critères d'acceptation",
    ],
)
def test_headings_of_conditions_hold_none(read, heading):
    found = read(f"- [ ] a\n## {heading}\n- [ ] b\n")
    assert [task.title for task in found.tasks] == ["a"]


@pytest.mark.parametrize("heading", ["## Dependencies", "**Dependencies**:", "## 依赖关系", "## 의존성"])
def test_boxes_of_prerequisites_are_no_tasks(read, heading):
    found = read(
        f"# Task: Sails\n\n## Acceptance Criteria\n- [ ] they hold\n\n{heading}\n- [ ] Task 002 (masts)\n"
        "- [ ] Task 003\n- [ ] None\n\n## Work\n- [ ] a\n"
    )
    assert [task.title for task in found.tasks] == ["a"]


@pytest.mark.parametrize("heading", ["## Dependencies", "**Dependencies**:"])
def test_what_is_to_be_installed_are_tasks(read, heading):
    found = read(f"# To do\n\n## Work\n- [ ] a\n\n{heading}\n- [ ] add b\n- [ ] drop c\n")
    assert [task.title for task in found.tasks] == ["a", "add b", "drop c"]


def test_a_list_of_dependencies_may_hold_tasks_with_ids(read):
    assert ids(read("## Dependencies\n- [ ] T001 add them\n- [ ] T002 pin them\n")) == ["T001", "T002"]
    assert ids(read("## Dependency\n- [ ] 1. add it\n- [ ] 2. pin it\n")) == ["1", "2"]


def test_an_id_key_makes_any_box_a_task(read):
    found = read("- [ ] T001 a\n- [ ] mine\n  - id: own-name\n")
    assert [task.id for task in found.tasks] == ["T001", "own-name"]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "the file is empty"),
        ('{"master": {"tasks": []}}', "JSON"),
        ("# Nothing\n\nto do\n", "no task was found"),
        ("- T001 a\n- T002 b\n", "2 list items at lines 1-2 have an id but no check-box"),
        ("## Acceptance Criteria\n- [ ] b\n", "no check-box was read as a task"),
    ],
)
def test_no_tasks_at_all(read, text, part):
    found = read(text)
    assert found.tasks == ()
    assert found.dialect == ""
    (problem,) = [problem for problem in found.problems if problem.severity == "error"]
    assert problem.code == "no-tasks"
    assert part in problem.message
    assert problem.hint


def test_duplicate_ids_stay_and_are_an_error(read):
    found = read("- [x] T001 a\n- [ ] T001 b\n")
    assert [(task.id, task.line, task.done) for task in found.tasks] == [
        ("T001", 1, True),
        ("T001", 2, False),
    ]
    assert [str(problem) for problem in found.problems] == [
        "tasks.md:2: error duplicate-id: T001 is already defined at line 1 (give one of the two another id)"
    ]


def test_states_of_boxes(read):
    found = read(
        "- [ ] a\n- [x] b\n- [X] c\n- [-] d\n- [~] e\n- [!] f\n- [✓] g\n- [] h\n* [x] **i**\n1. **[x] j**\n"
    )
    assert "".join(task.id for task in found.tasks if task.done) == "bcgij"
    assert len(found.tasks) == 10
