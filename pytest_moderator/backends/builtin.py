"""The backends that come with this package, handed over as a stranger's would be: a plugin of our own hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_moderator.backends.base import Backend


def pytest_moderator_backends() -> list[Backend]:
    """Hand over ``shell``, ``python``, ``manual`` and the coding agents."""
    from pytest_moderator.backends.agents import agents  # noqa: PLC0415 (only when they are asked for)
    from pytest_moderator.backends.manual import ManualBackend  # noqa: PLC0415 (likewise)
    from pytest_moderator.backends.python import PythonBackend  # noqa: PLC0415 (only when they are asked for)
    from pytest_moderator.backends.shell import ShellBackend  # noqa: PLC0415 (likewise)

    return [ShellBackend(), PythonBackend(), ManualBackend(), *agents()]
