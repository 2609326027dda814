"""Dependencies in the words of many authors and languages."""

# ruff: noqa: RUF001 (other scripts on purpose)

from __future__ import annotations

import pytest

LINES = "".join(f"- [ ] T{number:03} task\n" for number in range(1, 10))


def edges(found):
    return " | ".join(f"{task.id}: {' '.join(task.depends_on)}" for task in found.tasks if task.depends_on)


@pytest.mark.parametrize(
    "note",
    [
        "(depends only on T003)", "(depends on all of T003)", "(deps T003)", "(prereq T003)",
        "(blocked on T003)", "(waits on T003)", "(gated by T003)", "(gated behind T003)",
        "(as soon as T003 lands)", "(relies on T003)", "(not before T003)", "(cannot start until T003)",
        "← T003", "(<- T003)", "（需要 T003）", "（需先完成 T003）", "（等待 T003）", "（相依 T003）",
        "（T003が前提）", "（T003 が必要）", "(의존성: T003)", "(T003 필요)", "(tras T003)",
        "(requiere la T003)", "(necesita T003)", "(bloqueado por T003)", "(requer T003)", "(requiert T003)",
        "(nécessite T003)", "(bloquée par T003)", "(hängt von T003 ab)", "(benötigt T003)",
        "(erfordert T003)", "(требует T003)", "(залежить від T003)", "(wymaga T003)", "(setelah T003)",
        "(afhankelijk van T003)", "(dopo T003)", "(beroende av T003)", "（要 T003）", "（须先完成 T003）",
        "（T003 前提）", "（T003 完了が前提）", "（T003 が完了していること）", "（T003 後）", "（T003 后）",
    ],
)  # fmt: skip
def test_own_line(read, note):
    assert edges(read(f"{LINES}- [ ] T010 last {note}\n")) == "T010: T003"


@pytest.mark.parametrize(
    "words",
    [
        "depends on", "blocked by", "after", "requires", "rely on", "gated behind", "requieren", "necessita",
        "dépendent de", "зависят от", "залежить від", "потребує", "brauchen", "afhankelijk van", "beroende av",
        "zależą od", "tergantung pada", "bloccata da", "richiedono", "cần", "تعتمد على", "تتطلب",
    ],
)  # fmt: skip
def test_words_mean_the_same_on_the_own_line_and_between_tasks(read, words):
    assert edges(read(f"{LINES}- [ ] T010 last ({words} T003)\n")) == "T010: T003"
    assert edges(read(f"{LINES}\n## Dependencies\n\n- T009 {words} T003\n")) == "T009: T003"


@pytest.mark.parametrize(
    "note",
    [
        "behind a gate like T003", "不需要 T003", "(T003 필요 없음)", "no longer blocked on T003",
        "write before T003", "needs 3 reviews", "需要 3 个文件", "（T003 に依存しない）",
        "(T003에 의존하지 않음)", "（以后 T003 再说）",
    ],
)  # fmt: skip
def test_no_dependency_on_the_own_line(read, note):
    assert edges(read(f"{LINES}- [ ] T010 last {note}\n")) == ""


@pytest.mark.parametrize(
    "note",
    ["requires T003 done, T004 RED confirmed", "(depends on T003 merged and T004)", "（T003、T004 前提）"],
)
def test_how_far_a_prerequisite_has_to_be(read, note):
    assert edges(read(f"{LINES}- [ ] T010 last {note}\n")) == "T010: T003 T004"


