"""Durations and sizes as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        (90, 90),
        (1.5, 1.5),
        ("90s", 90),
        ("90 sec", 90),
        ("10m", 600),
        ("10 MIN", 600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        (" 250ms ", 0.25),
        ("1.5h", 5400),
        ("2d", 172_800),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        (512, 512),
        ("512b", 512),
        ("1k", 1024),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("512MB", 512_000_000),
        ("2GiB", 2 * 2**30),
        ("1.5g", 3 * 2**29),
        ("1t", 2**40),
        ("1g 512m", 2**30 + 2**29),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "-1",
        "10 parrots",
        "1h30",
        "10 20",
        "m",
        "1..5s",
        "1h!",
        "1e3",
        True,
        None,
        [],
        "10x5m",
    ],
)
@pytest.mark.parametrize("parse", [parse_duration, parse_size])
def test_nonsense(parse, text):
    with pytest.raises(ValueError, match="is not a number with a unit"):
        parse(text)


@pytest.mark.parametrize("value", [0, "0", "0s", -1, -0.5, math.inf, math.nan, "9" * 400])
def test_durations_out_of_range(value):
    with pytest.raises(ValueError, match="must be above 0"):
        parse_duration(value)


@pytest.mark.parametrize("value", [0, "0", "0.4", -1, 0.5, math.inf, math.nan, "9" * 400])
def test_sizes_out_of_range(value):
    with pytest.raises(ValueError, match="must be above 0"):
        parse_size(value)


@given(st.text(max_size=20))
def test_any_text_is_a_value_or_a_value_error(text):
    for parse in (parse_duration, parse_size):
        try:
            assert 0 < parse(text) < math.inf
        except ValueError as error:
            assert str(error)  # noqa: PT017 (either is right)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00s"),
        (0.314, "0.31s"),
        (9.99, "9.99s"),
        (12.44, "12.4s"),
        (60, "1m 00s"),
        (185, "3m 05s"),
        (3599.7, "1h 00m"),
        (3725, "1h 02m"),
        (360_000, "100h 00m"),
    ],
)
def test_writing_durations(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(min_value=1, max_value=10**6))
def test_whole_minutes_can_be_read_again(minutes):
    assert parse_duration(format_duration(minutes * 60)) == minutes * 60


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (64 * 2**20, "64 MiB"),
        (50_000_000, "47.7 MiB"),
        (2**30 - 1, "1024 MiB"),
        (3 * 2**29, "1.5 GiB"),
        (5 * 2**40, "5 TiB"),
        (5000 * 2**40, "5000 TiB"),
    ],
)
def test_writing_sizes(size, text):
    assert format_size(size) == text
