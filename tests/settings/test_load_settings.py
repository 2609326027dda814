from __future__ import annotations

import os
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pytest_moderator.attempt import TASK_VARIABLES
from pytest_moderator.model import IsolationLevel, Rule, TaskKind
from pytest_moderator.settings import Settings, Source, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path("/nowhere/project")
SOURCES: dict[Source, dict[str, Any]] = {
    Source.INI: {"ini": {"timeout": "1"}},
    Source.FRONT_MATTER: {"front_matter": {"timeout": 3}},
    Source.ENVIRONMENT: {"environ": {"MODERATOR_TIMEOUT": "4"}},
    Source.COMMAND_LINE: {"command_line": {"timeout": "5"}},
}


def load(rootdir: Path = ROOT, **sources: Any) -> tuple[Settings, list[str]]:
    empty: dict[str, Any] = {
        "command_line": {},
        "environ": {},
        "front_matter": {},
        "front_matter_path": "docs/tasks.md",
        "front_matter_line": 2,
        "ini": {},
    }
    settings, problems = load_settings(rootdir=rootdir, **(empty | sources))
    return settings, [str(problem) for problem in problems]


def with_yaml(directory: Path, text: str, **sources: Any) -> tuple[Settings, list[str]]:
    (directory / "moderator.yaml").write_text(text, encoding="utf-8")
    return load(directory, **sources)


def test_nothing_said_gives_the_defaults() -> None:
    settings, problems = load()
    assert vars(settings) == vars(Settings(state_dir=ROOT / ".moderator"))
    assert problems == []
    assert settings.origin("timeout").name == "default"
    with pytest.raises(FrozenInstanceError):
        settings.timeout = 1  # type: ignore[misc]


@hypothesis_settings(deadline=None)
@given(chosen=st.sets(st.sampled_from(sorted(SOURCES))))
def test_the_greatest_source_wins(chosen: set[Source]) -> None:
    sources: dict[str, Any] = {}
    for source in chosen:
        sources |= SOURCES[source]
    settings, problems = load(**sources)
    best = max(chosen, default=Source.DEFAULT)
    assert problems == []
    assert settings.origin("timeout").source is best
    assert settings.timeout == {0: 3600.0}.get(best, float(best))


def test_the_config_file_stands_between_ini_and_front_matter(tmp_path: Path) -> None:
    text = "timeout: 2\nretries: 2\n"
    settings, problems = with_yaml(
        tmp_path, text, ini={"timeout": "1", "retries": "1", "grace": "1"}, front_matter={"retries": 3}
    )
    assert (settings.timeout, settings.retries, settings.grace) == (2.0, 3, 1.0)
    assert problems == []


def test_each_value_knows_its_place(tmp_path: Path) -> None:
    settings, _ = with_yaml(
        tmp_path,
        "gear3:\n  parallel:\n    enabled: true\n    max_workers: 3\n",
        command_line={"with_deps": True},
        environ={"MODERATOR_GRACE": "1"},
        front_matter={"order": "explicit"},
        ini={"retries": "1"},
        ini_path="pyproject.toml",
    )
    assert {name: origin.name for name, origin in settings.origins.items()} == {
        "workers": "moderator.yaml: gear3.parallel.max_workers",
        "with_deps": "--moderator-with-deps",
        "grace": "MODERATOR_GRACE",
        "order": "docs/tasks.md: moderator.order",
        "retries": "pyproject.toml: moderator_retries",
    }
    assert settings.origin("with_deps").source > settings.origin("grace").source


def test_all_mistakes_of_all_sources_are_named_at_once(tmp_path: Path) -> None:
    _, problems = with_yaml(
        tmp_path,
        "order: storys\ntimout: 3\ngear3:\n  parallel:\n    max_workers: 99\n",
        command_line={"retries": "many"},
        environ={"MODERATOR_TIMEOUT": "soon"},
        front_matter={"grace": -1},
        front_matter_lines={("moderator", "grace"): 5},
        ini={"isolation": "box"},
    )
    level = "must be one of none, directory, branch, full, not 'box'"
    when = "must be a time above 0 and up to 365d, such as 90, 10m or 1h30m"
    workers = "gear3.parallel.max_workers must be a whole number from 1 to 32, not 99"
    assert problems == [
        "command line: error bad-value: --moderator-retries must be a whole number from 0 to 100, not 'many'",
        f"environment: error bad-value: MODERATOR_TIMEOUT {when}, not 'soon'",
        f"pytest configuration: error bad-value: moderator_isolation {level}",
        "moderator.yaml:1: error bad-value: order must be one of phases, stories, explicit, not 'storys'",
        "moderator.yaml:2: error unknown-key: unknown key 'timout' (did you mean 'timeout'?)",
        f"moderator.yaml:5: error bad-value: {workers}",
        f"docs/tasks.md:5: error bad-value: moderator.grace {when}, not -1",
    ]


