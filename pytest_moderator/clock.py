"""Durations on a monotonic clock; times to show in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


def now() -> str:
    """Give the time in UTC as ISO 8601, to the millisecond."""
    return shown(datetime.now(UTC))


def shown(moment: datetime) -> str:
    """Give a time that has a zone as ISO 8601 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def shown_after(seconds: float) -> str:
    """Give the time that it is in so many seconds, as :func:`shown` writes it."""
    return shown(datetime.now(UTC) + timedelta(seconds=seconds))


def seconds_until(moment: str | None, since: datetime | None = None) -> float | None:
    """Count the seconds until a time, as somebody has written it; without a zone, it is taken as UTC.

    Args:
        moment: ISO 8601.
        since: from when on, with a zone; from now on without it.

    Returns:
        Below 0 where it is over; ``None`` where it is no time.
    """
    try:
        time = datetime.fromisoformat(moment or "")
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (time - (since or datetime.now(UTC))).total_seconds()


class Stopwatch:
    """Measures from its start to the last lap.

    Attributes:
        started_at: ISO 8601 in UTC.
        finished_at: likewise, of the last lap.
        seconds: from the start to the last lap.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start, or start over."""
        self._begin = time.monotonic()
        self.started_at = self.finished_at = now()
        self.seconds = 0.0

    def lap(self) -> None:
        """Take the time."""
        self.seconds = time.monotonic() - self._begin
        self.finished_at = now()
