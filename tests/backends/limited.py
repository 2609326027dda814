"""Limits that tests give to a backend, and failures of its tasks."""

from __future__ import annotations

from pytest_moderator.backends.limits import BackendLimits, parse_limits


def limits(**values: object) -> BackendLimits:
    return BackendLimits({"a": parse_limits(values)})


def fail(those: BackendLimits, *times: float, backend: str = "a") -> None:
    """Let tasks start and fail at once."""
    for number, now in enumerate(times):
        those.started(backend, f"{backend}{number}", now)
        those.ended(f"{backend}{number}", ok=False, now=now)
