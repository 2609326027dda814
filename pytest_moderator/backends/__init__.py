"""What runs tasks: one file a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from pytest_moderator.backends.base import Backend

    Settings = Mapping[str, Mapping[str, object]]


def load_backends(config: pytest.Config) -> list[Backend]:
    """Gather the backends of everybody who brings some: our own, those of hooks, those of installed packages.

    Raises:
        BrokenBackendError: an installed package promises one, and has none.
    """
    from pytest_moderator.backends import builtin, installed  # noqa: PLC0415 (only in a session that uses them)

    config.pluginmanager.register(builtin, "moderator_backends")
    hooked = [backend for given in config.hook.pytest_moderator_backends() for backend in given]
    return with_way_given([*hooked, *installed.load_installed_backends()])


def with_way_given(found: Sequence[Backend]) -> list[Backend]:
    """Leave out those coding agents of ours that others have taken the name of.

    Args:
        found: all that there are.
    """
    from pytest_moderator.backends.agents import AgentBackend  # noqa: PLC0415 (likewise)

    taken = {backend.name for backend in found if not isinstance(backend, AgentBackend)}
    return [
        backend for backend in found if not isinstance(backend, AgentBackend) or backend.name not in taken
    ]


def configure(backends: Sequence[Backend], settings: Settings) -> list[Backend]:
    """Put the agents that a tasks file has settings for in the place of those without, or beside them.

    Args:
        backends: all that there are.
        settings: by name, what is set for backends.

    Raises:
        ModeratorError: there are settings for a backend that takes none.
    """
    if not settings:
        return list(backends)
    from pytest_moderator.backends.agents import with_settings  # noqa: PLC0415 (few files have any)

    return with_settings(backends, settings)
