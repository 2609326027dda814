"""When a limit ends, as far as the words of a service tell."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = timedelta(days=366)
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_EPOCH = re.compile(r"(?:\||resets?_?at\W{1,4})(\d{10})(?:\d{3})?\b", re.IGNORECASE)
_ISO = re.compile(
    r"(?:resets?|retry|try again|until)\W[^\n]{0,20}?"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)",
    re.IGNORECASE,
)
_SECONDS = re.compile(
    r"(?:resets?_in_seconds|retry[-_ ]?after(?:_seconds)?|retry_?delay)\W{1,5}(\d+(?:\.\d+)?)", re.IGNORECASE
)
_SPAN = re.compile(
    r"(?:try again|retry|retrying|resets?|available|wait)(?: again)?(?: in| after| for)?:? "
    r"((?:\d+(?:\.\d+)? ?(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b[ ,]*(?:and )?)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:\.\d+)?) ?([dhms])", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:resets?|try again|available|until)(?: again)?(?: at| on)?:? "
    r"(?:(?P<month>[a-z]{3})[a-z]*\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,?(?: (?P<year>\d{4}))?,?(?: at)? )?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?::\d\d)? ?(?P<half>[ap]\.?m\b)?"
    r"(?: ?\(?(?P<zone>UTC|GMT|[A-Z][A-Za-z_]+(?:/[A-Za-z_+-]+)+)\)?)?",
    re.IGNORECASE,
)


def find_reset(text: str, now: datetime) -> datetime | None:
    """Find the time at which a limit ends.

    Args:
        text: what a service or an agent says of the limit. A time of day without a zone is taken as local time,
            as agents print it.
        now: the time of it, with a zone.

    Returns:
        The time in UTC, not before ``now`` and at most a year after it; ``None`` where the text tells of none.
    """
    for find in _WAYS:
        found = find(text, now)
        if found is not None and found - now <= _LONGEST:
            return max(found, now).astimezone(UTC)
    return None


def _epoch(text: str, now: datetime) -> datetime | None:
    del now
    match = _EPOCH.search(text)
    return datetime.fromtimestamp(int(match[1]), UTC) if match else None


def _iso(text: str, now: datetime) -> datetime | None:
    match = _ISO.search(text)
    if not match:
        return None
    try:
        found = datetime.fromisoformat(match[1])
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=now.astimezone().tzinfo)


def _seconds(text: str, now: datetime) -> datetime | None:
    match = _SECONDS.search(text)
    return _after(now, float(match[1])) if match else None


def _span(text: str, now: datetime) -> datetime | None:
    match = _SPAN.search(text)
    if not match:
        return None
    parts = _PART.findall(match[1])
    return _after(now, sum(float(number) * _UNITS[unit.lower()] for number, unit in parts))


def _after(now: datetime, seconds: float) -> datetime | None:
    return now + timedelta(seconds=seconds) if seconds <= _LONGEST.total_seconds() else None


def _clock(text: str, now: datetime) -> datetime | None:
    """Read ``resets 3pm (Europe/Berlin)`` and ``try again at Mar 10th, 2026 3:39 AM``: the next such time."""
    for match in _CLOCK.finditer(text):
        if not (match["half"] or match["minute"]):  # a bare number may be anything
            continue
        try:
            zone = _zone(match["zone"])
            # without a zone: a time of this machine's clock, whatever its offset will be by then
            here = now.astimezone(zone) if zone else now.astimezone().replace(tzinfo=None)
            return _next_time(match, here).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _zone(name: str | None) -> tzinfo | None:
    """Give the zone of that name; the local one without a name."""
    if name is None:
        return None
    if name.upper() in ("UTC", "GMT"):
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


def _next_time(match: re.Match[str], now: datetime) -> datetime:
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= 12:  # noqa: PLR2004 (a clock's)
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    found = now.replace(hour=hour, minute=int(match["minute"] or 0), second=0, microsecond=0)
    if not match["month"]:
        return found if found > now else found + timedelta(days=1)
    month = _MONTHS.index(match["month"].lower()) + 1
    found = found.replace(year=int(match["year"] or now.year), month=month, day=int(match["day"]))
    return found if match["year"] or found > now else found.replace(year=now.year + 1)


_WAYS: tuple[Callable[[str, datetime], datetime | None], ...] = (_epoch, _iso, _seconds, _span, _clock)
