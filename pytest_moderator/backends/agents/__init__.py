"""Coding agents as backends: their command lines, run without anybody to answer, and judged by what they did.

``agent`` runs and judges; a file for each command line holds only what is different about it. Nothing is imported
before a task is given to one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.backends.agents.backend import AgentBackend
from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_moderator.backends.base import Backend

__all__ = ["AgentBackend", "agents", "with_settings"]

_WITHOUT_SETTINGS = ("claude", "codex", "gemini", "opencode", "ccpm")


def agents() -> list[Backend]:
    """Give the agents that need no settings."""
    return [AgentBackend(name, {"type": name}) for name in _WITHOUT_SETTINGS]


def with_settings(backends: Sequence[Backend], settings: Mapping[str, Mapping[str, object]]) -> list[Backend]:
    """Put agents with settings in the place of those of the same name, or behind the others.

    Args:
        backends: all that there are.
        settings: by name, what is set for agents; in the form that settings give.

    Raises:
        ModeratorError: a name is that of a backend which is no agent; or there is no backend of a name that has
            only limits.
    """
    given: dict[str, Backend] = {
        name: AgentBackend(name, values) for name, values in settings.items() if "type" in values
    }
    for name in settings.keys() - given.keys() - {backend.name for backend in backends}:
        raise ModeratorError(f"there is no backend {name!r}: give it a type, or correct its name")
    for backend in backends:
        if backend.name in given and not isinstance(backend, AgentBackend):
            raise ModeratorError(f"{backend.name!r} is no coding agent and takes no type: use another name")
    placed = [given.pop(backend.name, backend) for backend in backends]
    return [*placed, *given.values()]
