from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.model import IsolationLevel
from pytest_moderator.settings import OPTIONS, Settings, values

PARSERS = {option.name: option.parse for option in OPTIONS}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("order", "stories", "stories"),
        ("order", " explicit ", "explicit"),
        ("isolation", "directory", IsolationLevel.DIRECTORY),
        ("timeout", "10m", 600.0),
        ("timeout", 90, 90.0),
        ("timeout", "365d", 365 * 86400.0),
        ("retries", "0", 0),
        ("retries", 100, 100),
        ("backend", " shell ", "shell"),
        ("workers", "32", 32),
        ("with_deps", "Yes", True),
        ("with_deps", "0", False),
        ("with_deps", True, True),
        ("json", "a/b.json", Path("a/b.json")),
        ("json", Path("a"), Path("a")),
        ("state_dir", "~nobody-here/x", Path("~nobody-here/x")),
        ("output_limit", "64KiB", 65536),
        ("output_limit", 1, 1),
        ("env", {"A": "1", "PORT": 8080}, {"A": "1", "PORT": "8080"}),
        ("fixtures", "database, s3_bucket database", ("database", "s3_bucket")),
        ("fixtures", ["database", "a, b"], ("database", "a", "b")),
        ("fixtures", [], ()),
    ],
)
def test_accepts(name: str, raw: object, value: object) -> None:
    assert PARSERS[name](raw) == value


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("order", "Phases", "must be one of phases, stories, explicit, not 'Phases'"),
        ("order", 1, "must be one of phases, stories, explicit, not 1"),
        ("isolation", "container", "must be one of none, directory, branch, full, not 'container'"),
        ("timeout", "soon", "must be a time above 0"),
        ("timeout", 0, "must be a time above 0"),
        ("timeout", "366d", "up to 365d"),
        ("timeout", True, "must be a time above 0"),
        ("timeout", float("nan"), "must be a time above 0"),
        ("timeout", 10**400, "must be a time above 0"),
        ("timeout", [1], "must be a time above 0"),
        ("retries", "-1", "must be a whole number from 0 to 100, not '-1'"),
        ("retries", 101, "must be a whole number from 0 to 100, not 101"),
        ("retries", 1.0, "must be a whole number"),
        ("retries", True, "must be a whole number"),
        ("workers", "0", "must be a whole number from 1 to 32"),
        ("workers", "\N{ARABIC-INDIC DIGIT TWO}", "must be a whole number from 1 to 32"),
        ("backend", " ", "must be a name"),
        ("with_deps", "maybe", "must be true or false, not 'maybe'"),
        ("with_deps", 1, "must be true or false, not 1"),
        ("json", "", "must be a path"),
        ("json", "a\0b", "must be a path"),
        ("json", 3, "must be a path"),
        ("output_limit", "lots", "must be a size above 0"),
        ("output_limit", 0, "must be a size above 0"),
        ("output_limit", 1.5, "must be a size above 0"),
        ("output_limit", True, "must be a size above 0"),
        ("env", ["A=1"], "must be a mapping of names to texts"),
        ("env", {"A B": "1"}, "must have names of letters, digits and _, not 'A B'"),
        ("env", {1: "1"}, "must have names"),
        ("env", {"A": 1.10}, "put the value of A in quotes"),
        ("env", {"A": True}, "put the value of A in quotes"),
        ("env", {"A": "\0"}, "without NUL"),
        ("fixtures", "", "must be a list of names"),
        ("fixtures", [1], "must be a list of names"),
        ("fixtures", 1, "must be a list of names"),
    ],
)
def test_refuses(name: str, raw: object, reason: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        PARSERS[name](raw)
    assert reason in str(caught.value)


def test_a_long_value_is_shown_short() -> None:
    with pytest.raises(ValueError, match=r"\.\.\.$"):
        values.flag("x" * 1000)


@settings(deadline=None)
@given(raw=anything)
def test_no_parser_fails_in_another_way(raw: object) -> None:
    for option in OPTIONS:
        reason = "must"
        try:
            option.parse(raw)
        except ValueError as error:
            reason = str(error)
        assert reason.startswith("must")


def test_every_default_is_a_value_that_its_parser_accepts() -> None:
    settings = Settings()
    for option in OPTIONS:
        value = getattr(settings, option.name)
        assert value == option.default
        if value is not None:
            assert option.parse(value) == value
