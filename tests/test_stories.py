"""Which phases belong to which user story."""

from __future__ import annotations

import pytest

from pytest_moderator.model import Task
from pytest_moderator.stories import classify_phases


def phase(name, *stories):
    return tuple(
        Task(f"T{n}", "Do", n, phase=name, story=story) for n, story in enumerate(stories or (None,), 1)
    )


@pytest.mark.parametrize(
    ("name", "stories", "story"),
    [
        ("Phase 3: User Story 1 - Sign in (Priority: P1)", (), "US1"),
        ("Phase 3: user story #2", (), "US2"),
        ("US03: Pay", (), "US3"),
        ("Phase 4: US-12", (), "US12"),
        ("User Story 1", ("US2", "US2"), "US1"),
        ("Phase 3: Anmelden", ("US1", "US1", None), "US1"),
        ("Phase 3", ("US1", "US1", None, None), None),
        ("Phase 3", ("US1", "US2"), None),
        ("Polish for US1 and US2", (None,), None),
        ("Polish for US1 and US2", ("US2",), "US2"),
        ("User Story 1 (US1)", (), "US1"),
        ("Contact us 24 hours a day", (), None),
        ("Phase 1: Setup", (None, None), None),
        (None, (None,), None),
        (None, ("US1",), "US1"),
        ("3", ("US-01", "US-01"), "US1"),
        ("3", ("Story 2",), "US2"),
        ("3", ("FR003",), "FR3"),
        ("3", ("US1a",), "US1a"),
        ("3", ("payments",), "payments"),
    ],
)
def test_the_story_of_a_phase(name, stories, story):
    assert classify_phases([phase(name, *stories)], {})[0].story == story


def test_phases_keep_their_tasks_and_get_what_their_story_depends_on():
    setup, first, second = phase("Setup"), phase("User Story 1"), phase("US2", "US02")
    found = classify_phases([setup, first, second], {"US2": ("US1",), "US9": ("US2",)})
    assert [entry.tasks for entry in found] == [setup, first, second]
    assert [entry.depends_on for entry in found] == [(), (), ("US1",)]
