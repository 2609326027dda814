"""Spellings of ids, boxes and headings that no template has, and that people use all the same."""

# ruff: noqa: RUF001 (other scripts and dashes on purpose)

from __future__ import annotations

import pytest
from readings import edges, ids


@pytest.mark.parametrize(
    ("line", "task_id", "title"),
    [
        ("2a.1 Add the flag", "2a.1", "Add the flag"),
        ("**3C.12** Drop the flag", "3C.12", "Drop the flag"),
        ("1.A.2: Rename it", "1.A.2", "Rename it"),
        ("**P2B.3** Ship it", "P2B.3", "Ship it"),
    ],
)
def test_numbers_with_a_letter_in_their_midst(read, line, task_id, title):
    first = read(f"- [ ] {line}\n- [ ] {line.replace(task_id, task_id + '0', 1)}\n").tasks[0]
    assert (first.id, first.title) == (task_id, title)


def test_numbers_with_a_letter_can_be_depended_on(read):
    found = read(
        "- [ ] 1. Lay\n  - [ ] 1.a Sand\n  - [ ] 1.b Stones\n"
        "- [ ] 2a.1 Walk\n  - _Depends: 1.b_\n- [ ] 2a.2 Run (depends on 1.a, 2a.1)\n"
        "- [ ] 2a.3 Fly (after 2a.1-2a.2)\n"
    )
    assert edges(found) == {"2a.1": "1.b", "2a.2": "1.a 2a.1", "2a.3": "2a.1 2a.2"}


def test_versions_and_amounts_are_no_numbers_of_tasks(read):
    assert ids(read("- [ ] 3.x is gone\n- [ ] 5.E2E runs\n- [ ] 🚀 3 rockets\n")) == [
        "3-x-is-gone",
        "5-e2e-runs",
        "3-rockets",
    ]


def test_an_emoji_may_stand_before_an_id(read):
    found = read("- [x] ✅ T001 Dig\n- [ ] 🔴 [P] T002 Fill\n- [ ] ⚠️ T003 [P] Rest\n- [ ] 🔴 nothing\n")
    assert [(t.id, t.title, t.parallel) for t in found.tasks] == [
        ("T001", "✅ Dig", False),
        ("T002", "🔴 Fill", True),
        ("T003", "⚠️ Rest", True),
    ]
    assert ids(read("- [x] ✅ 1.1 Dig\n- [ ] 🔴 1.2: Fill\n")) == ["1.1", "1.2"]


@pytest.mark.parametrize(
    "line", ["[ ] * 1.2 Dig", "[ ]* 1.2 Dig", "[ ] \\* 1.2 Dig", "[ ]1.2 Dig", "[x]1.2: Dig"]
)
def test_stars_and_spaces_behind_a_box(read, line):
    (task,) = read(f"- {line}\n").tasks
    assert (task.id, task.title) == ("1.2", "Dig")
    assert task.optional is ("*" in line)
    assert task.done is ("x" in line)


def test_letters_may_be_tracks(read):
    text = "## Sea\n- [ ] A1. Row\n- [ ] A2. Sail\n## Land\n- [ ] B1. Walk\n- [ ] B2. Ride (after A2)\n- [ ] Rest\n"
    found = read(text)
    assert ids(found) == ["A1", "A2", "B1", "B2"]
    assert edges(found) == {"B2": "A2"}


def test_a_few_numbers_of_issues_make_no_scheme(read):
    text = "- [ ] Dig\n- [ ] Fill\n- [ ] Plant\n\n## Later\n\n- [ ] **#1 Water it**\n- [ ] #2 Mow it\n"
    assert ids(read(text)) == ["dig", "fill", "plant", "#1", "#2"]


@pytest.mark.parametrize("box", ["- [{}]", "[{}]", "* [{}]"])
def test_headings_with_boxes(read, box):
    done, still = box.format("x"), box.format(" ")
    found = read(f"## Sea\n\n### {done} 1. Row\n\n- oars\n\n### {still} 2. Sail\n\n**Depends on**: 1\n")
    assert [(t.id, t.title, t.done, t.phase) for t in found.tasks] == [
        ("1", "Row", True, "Sea"),
        ("2", "Sail", False, "Sea"),
    ]
    assert edges(found) == {"2": "1"}
    found = read(
        f"## Sea\n\n### {done} Row\n\n**File**: `oar.py`\n\n### {still} Sail\n\n## {still} Sign-off\n"
    )
    assert [(t.id, t.done, t.files) for t in found.tasks] == [("row", True, ("oar.py",)), ("sail", False, ())]


def test_headings_with_boxes_group_where_there_is_a_list_of_boxes(read):
    assert ids(read("## [x] Sea\n- [x] Row\n## [ ] Land\n- [ ] Walk\n")) == ["row", "walk"]
    assert ids(read("## [x] 1. Sea\n- [x] 1.1 Row\n## [ ] 2. Land\n- [ ] 2.1 Walk\n")) == ["1.1", "2.1"]