@pytest.mark.parametrize(
    "statement",
    [
        "T006 starts as soon as T002 is done", "T006 is gated on T002",
        "Do not start T006 until T002 is done", "T002 > T006", "T002 ↦ T006", "T006 has dependencies: T002",
        "T002 must gate T006", "T002 gates T006", "T002 is the gate for T006", "T006 hängt von T002 ab",
        "T006 benötigt T002", "T006 necesita T002", "T006 necessita de T002", "T006 nécessite T002",
        "T002 должна быть завершена до T006", "T006 требует T002", "T006 zależy od T002",
        "T006 wymaga T002", "T006 cần T002", "T006 membutuhkan T002", "T006 يعتمد على T002",
        "T006 需要 T002 完成", "T006 必须等 T002 完成", "完成 T002 后才能开始 T006", "T002 是 T006 的前置",
        "T006 は T002 に依存", "T006 は T002 が必要", "T002 が完了してから T006 に着手",
        "T002 を T006 より先に終える", "T006는 T002에 의존", "T002이 T006보다 먼저",
        "After T002, T006 can start", "Before T006, finish T002",
        "Before T006 starts, T002 has to be green", "Before starting T006, T002 must be done",
        "T006（T002 の後）", "T006（T002 完成后）", "T006 (T002 완료 후)", "T006 (T002 필요)",
        "T006 は T002 より後に実行", "T002 を完了させてから T006 を開始", "T002 は T006 をブロックする",
        "T006 前完成 T002", "T002 precede a T006", "T002 deve preceder T006", "T002 précède T006",
        "T006 só após T002", "Após T002, T006 pode rodar", "T006 tras T002", "T006 espera a T002",
        "T006 aguarda T002", "T002 desbloquea T006", "T002 desbloqueia T006", "T006 wartet auf T002",
        "T006 ждёт T002", "T006 phải chờ T002", "T002 blokuje T006", "T006 dopo T002", "T002 prima di T006",
        "T002 sebelum T006", "T006 richiede T002", "T006 depends_on: [T002]", "T006 blockedBy: T002",
    ],
)  # fmt: skip
def test_statement(read, statement):
    assert edges(read(f"{LINES}\n## Dependencies\n\n- {statement}\n")) == "T006: T002"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("T002 ∥ T003 (both in parallel after T001)", "T002: T001 | T003: T001"),
        ("T002 ∥ T003 (other files, after T001)", "T002: T001 | T003: T001"),
        ("T002, T003 (files): side by side (all depend on T001)", "T002: T001 | T003: T001"),
        ("T005 depends on T002, T003 (after T001)", "T003: T001 | T005: T002 T003"),
        ("T001 → (T002 ∥ T003)", "T002: T001 | T003: T001"),
        ("Tests first: T001→T002, T003→T004, T005->T006", "T002: T001 | T004: T003 | T006: T005"),
        ("T001→T002,T003→T004", "T002: T001 | T003: T001 | T004: T002 T003"),
        ("T001 → T002, T003 → T004", "T002: T001 | T003: T001 | T004: T002 T003"),
        ("T006 ∥ T001 → T002", "T002: T001"),
        ("T005 depends on T003 as well as T004", "T005: T003 T004"),
        ("After T001, T002 and T003 can run at once", "T002: T001 | T003: T001"),
        ("T007 and T008 are alike; after T001, T002 and T003 can run", "T002: T001 | T003: T001"),
        ("After T001, T002 and T003, T004 can start", "T004: T001 T002 T003"),
        ("After T001, T002, T003 and T004 can start", "T002: T001 | T003: T001 | T004: T001"),
        ("After T001, T002, and T003 can start", "T002: T001 | T003: T001"),
        ("T002 and T003 can start after phase 1 — T004 is another file", ""),
        ("T002 ∥ T003（T001 完成后）", "T002: T001 | T003: T001"),
        ("T002, T003 in parallel (after T001)", "T002: T001 | T003: T001"),
        ("T002·T003 병렬(T001 후)", "T002: T001 | T003: T001"),
        ("The tests of T002 must stay red until T003 is done", ""),
        ("T003 は T002 に依存しない", ""),
        ("T003은 T002에 의존하지 않음", ""),
        ("Close the quality gate (T003) behind the migration (T002)", ""),
        ("Draw the event feed (T002) and the text block (T003)", ""),
        ("US3: depends on the types (T002); also requires the gate (T003)", ""),
        ("US3 depends on the types (T002) and needs the list (T003)", ""),
        ("T004 depends on the types (T002) and needs the list (T003)", "T004: T002 T003"),
    ],
)
def test_who_waits_for_whom(read, statement, expected):
    assert edges(read(f"{LINES}\n## Dependencies\n\n- {statement}\n")) == expected


