"""Times that others have written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pytest_moderator.clock import seconds_until

NOW = datetime(2026, 1, 2, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-01-02T10:16:00+00:00", 60),
        ("2026-01-02T10:16:00.500Z", 60.5),
        ("2026-01-02T10:16:00", 60),
        ("2026-01-02T12:15:00+02:00", 0),
        ("2026-01-02T10:00:00Z", -900),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_how_long_it_is_until_then(moment: str | None, seconds: float | None) -> None:
    assert seconds_until(moment, NOW) == seconds


def test_it_counts_from_now_on() -> None:
    hour = seconds_until((datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert hour is not None
    assert 3000 < hour <= 3600
