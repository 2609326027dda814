"""What the tests of places share: a repository, and a git that knows no configuration but what they say."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from repositories import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@pytest.fixture
def as_a_user() -> Iterator[Path]:
    """Give a directory, and no rights that files do not give: the superuser may do everything."""
    nobody, us = 65534, os.geteuid()
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if us == 0:
            try:
                os.chown(name, nobody, nobody)
                os.seteuid(nobody)
            except OSError as error:  # in a container that has no other users
                pytest.skip(f"nobody else is here: {error}")
        try:
            yield Path(name)
        finally:
            os.seteuid(us)