def test_a_mistake_is_named_even_where_another_source_wins() -> None:
    settings, problems = load(command_line={"timeout": "5"}, ini={"timeout": "soon"})
    assert settings.timeout == 5
    assert len(problems) == 1


class TestCommandLineAndEnvironment:
    def test_what_was_not_given_says_nothing(self) -> None:
        settings, problems = load(
            command_line={"order": None, "with_deps": False, "workers": 3},
            environ={"MODERATOR_ORDER": "", "PATH": "/bin"},
            ini={"order": "", "fixtures": [], "retries": None},
        )
        assert settings.origins == {}
        assert problems == []

    def test_paths_start_where_they_are_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        settings, _ = with_yaml(
            tmp_path,
            "events: out/events",
            command_line={"json": "report.json"},
            environ={"MODERATOR_STATE_DIR": "state"},
        )
        assert settings.json == tmp_path / "here" / "report.json"
        assert settings.state_dir == tmp_path / "here" / "state"
        assert settings.events == tmp_path / "out" / "events"

    def test_paths_may_start_at_a_given_place(self, tmp_path: Path) -> None:
        settings, _ = load(command_line={"json": "r.json", "events": "/abs"}, invocation_dir=tmp_path)
        assert (settings.json, settings.events) == (tmp_path / "r.json", Path("/abs"))

    def test_a_mistyped_variable_is_a_warning(self) -> None:
        _, problems = load(environ={"MODERATOR_TIMEOT": "1", "MODERATOR_SOMETHING_ELSE": "1"})
        assert problems == [
            (
                "environment: warning unknown-variable: MODERATOR_TIMEOT is not read "
                "(did you mean MODERATOR_TIMEOUT?)"
            )
        ]

    def test_the_environment_of_a_task_is_no_mistake(self) -> None:
        assert load(environ=dict.fromkeys(TASK_VARIABLES, "1"))[1] == []


class TestGear3:
    @pytest.mark.parametrize(
        ("section", "workers"),
        [
            ({}, None),
            ({"enabled": True}, 4),
            ({"enabled": True, "max_workers": 1}, 1),
            ({"enabled": "yes", "max_workers": "32"}, 32),
            ({"enabled": False, "max_workers": 8}, None),
            ({"enabled": False}, None),
        ],
    )
    def test_enabled_says_whether_max_workers_counts(
        self, section: Mapping[str, object], workers: int | None
    ) -> None:
        settings, problems = load(front_matter={"gear3": {"parallel": section}})
        assert settings.workers == workers
        assert problems == []

    def test_enabled_false_wins_over_lesser_sources(self) -> None:
        settings, _ = load(front_matter={"gear3": {"parallel": {"enabled": False}}}, ini={"workers": "3"})
        assert settings.workers is None
        assert settings.origin("workers").name == "docs/tasks.md: moderator.gear3.parallel.enabled"

    def test_max_workers_alone_has_no_effect_and_that_is_said(self) -> None:
        settings, problems = load(front_matter={"gear3": {"parallel": {"max_workers": 8}}})
        assert settings.workers is None
        assert problems == [
            (
                "docs/tasks.md:2: warning no-effect: moderator.gear3.parallel.max_workers has no effect without "
                "enabled: true beside it"
            )
        ]

    def test_enabled_leaves_the_plain_key_alone(self) -> None:
        settings, problems = load(front_matter={"workers": 2, "gear3": {"parallel": {"enabled": True}}})
        assert settings.workers == 2
        assert problems == []

    def test_the_rest_of_the_section(self, tmp_path: Path) -> None:
        settings, problems = with_yaml(
            tmp_path,
            "gear3:\n"
            "  parallel: {timeout: 90, isolation_level: directory}\n"
            "  backend_routing: {enabled: false, default_backend: shell, rules: {testing: shell}}\n",
        )
        assert settings.timeout == 90
        assert settings.isolation is IsolationLevel.DIRECTORY
        assert (settings.backend, settings.routing) == ("shell", False)
        assert settings.rules == (Rule("shell", task_type=(TaskKind.TESTING,)),)
        assert problems == []

    @pytest.mark.parametrize("rules", ["{}", "[]", ""])
    def test_no_rules_are_no_mistake(self, tmp_path: Path, rules: str) -> None:
        assert with_yaml(tmp_path, f"gear3: {{backend_routing: {{rules: {rules}}}}}")[1] == []