def test_a_number_before_a_word_is_no_dependency(read):
    assert edges(read("- [ ] 1.1 前提\n- [ ] 1.2 必要なファイル\n- [ ] 1.3 1.1 が必要\n")) == "1.3: 1.1"


def test_a_label_starts_a_statement_of_its_own(read):
    text = "Within phase one: T002 → T003; T004 after its own\nWithin phase two: T005 and T006 at will\n"
    assert edges(read(f"{LINES}\n## Dependencies\n\n{text}")) == "T003: T002"


@pytest.mark.parametrize(
    ("line", "title", "parallel", "story"),
    [
        ("T001 [P, US1] go", "go", True, "US1"),
        ("T001 [US2/P] go", "go", True, "US2"),
        ("T001 [US3, US4] go", "go", False, "US3"),
        ("T001 [P, urgent] go", "[P, urgent] go", False, None),
        ("T001 [P] 🔥 [US1] go", "🔥 go", True, "US1"),
        ("T001 [P] [Story: US1] go", "go", True, "US1"),
        ("T001 [US1-AC2] go", "go", False, "US1"),
        ("T001 【P】[US1] go", "go", True, "US1"),
        ("T001 ［P］ go", "go", True, None),
        ("T001 [P] [FR-001] go", "[FR-001] go", True, None),
        ("T001 [FR-001] [US2] go", "[FR-001] go", False, "US2"),
        ("T001 [FR1] go", "go", False, "FR1"),
    ],
)
def test_tags(read, line, title, parallel, story):
    task = read(f"- [ ] {line}\n").tasks[0]
    assert (task.id, task.title, task.parallel, task.story) == ("T001", title, parallel, story)


@pytest.mark.parametrize(
    "column",
    [
        "Deps", "Dep", "Needs", "Waits for", "Waits on", "Predecessors", "Prereqs", "前置任务", "前提", "先行タスク",
        "선행 태스크", "Abhängigkeiten", "Hängt ab von", "Benötigt", "Prerrequisitos", "Bloqueada por", "Prérequis",
    ],
)  # fmt: skip
def test_columns(read, column):
    table = f"| Task | {column} |\n|---|---|\n| T004 | T001–T002 |\n| The last step (T005) | `T003` |\n"
    assert edges(read(f"{LINES}\n## Dependencies\n\n{table}")) == "T004: T001 T002 | T005: T003"


@pytest.mark.parametrize("column", ["Notes", "Independent of", "Needs review", "Before"])
def test_other_columns(read, column):
    assert edges(read(f"{LINES}\n## Dependencies\n\n| Task | {column} |\n|---|---|\n| T004 | T001 |\n")) == ""


@pytest.mark.parametrize(
    "name", ["Voraussetzung", "Prérequis", "Prerrequisitos", "Pré-requisitos", "Predecessor"]
)
def test_fields(read, name):
    assert edges(read(f"{LINES}- [ ] T010 last\n  - **{name}**: T001–T002 — both\n")) == "T010: T001 T002"


def test_a_field_behind_a_bar(read):
    text = "- [ ] T010 last\n  - Priority: P1 | Depends on: T001, T002 | Effort: S\n"
    assert edges(read(LINES + text)) == "T010: T001 T002"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("1.1–1.3", "1.1 1.2 1.3"),
        ("1.1 – 1.3, 1.5", "1.1 1.2 1.3 1.5"),
        ("1.1 – 2 days", "1.1"),
        ("1.1 — the model", "1.1"),
        ("1.1; 1.3", "1.1 1.3"),
        ("1.1 (model); 1.3 (view)", "1.1 1.3"),
        ("1.1; 1.3 in parallel", "1.1"),
        ("1.1; see 1.3", "1.1"),
    ],
)
def test_where_a_list_ends(read, value, ids):
    tasks = "".join(f"- [ ] 1.{number} task\n" for number in range(1, 6))
    for field in (f"_Depends: {value}_", f"**Dependencies**: {value}"):
        assert edges(read(f"{tasks}- [ ] 2.1 last\n  - {field}\n")) == f"2.1: {ids}"
