from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.model import PhaseRule
from pytest_moderator.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model import Problem
    from pytest_moderator.settings import Settings


def load(tmp_path: Path, text: str) -> tuple[Settings, tuple[Problem, ...]]:
    (tmp_path / "moderator.yaml").write_text(text)
    nothing: dict[str, Any] = {"command_line": {}, "environ": {}, "front_matter": {}, "ini": {}}
    return load_settings(**nothing, front_matter_path="tasks.md", front_matter_line=0, rootdir=tmp_path)


def test_what_verifies_phases(tmp_path: Path) -> None:
    text = "phases:\n  Phase 1: {verify: make check}\n  2:\n    verify:\n      - a\n      - b\n"
    settings, problems = load(tmp_path, text)
    assert not problems
    assert settings.phases == (PhaseRule("Phase 1", ("make check",)), PhaseRule("2", ("a", "b")))
    assert [(rule.path, rule.line) for rule in settings.phases] == [
        ("moderator.yaml", 2),
        ("moderator.yaml", 3),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("phases: [a]", "moderator.yaml:1: error bad-value: phases must be a mapping of names of phases"),
        (
            "phases:\n  a: make",
            "moderator.yaml:2: error bad-value: phases.a must be the name of a phase, with",
        ),
        ("phases:\n  '': {verify: a}", "moderator.yaml:2: error bad-value: phases. must be the name"),
        ("phases:\n  a: {}", "moderator.yaml:2: error bad-value: phases.a must have verify: a command"),
        (
            "phases:\n  a:\n    verify: []",
            "moderator.yaml:3: error bad-value: phases.a.verify must be a command",
        ),
        (
            "phases:\n  a:\n    verify: [1]",
            "moderator.yaml:3: error bad-value: phases.a.verify must be a command",
        ),
        (
            "phases:\n  a:\n    verify: ['']",
            "moderator.yaml:3: error bad-value: phases.a.verify must be a command",
        ),
        (
            "phases:\n  a:\n    verify: b\n    verfy: c",
            "moderator.yaml:4: error unknown-key: unknown key 'phases.a.verfy' (did you mean 'verify'?)",
        ),
        (
            "phases:\n  a:\n    verify: b\n    x: c",
            "moderator.yaml:4: error unknown-key: unknown key 'phases.a.x' (known here: verify)",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, told: str) -> None:
    _, problems = load(tmp_path, text)
    assert [str(problem)[: len(told)] for problem in problems] == [told]
