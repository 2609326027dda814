"""`plugin.py` imports nothing of the package, so it repeats the options. Here both must say the same."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pytest_moderator.plugin import pytest_addoption
from pytest_moderator.settings import OPTIONS

BY_FLAG = {option.flag: option for option in OPTIONS if option.flag}
BY_INI = {option.ini: option for option in OPTIONS if option.ini}


class RecordingParser:
    """Stands in for pytest's parser and writes down what is added to it."""

    def __init__(self) -> None:
        self.arguments = argparse.ArgumentParser(add_help=False)
        self.ini: dict[str, dict[str, object]] = {}

    def getgroup(self, name: str, description: str = "") -> RecordingParser:
        assert name == "moderator"
        return self

    def addoption(self, *names: str, **attributes: object) -> None:
        self.arguments.add_argument(*names, **attributes)

    def addini(self, name: str, help: str, type: str = "string", default: object = None) -> None:  # noqa: A002
        self.ini[name] = {"help": help, "type": type, "default": default}


@pytest.fixture
def registered() -> RecordingParser:
    parser = RecordingParser()
    pytest_addoption(parser)
    return parser


def test_the_flags_are_those_of_the_table(registered: RecordingParser) -> None:
    actions = {action.option_strings[0]: action for action in registered.arguments._actions}
    actions.pop("--moderator")
    assert set(actions) == set(BY_FLAG)
    for flag, action in actions.items():
        option = BY_FLAG[flag]
        assert action.dest == option.dest
        assert action.help == option.help
        assert (action.nargs == 0) == option.is_flag
        assert (action.metavar or "") == option.metavar
        assert action.default is (False if option.is_flag else None)


def test_the_ini_keys_are_those_of_the_table(registered: RecordingParser) -> None:
    assert set(registered.ini) == set(BY_INI)
    for key, entry in registered.ini.items():
        assert entry["help"] == BY_INI[key].help
        assert entry["type"] == BY_INI[key].ini_type
        assert entry["default"] in (None, "", [])


def test_the_documentation_names_every_place_of_every_option() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    for option in OPTIONS:
        for name in (option.flag, option.variable, option.ini, *option.keys):
            assert name is None or f"`{name}`" in text, f"docs/settings.md does not name {name}"
