"""What the tests of places share: a repository, and a git that knows no configuration but what they say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from repositories import Repository

if TYPE_CHECKING:
    from pathlib import Path


CONFIGURATION = """\
[user]
    name = Ann
    email = ann@example.org
[protocol "file"]
    allow = always
"""


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text(CONFIGURATION)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "project")
