"""What the benchmarks may be asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How thorough a benchmark is.

    Attributes:
        quick: small sizes and few repeats: shows that it works, the numbers are rough.
        seed: chooses the graphs.
    """

    quick: bool = False
    seed: int = 0
