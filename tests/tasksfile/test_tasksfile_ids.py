"""Ids: how they are made, kept unique and referred to."""

# ruff: noqa: RUF001 (other scripts on purpose)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.tasksfile.ids import IdIndex, is_usable, leading_id, make_unique, slug


@pytest.mark.parametrize(
    ("text", "task_id", "family"),
    [
        ("T001 a", "T001", "T"),
        ("#T001 a", "T001", "T"),
        ("T-001: a", "T-001", "T"),
        ("`T1` a", "T1", "T"),
        ("Task T7: a", "T7", "T"),
        ("1. a", "1", "1"),
        ("1) a", "1", "1"),
        ("1.2.3 a", "1.2.3", "1"),
        ("12 a", "12", "bare"),
        ("Task 4: a", "4", "word"),
        ("任务 4：a", "4", "word"),
        ("#12 - a", "#12", "#"),
        ("BE-007 a", "BE-007", "BE-"),
        ("M5-T050 (x) a", "M5-T050", "M5-T"),
        ("**A1**: a", "A1", "A"),
        ("WP01 a", "WP01", "WP"),
        ("T2-001: a", "T2-001", "T2-"),
    ],
)
def test_leading_id(text, task_id, family):
    found = leading_id(text)
    assert found is not None
    assert (found.id, found.family) == (task_id, family)


@pytest.mark.parametrize(
    "text",
    [
        "T001-T005 a",
        "T001, T002 a",
        "T001/T002 a",
        "T001-005 a",
        "S3 bucket",
        "P1 — a",
        "3x faster",
        "50% done",
        "Table a",
        "2024-01-01 a",
    ],
)
def test_no_leading_id(text):
    assert leading_id(text) is None


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Build the `wheel`!", "build-the-wheel"),
        ("创建 模型", "创建-模型"),
        ("Été_à la mer", "été-à-la-mer"),
        ("***", "task"),
        ("a" * 100, "a" * 60),
    ],
)
def test_slug(title, expected):
    assert slug(title) == expected


@given(st.text())
def test_slugs_are_usable(title):
    assert is_usable(slug(title))


@pytest.mark.parametrize("text", ["", "a b", "a::b", "a[b]", "a\nb", "x" * 201, "a\u200b\u0000"])
def test_unusable(text):
    assert not is_usable(text)


def test_same_titles_are_numbered(read):
    found = read("- [ ] Run it\n- [ ] Run it!\n- [ ] run-it-2\n- [ ] Run it?\n")
    assert [task.id for task in found.tasks] == ["run-it", "run-it-2", "run-it-2-2", "run-it-3"]


def test_made_ids_do_not_take_given_ones(read):
    found = read("- [ ] Run it\n- [ ] Other\n  - id: run-it\n")
    assert [task.id for task in found.tasks] == ["run-it-2", "run-it"]


def test_make_unique_skips_what_is_taken():
    assert make_unique("a", {"a", "a-2"}, {}) == "a-3"


INDEX = IdIndex(
    ["T001", "T002", "T003b", "T004", "T005-MIN", "#9", "1", "1.1", "2", "3", "P1-T018", "free-name"]
)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("T001", "T001"),
        ("T1", "T001"),
        ("T005", "T005-MIN"),
        ("9", "#9"),
        ("T018", "P1-T018"),
        ("T099", None),
        ("free-name", "free-name"),
    ],
)
def test_resolve(reference, expected):
    assert INDEX.resolve(reference) == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("T001", "T004", "T001 T002 T003b T004"),
        ("T002", "T003", "T002"),
        ("T002", "T003b", "T002 T003b"),
        ("T004", "005", "T004"),
        ("T004", "T005", "T004 T005-MIN"),
        ("1", "3", "1 2 3"),
        ("T004", "T001", ""),
        ("free", "T001", ""),
        ("T001", "#9", ""),
    ],
)
def test_between(first, last, expected):
    assert INDEX.between(first, last) == tuple(expected.split())


def test_since():
    assert INDEX.since("T002") == ("T002", "T003b", "T004", "T005-MIN")
    assert INDEX.since("free") == ()
    assert "T001" in INDEX
    assert "T1" not in INDEX


def test_ambiguous_spellings_mean_nothing():
    assert IdIndex(["T01", "T001"]).resolve("T1") is None
