"""What the tests of whole sessions share."""

from __future__ import annotations

import os

import pytest
from sessions import Project

ALONE = ()
WORKERS = ("-n", "2")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of its own, whose sessions do not take themselves for a worker of this one."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)
    return Project(pytester)


@pytest.fixture(params=[ALONE, WORKERS], ids=["alone", "workers"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Arguments to run one task after another, and on workers: the result must be the same."""
    arguments: tuple[str, ...] = request.param
    return arguments