class TestImpossibleCombinations:
    def test_one_option_said_twice_in_one_file(self, tmp_path: Path) -> None:
        text = "isolation: none\ngear3:\n  parallel:\n    isolation_level: directory\n"
        assert with_yaml(tmp_path, text)[1] == [
            (
                "moderator.yaml:4: error conflicting-keys: gear3.parallel.isolation_level is 'directory' but "
                "isolation is 'none' (keep one of them)"
            )
        ]

    def test_said_twice_alike_is_fine(self, tmp_path: Path) -> None:
        text = "timeout: 10m\ngear3: {parallel: {timeout: 600}}\n"
        settings, problems = with_yaml(tmp_path, text)
        assert (settings.timeout, problems) == (600.0, [])

    def test_workers_and_parallel_switched_off(self) -> None:
        section = {"workers": 2, "gear3": {"parallel": {"enabled": False}}}
        (problem,) = load(front_matter=section)[1]
        assert (
            "conflicting-keys: moderator.gear3.parallel.enabled is False but moderator.workers is 2"
            in problem
        )


class TestFiles:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("- a\n", "moderator.yaml: error bad-value: the file must be a mapping of keys to values"),
            ("gear3: 3\n", "moderator.yaml:1: error bad-value: gear3 must be a mapping of keys to values"),
            (
                "a: b: c\n",
                "moderator.yaml:1: error unreadable-file: not YAML: mapping values are not allowed in ",
            ),
            (
                "a: &x 1\nb: *x\n",
                "moderator.yaml:2: error unreadable-file: aliases (*name) are not supported",
            ),
            ("1: 2\n", "moderator.yaml:1: error unknown-key: unknown key '1' (known here: "),
            (
                "moderator: {order: explicit}",
                "unknown key 'moderator' (leave it out: in this file its keys stand by",
            ),
            ("max_workers: 3", "unknown key 'max_workers' (did you mean 'gear3.parallel.max_workers'?)"),
            ("gear3: {paralel: {}}", "unknown key 'gear3.paralel' (did you mean 'gear3.parallel'?)"),
            ("gear3: {parallel: {x: 1}}", "(known here: enabled, isolation_level, max_workers, timeout)"),
            ("config: other.yaml", "moderator.yaml:1: error unknown-key: unknown key 'config'"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, text: str, problem: str) -> None:
        (said,) = with_yaml(tmp_path, text)[1]
        assert problem in said

    @pytest.mark.parametrize("text", ["", "# nothing\n", "gear3:\ntimeout:\n"])
    def test_nothing_said(self, tmp_path: Path, text: str) -> None:
        settings, problems = with_yaml(tmp_path, text)
        assert (settings.origins, problems) == ({}, [])

    def test_values_for_all_tasks(self, tmp_path: Path) -> None:
        settings, _ = with_yaml(tmp_path, "env: {A: x, B: 2}\nfixtures: [database]\n")
        assert settings.env == {"A": "x", "B": "2"}
        assert settings.fixtures == ("database",)
        with pytest.raises(TypeError):
            settings.env["A"] = "y"  # type: ignore[index]

    def test_a_file_asked_for_replaces_moderator_yaml(self, tmp_path: Path) -> None:
        other = tmp_path / "other.yaml"
        other.write_text("retries: 2\n")
        for asked in (
            {"command_line": {"config": str(other)}},
            {"environ": {"MODERATOR_CONFIG": str(other)}},
            {"ini": {"config": "other.yaml"}},
        ):
            settings, problems = with_yaml(tmp_path, "retries: 1\n", **asked)
            assert (settings.retries, problems) == (2, [])

    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("gone.yaml", None, "gone.yaml: error unreadable-file: there is no such file"),
            (".", None, ".: error unreadable-file: it is not a file"),
            ("l1.yaml", b"a: 1\nb: \xe9\n", "l1.yaml:2: error unreadable-file: not UTF-8: byte 0xe9"),
            ("big.yaml", b"#" * 1_000_001, "big.yaml: error unreadable-file: larger than 1,000,000 bytes"),
        ],
    )
    def test_files_that_cannot_be_read(
        self, tmp_path: Path, name: str, content: bytes | None, problem: str
    ) -> None:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        assert load(tmp_path, command_line={"config": name}, invocation_dir=tmp_path)[1] == [problem]

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "moderator.yaml")
        assert load(tmp_path)[1] == ["moderator.yaml: error unreadable-file: it is not a file"]

    def test_a_file_that_may_not_be_opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: Path, mode: str) -> None:
            raise PermissionError(13, "Permission denied")

        (tmp_path / "moderator.yaml").touch()
        monkeypatch.setattr(Path, "open", refuse)
        assert load(tmp_path)[1] == [
            "moderator.yaml: error unreadable-file: cannot be read: Permission denied"
        ]
