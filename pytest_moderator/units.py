"""Durations and sizes as people write them."""

from __future__ import annotations

import math
import re

_SECONDS = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {
    "": 1, "b": 1,
    "k": 2**10, "kb": 10**3, "kib": 2**10,
    "m": 2**20, "mb": 10**6, "mib": 2**20,
    "g": 2**30, "gb": 10**9, "gib": 2**30,
    "t": 2**40, "tb": 10**12, "tib": 2**40,
}  # fmt: skip
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_duration(text: str | float) -> float:
    """Read ``90``, ``90s``, ``10m``, ``1h30m`` or ``250ms`` as seconds.

    Args:
        text: a number of seconds, or numbers with the units ms, s, sec, m, min, h, d.

    Returns:
        Seconds, above 0 and finite.

    Raises:
        ValueError: it is not such a text, or not above 0.
    """
    value = _sum_of_parts(text, _SECONDS, default="s")
    if not (value > 0 and math.isfinite(value)):
        raise ValueError("must be above 0")
    return value


def parse_size(text: str | int) -> int:
    """Read ``512MB``, ``2GiB`` or ``1g`` as bytes.

    Args:
        text: a number of bytes, or a number with a unit: kB, MB, GB, TB are powers of 1000; KiB, MiB, GiB,
            TiB and the bare letters k, m, g, t powers of 1024.

    Returns:
        Bytes, above 0.

    Raises:
        ValueError: it is not such a text, or not above 0.
    """
    value = _sum_of_parts(text, _BYTES, default="")
    if not (value >= 1 and math.isfinite(value)):
        raise ValueError("must be above 0")
    return int(value)


def _sum_of_parts(text: str | float, units: dict[str, float] | dict[str, int], default: str) -> float:
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    total, end = 0.0, 0
    stripped = str(text).strip()
    for part in _PART.finditer(stripped):
        unit = part[2].lower() or default
        alone = part[0] == stripped
        if part.start() != end or unit not in units or not (part[2] or alone):
            break
        total += float(part[1]) * units[unit]
        end = part.end()
    if not stripped or end != len(stripped):
        raise ValueError(f"{text!r} is not a number with a unit")
    return total


def format_size(size: int) -> str:
    """Write bytes the way people read them: ``812 B``, ``64 KiB``, ``612.3 MiB``, ``1.5 GiB``."""
    if size < 2**10:
        return f"{size} B"
    unit, factor = next(
        (
            (name, 2**power)
            for name, power in (("KiB", 10), ("MiB", 20), ("GiB", 30))
            if size < 2 ** (power + 10)
        ),
        ("TiB", 2**40),
    )
    return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"


def format_duration(seconds: float) -> str:
    """Write seconds the way people read them: ``0.31s``, ``12.4s``, ``3m 05s``, ``1h 02m``."""
    if seconds < 10:  # noqa: PLR2004 (two digits are enough above)
        return f"{seconds:.2f}s"
    if seconds < 60:  # noqa: PLR2004 (a minute)
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 (an hour)
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m"