def test_a_heading_over_the_box_that_has_its_id_is_a_title(read):
    found = read(
        "## Sea\n### Task 1.1: Rowing\n- [x] 1.1 Row\n  - _Files: oar.py_\n"
        "### Task 1.2: Sailing\n- [ ] 1.2 Sail\n  - _Depends: 1.1_\n"
    )
    assert [(t.id, t.title, t.line, t.done, t.phase) for t in found.tasks] == [
        ("1.1", "Row", 3, True, "Sea"),
        ("1.2", "Sail", 6, False, "Sea"),
    ]
    assert edges(found) == {"1.2": "1.1"}
    assert found.problems == ()


def test_an_amount_in_a_step_is_no_new_task(read):
    text = "### Task 1: Row\n- [ ] in a boat\n- [ ] 10 miles a day\n### Task 2: Sail\n- [ ] with wind\n"
    assert ids(read(f"{text}\n## Done so far\n- [x] Task 1 - Row\n")) == ["1", "2"]


def test_waves_without_names(read):
    found = read(
        '- [ ] 1. Row\n- [ ] 2. Sail\n- [ ] 3. Land\n\n```json\n{"waves": [["1", "2"], [3], "4"]}\n```\n'
    )
    assert [task.wave for task in found.tasks] == [0, 0, 1]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("_Depends: 2.1–2.3_", "2.1 2.2 2.3"),
        ("_Depends: 2.1 – 2.2, 3.1_", "2.1 2.2 3.1"),
        ("_Depends: 2.1 – as 2.2 shows_", "2.1"),
        ("_Depends: 2.1 — 2.2 is alike_", "2.1"),
        ("**_Depends:_**: Task 2.2 (its draft)", "2.2"),
        ("_Boundary: hull_ _Depends: 2.2_", "2.2"),
        ("_Requirements: 2.1, 2.2_ · _Depends: 3.1_ _Boundary: hull_", "3.1"),
    ],
)
def test_fields_of_prerequisites(read, field, expected):
    text = "- [ ] 2.1 Keel\n- [ ] 2.2 Ribs\n- [ ] 2.3 Hull\n- [ ] 3.1 Mast\n- [ ] 4.1 Sail\n"
    assert edges(read(f"{text}  - {field}\n")) == {"4.1": expected}


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("2.1 に依存", {"3.1": "2.1"}),
        ("タスク 2.1 の設計にのみ依存し、先に進める", {"3.1": "2.1"}),
        ("2.1 完了後に開始できる", {"3.1": "2.1"}),
        ("2.1 に依存しない", {}),
        ("帆を張る（2.1 とは別）", {}),
    ],
)
def test_notes_that_say_behind_an_id_what_comes_first(read, note, expected):
    assert edges(read(f"- [ ] 2.1 船\n- [ ] 3.1 帆\n  - {note}\n")) == expected


def test_notes_behind_a_box_below_a_heading_with_its_id(read):
    found = read(
        "### 1.1 Keel\n- [ ] 1.1 Keel\n\nIn `keel.py`.\n\n```sh\nexit 1\n```\n\n"
        "### 1.2 Ribs\n- [ ] 1.2 Ribs\n\n- bend them\n- _Depends: 1.1_\n\n## Notes\n\n_Depends: 1.1_\n\n"
        "- [ ] 1.3 Hull\n"
    )
    assert edges(found) == {"1.2": "1.1"}
    keel, ribs, hull = found.tasks
    assert (keel.files, keel.commands, keel.end_line) == (("keel.py",), (), 8)
    assert "bend them" in ribs.description
    assert (ribs.end_line, hull.description) == (14, "1.3 Hull")


def test_notes_behind_most_boxes(read):
    text = "- [ ] 1.1 Keel\n\n_Depends: none_\n\n- [ ] 1.2 Ribs\n\n- bend\n  - slowly\n\n_Depends: 1.1_\n\n"
    found = read(f"{text}- [ ] 1.3 Hull\n\n- retries: 3\n\n_Depends: 1.1-1.2_\n")
    assert edges(found) == {"1.2": "1.1", "1.3": "1.1 1.2"}
    assert found.tasks[2].retries is None
    assert edges(read(f"{text}- [ ] 1.3 Hull\n- [ ] 1.4 Mast\n")) == {}


def test_work_streams_group_boxes(read):
    found = read("## WS1 - Sea\n- [ ] Row\n- [ ] Sail\n## WS2 - Land\n- [ ] Walk\n")
    assert [(task.id, task.phase) for task in found.tasks] == [
        ("row", "WS1 - Sea"),
        ("sail", "WS1 - Sea"),
        ("walk", "WS2 - Land"),
    ]
