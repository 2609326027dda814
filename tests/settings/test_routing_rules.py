"""The rules of ``backend_routing`` in files, and what is wrong with them."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from test_load_settings import load, with_yaml

from pytest_moderator.model import Rule, TaskKind

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.settings import Settings

LIST = """\
    backend_routing:
      default_backend: shell
      rules:
        - backend: agent
          task_type: testing
          phase: Setup, and more
          story: US1, US2
          paths: ["src/**", "*.py"]
          marks: [parallel, critical]
          fallback: [other, shell]
        - task_type: [documentation, general]
          backend: other
        - {backend: shell}
      fallbacks:
        agent: [other, shell]
        other: shell
      health_timeout: 2m
    """


def read(directory: Path, text: str, **sources: Any) -> tuple[Settings, list[str]]:
    return with_yaml(directory, dedent(text), **sources)


def test_the_list(tmp_path: Path) -> None:
    settings, problems = read(tmp_path, LIST)
    assert problems == []
    assert settings.rules == (
        Rule(
            "agent",
            task_type=(TaskKind.TESTING,),
            phase=("Setup, and more",),
            story=("US1", "US2"),
            paths=("src/**", "*.py"),
            marks=("parallel", "critical"),
            fallback=("other", "shell"),
        ),
        Rule("other", task_type=(TaskKind.DOCUMENTATION, TaskKind.GENERAL)),
        Rule("shell"),
    )
    assert [(rule.number, rule.path, rule.line) for rule in settings.rules] == [
        (1, "moderator.yaml", 4),
        (2, "moderator.yaml", 11),
        (3, "moderator.yaml", 13),
    ]
    assert settings.fallbacks == {"agent": ("other", "shell"), "other": ("shell",)}
    assert (settings.backend, settings.health_timeout) == ("shell", 120)


def test_the_mapping_from_kinds_of_tasks(tmp_path: Path) -> None:
    text = """\
        gear3:
          backend_routing:
            rules:
              prototyping: agent
              testing:
                backend: other
                paths: tests/
                fallback: shell
        """
    settings, problems = read(tmp_path, text)
    assert problems == []
    assert settings.rules == (
        Rule("agent", task_type=(TaskKind.PROTOTYPING,)),
        Rule("other", task_type=(TaskKind.TESTING,), paths=("tests/",), fallback=("shell",)),
    )
    assert [(rule.number, rule.line) for rule in settings.rules] == [(1, 4), (2, 5)]


def test_front_matter_replaces_the_rules_of_the_configuration_file(tmp_path: Path) -> None:
    lines = {("moderator", "backend_routing", "rules", "0", "backend"): 7}
    settings, problems = read(
        tmp_path,
        LIST,
        front_matter={"backend_routing": {"rules": [{"backend": "mine"}]}},
        front_matter_lines=lines,
    )
    assert problems == []
    assert [(rule.backend, rule.path, rule.line) for rule in settings.rules] == [("mine", "docs/tasks.md", 7)]


def test_both_names_of_the_section_may_say_the_same(tmp_path: Path) -> None:
    text = "backend_routing: {rules: {testing: a}}\ngear3: {backend_routing: {rules: {testing: %s}}}\n"
    assert read(tmp_path, text % "a")[1] == []
    (problem,) = read(tmp_path, text % "b")[1]
    assert "moderator.yaml:2: error conflicting-keys: gear3.backend_routing.rules is" in problem


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("{testing: a, testng: b}", 1, "unknown-key: unknown kind of task 'backend_routing.rules.testng'"),
        ("{testng: b}", 1, "(did you mean 'testing'?)"),
        ("{cooking: b}", 1, "(known here: documentation, general, prototyping, refactoring, testing)"),
        ("{testing: 3}", 1, "backend_routing.rules.testing must be the name of a backend, not 3"),
        ("{testing: }", 1, "backend_routing.rules.testing must be the name of a backend, not None"),
        ("{testing: {fallback: a}}", 1, "backend_routing.rules.testing needs the key 'backend'"),
        ("{testing: {backend: }}", 1, "backend_routing.rules.testing needs the key 'backend'"),
        ("[a]", 1, "backend_routing.rules.0 must be a mapping with the key 'backend', not 'a'"),
        ("[{}]", 1, "backend_routing.rules.0 needs the key 'backend'"),
        ("\n  - backend: a\n  - task_type: testing", 3, "backend_routing.rules.1 needs the key 'backend'"),
        (
            "\n  - backend: a\n    path: x",
            3,
            "unknown key 'backend_routing.rules.0.path' (did you mean 'paths'?)",
        ),
        (
            "\n  - backend: a\n    xyz: x",
            3,
            "(known here: backend, fallback, marks, paths, phase, story, task_type)",
        ),
        (
            "\n  - backend: a\n    task_type: tests",
            3,
            "must be of prototyping, refactoring, testing, documentation, g",
        ),
        ("\n  - backend: a\n    task_type: tests", 3, "general, not 'tests' (did you mean 'testing'?)"),
        ("\n  - backend: a\n    marks: paralel", 3, "not 'paralel' (did you mean 'parallel'?)"),
        ("\n  - backend: a\n    paths: []", 3, "rules.0.paths must be a text or a list of texts, not []"),
        ("\n  - backend: a\n    phase: 3", 3, "rules.0.phase must be a text or a list of texts, not 3"),
        ("\n  - backend: [a]", 2, "rules.0.backend must be a name, not ['a']"),
        ("3", 1, "rules must be a mapping from kinds of tasks to backends, or a list of rules, not 3"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, line: int, problem: str) -> None:
    (said,) = with_yaml(tmp_path, f"backend_routing:\n  rules: {text}")[1]
    assert said.startswith(f"moderator.yaml:{line + 1}: error ")
    assert problem in said


def test_all_mistakes_of_a_rule_are_named_and_the_others_are_kept(tmp_path: Path) -> None:
    text = "backend_routing:\n  rules:\n  - marks: x\n    story: 3\n  - backend: a\n"
    settings, problems = with_yaml(tmp_path, text)
    assert [problem.partition(": ")[0] for problem in problems] == ["moderator.yaml:3", "moderator.yaml:4"]
    assert [(rule.backend, rule.number) for rule in settings.rules] == [("a", 1)]


@pytest.mark.parametrize("value", [3, ["a"], {"a": 3}, {"a": []}, {1: "a"}])
def test_fallbacks_of_a_wrong_kind(value: object) -> None:
    settings, problems = load(front_matter={"backend_routing": {"fallbacks": value}})
    if value == {"a": []}:
        assert (settings.fallbacks, problems) == ({"a": ()}, [])
    else:
        assert len(problems) == 1
        assert "moderator.backend_routing.fallbacks must be a" in problems[0]
