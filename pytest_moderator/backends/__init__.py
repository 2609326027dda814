"""What runs tasks: one file a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_moderator.backends.base import Backend


def load_backends(config: pytest.Config) -> list[Backend]:
    """Gather the backends of everybody who brings some."""
    from pytest_moderator.backends import builtin  # noqa: PLC0415 (only in a session that uses them)

    config.pluginmanager.register(builtin, "moderator_backends")
    return [backend for given in config.hook.pytest_moderator_backends() for backend in given]
