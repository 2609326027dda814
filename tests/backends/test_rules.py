"""Whether a rule holds for a task."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.backends.rules import path_pattern, why
from pytest_moderator.model import Rule, Task, TaskKind

TASK = Task(
    "T001",
    "Write tests for the parser",
    1,
    phase="Phase 3: User Story 1 - Parse (Priority: P1)",
    story="US1",
    files=("src/app/parser.py", "./docs/guide.md"),
    parallel=True,
    critical=True,
)


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ({}, "it takes all tasks"),
        ({"task_type": (TaskKind.TESTING,)}, "testing: 'tests' in the title"),
        ({"task_type": (TaskKind.GENERAL, TaskKind.TESTING)}, "testing: 'tests' in the title"),
        ({"task_type": (TaskKind.GENERAL,)}, None),
        ({"story": ("US2", "us1")}, "story us1"),
        ({"story": ("US",)}, None),
        ({"phase": ("user story 1",)}, "phase 'user story 1'"),
        ({"phase": ("Setup", "Phase 3")}, "phase 'Phase 3'"),
        ({"phase": ("phase 3: *",)}, "phase 'phase 3: *'"),
        ({"phase": ("phase ?: user*(priority: p1)",)}, "phase 'phase ?: user*(priority: p1)'"),
        ({"phase": ("Pars",)}, None),
        ({"phase": ("phase*setup",)}, None),
        ({"paths": ("tests/**", "src/**")}, "src/app/parser.py matches src/**"),
        ({"paths": ("docs/",)}, "./docs/guide.md matches docs/"),
        ({"paths": ("*.py",)}, "src/app/parser.py matches *.py"),
        ({"paths": ("src/*.py",)}, None),
        ({"marks": ("parallel", "critical")}, "marks parallel and critical"),
        ({"marks": ("parallel", "optional")}, None),
        ({"marks": ("parallel",), "story": ("US1",)}, "marks parallel, story US1"),
        ({"marks": ("parallel",), "story": ("US2",)}, None),
        ({"paths": ("*.rs",), "task_type": (TaskKind.TESTING,)}, None),
    ],
)
def test_all_conditions_have_to_hold(conditions: dict[str, Any], reason: str | None) -> None:
    assert why(Rule("shell", **conditions), TASK) == reason


@pytest.mark.parametrize("conditions", [{"story": ("US1",)}, {"phase": ("Setup",)}, {"paths": ("*",)}])
def test_a_task_that_has_nothing_of_the_kind(conditions: dict[str, Any]) -> None:
    assert why(Rule("shell", **conditions), Task("T001", "Do", 1)) is None


def test_phase_1_is_not_phase_10() -> None:
    task = replace(TASK, phase="Phase 10: Polish")
    assert why(Rule("shell", phase=("Phase 1",)), task) is None
    assert why(Rule("shell", phase=("Phase 10",)), task) is not None


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("src/**/*.py", ["src/a.py", "src/a/b.py", "src/a/b/c.py"], ["a.py", "src/a.pyc", "lib/src/a.py"]),
        ("*.md", ["a.md", "x/y/a.md"], ["a.mdx", "md"]),
        ("docs/", ["docs/a", "docs/a/b"], ["docs", "x/docs/a"]),
        ("/docs/*.md", ["docs/a.md"], ["docs/a/b.md"]),
        ("./a?.py", ["ab.py", "x/ab.py"], ["a.py", "a/.py"]),
        ("**", ["a", "a/b"], []),
        ("**/**/a", ["a", "x/a", "x/y/a"], ["ab"]),
        ("a[1].txt", ["a[1].txt"], ["a1.txt"]),
        ("src/**/**/x/**", ["src/x/1", "src/a/x/1/2"], ["src/x"]),
    ],
)
def test_patterns_of_paths(pattern: str, matching: list[str], others: list[str]) -> None:
    assert [path for path in (*matching, *others) if path_pattern(pattern).fullmatch(path)] == matching


@given(st.text("ab*?/.", min_size=1, max_size=8), st.text("ab/.", max_size=8))
def test_a_star_never_crosses_a_directory(pattern: str, path: str) -> None:
    compiled = path_pattern(pattern)
    assert isinstance(compiled, re.Pattern)
    anchored = "/" in pattern.removeprefix("./")
    if compiled.fullmatch(path) and anchored and "**" not in pattern and not pattern.endswith("/"):
        assert path.count("/") == pattern.removeprefix("./").removeprefix("/").count("/")


def test_a_rule_survives_json() -> None:
    rule = Rule("a", (TaskKind.TESTING,), ("P",), ("US1",), ("*",), ("parallel",), ("b",), 3, "m.yaml", 7)
    again = Rule.from_dict(rule.to_dict())
    assert again == rule
    assert (again.number, again.path, again.line) == (3, "m.yaml", 7)
    assert again.task_type[0] is TaskKind.TESTING
