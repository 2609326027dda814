"""The kind of a task, from the words of its title and notes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.backends.classify import classify
from pytest_moderator.model import Task, TaskKind


def kind_of(title: str, **notes: str) -> str:
    return classify(Task("T001", title, 1, notes=notes)).kind.value


@pytest.mark.parametrize(
    ("title", "evidence"),
    [
        ("Write unit tests for the parser", "unit tests"),
        ("Write unit and integration tests for the parser", "unit and integration tests"),
        ("Create failing contract test in `tests/contract/users.ts`", "contract test"),
        ("Write and run tests", "tests"),
        ("Test on a phone", "test"),
        ("E2E flow of the checkout", "e2e"),
        ("Run quickstart.md validation", "quickstart validation"),
        ("Final checkpoint - end-to-end testing", "end-to-end testing"),
        ("Verify that nothing breaks", "verify"),
        ("✅ 3.2 Validate keyboard navigation", "validate"),
        ("Increase code coverage to 90 %", "code coverage"),
        ("Fix the flaky tests", "tests"),
    ],
)
def test_testing(title: str, evidence: str) -> None:
    assert str(classify(Task("T001", title, 1))) == f"testing: {evidence!r} in the title"


@pytest.mark.parametrize(
    "title",
    [
        "Document the settings page",
        "Update `README.md` with installation steps",
        "Refresh docs/README.md",
        "Write a user guide",
        "Add an example to the docs",
        "Add documentation for the tests",
        "**Docs**: describe the API",
        "Correct the docstrings of `Parser.read`",
        "Add an architecture decision record",
    ],
)
def test_documentation(title: str) -> None:
    assert kind_of(title) == "documentation"


@pytest.mark.parametrize(
    "title",
    [
        "Refactor the parser to use tokens",
        "Refactor test helpers",
        "Review and refactor the tests",
        "REFACTORING of the store",
        "Code cleanup",
        "Remove dead code",
        "Rename `Reader` to `Scanner`",
        "Store: simplify the locking",
        "Extract shared validation",
        "Reorganise modules",
    ],
)
def test_refactoring(title: str) -> None:
    assert kind_of(title) == "refactoring"


@pytest.mark.parametrize(
    "title",
    [
        "Prototype the test harness",
        "Build a proof of concept for sync",
        "Spike: try another queue",
        "PoC with a graph database",
        "Draw wireframes of the dashboard",
    ],
)
def test_prototyping(title: str) -> None:
    assert kind_of(title) == "prototyping"


@pytest.mark.parametrize(
    "title",
    [
        "Implement the service in src/service.py",
        "Implement the login with tests",
        "Implement validation and tests",
        "Configure CI to run tests",
        "Deploy to the test environment",
        "Create a test server",
        "Set up A/B testing",
        "Create the document store",
        "Add Zod validation",
        "Handle a traffic spike",
        "Guard against prototype pollution",
        "Fix the latest release",
        "Attest the contest results",
        "Add the model (tests come later)",
        "Add fields to tests/test_model.py",
        "Call `refactor()` on save",
        "@test-case:010:UI-001 Show the name",
        "Clean up temporary files on exit",
        "Create the retest-free flow",
        "Implementar o serviço de login",
        "添加错误处理",
        "",
    ],
)
def test_general(title: str) -> None:
    found = classify(Task("T001", title, 1))
    assert str(found) == "general: no word of another kind in the title"


def test_a_note_about_the_kind_wins_over_the_title() -> None:
    task = Task("T001", "Write tests", 1, notes={"Type": "Documentation"})
    assert str(classify(task)) == "documentation: 'documentation' in the note 'Type'"


def test_other_notes_come_behind_the_title() -> None:
    assert kind_of("Do it", Goal="refactor the parser") == "refactoring"
    assert kind_of("Write docs", Goal="refactor the parser") == "documentation"


def test_when_it_is_done_says_nothing_about_what_it_is() -> None:
    notes = {"Acceptance": "all tests pass", "Test": "run the tests", "Definition of done": "docs are there"}
    found = classify(Task("T001", "Add the model", 1, notes=notes))
    assert str(found) == "general: no word of another kind in the title and the notes"


@given(st.text(max_size=200))
def test_any_title_has_one_kind(title: str) -> None:
    found = classify(Task("T001", title, 1))
    assert found.kind in TaskKind
    assert classify(Task("T002", title, 9)) == found


@given(st.lists(st.sampled_from(["tests", "with", "docs", "and", "refactor", "the", "parser", "(", "`"])))
def test_only_english_words_of_a_kind_decide(words: list[str]) -> None:
    found = classify(Task("T001", " ".join(words), 1))
    if found.kind is not TaskKind.GENERAL:
        assert found.evidence.split("'")[1] in words


@pytest.mark.parametrize("unit", ["a", "(", "`", "[", "a.", "and ", "unit,", " ", "a b: ", "=", "*"])
def test_a_monstrous_title_is_no_trouble(unit: str) -> None:
    """It takes some milliseconds; with a pattern that goes astray, it would take hours."""
    assert classify(Task("T001", unit * 200_000, 1)).kind in TaskKind
