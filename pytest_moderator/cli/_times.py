"""Times and durations for people."""

from __future__ import annotations

from datetime import UTC, datetime

from pytest_moderator.units import format_duration


def shown(at: str) -> str:
    """Write a time of the journal, to the second."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def lasted(start: str, end: str | None = None) -> str:
    """Write how long it is between two times of the journal; until now without the second one."""
    until = datetime.now(UTC) if end is None else datetime.fromisoformat(end)
    # somebody may have set the clock back meanwhile
    return format_duration(max(0.0, (until - datetime.fromisoformat(start)).total_seconds()))
