"""Hands our backend over to the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sql_backend import SqlBackend

if TYPE_CHECKING:
    from pytest_moderator import Backend

pytest_plugins = ["pytester"]  # for test_sql_backend.py


def pytest_moderator_backends() -> list[Backend]:
    return [SqlBackend()]
