"""What the tests of whole sessions share."""

from __future__ import annotations

import pytest
from sessions import Project

ALONE = ()
WORKERS = ("-n", "2")


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    """A project of its own."""
    return Project(pytester)


@pytest.fixture(params=[ALONE, WORKERS], ids=["alone", "workers"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Arguments to run one task after another, and on workers: the result must be the same."""
    arguments: tuple[str, ...] = request.param
    return arguments
