"""What a run may use of coding agents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_moderator.model.result import Usage

_MONEY = re.compile(
    r"(?:\$\s*(?P<a>\d+(?:\.\d+)?)|(?P<b>\d+(?:\.\d+)?)\s*(?:USD|\$|dollars?))", re.IGNORECASE
)
_TOKENS = re.compile(r"(?P<n>\d+(?:[_,]\d{3})*(?:\.\d+)?)\s*(?P<unit>[km]?)\s*(?:tokens?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit in money, in tokens, or in both.

    Attributes:
        usd: US dollars, above 0; ``None`` for no limit.
        tokens: tokens read and written, above 0; ``None`` for no limit.
    """

    usd: float | None = None
    tokens: int | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read a budget such as ``$5``, ``2.50 USD``, ``200k tokens`` or ``$5, 1m tokens``.

        Raises:
            ValueError: it is something else; the message begins with ``must``.
        """
        usd: float | None = None
        tokens: int | None = None
        for part in re.split(r"\s*(?:,\s+|\band\b|;)\s*", text.strip()):
            if match := _MONEY.fullmatch(part):
                usd = float(match["a"] or match["b"])
            elif match := _TOKENS.fullmatch(part):
                number = float(match["n"].replace("_", "").replace(",", ""))
                tokens = round(number * _UNITS[match["unit"].lower()])
            else:
                raise ValueError(f"must be money or tokens, such as $5 or 200k tokens, not {text!r}")
        if usd == 0 or tokens == 0:
            raise ValueError(f"must be above 0, not {text!r}")
        return cls(usd, tokens)

    def is_spent(self, usage: Usage) -> bool:
        """Whether so much was used that nothing is left."""
        used = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        too_dear = self.usd is not None and (usage.cost_usd or 0.0) >= self.usd
        return too_dear or (self.tokens is not None and used >= self.tokens)

    def shown(self, usage: Usage) -> str:
        """Write what was used, in the units of this budget."""
        used = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        return str(Budget(usage.cost_usd or 0.0 if self.usd else None, used if self.tokens else None))

    def __str__(self) -> str:
        """Write it as it is read."""
        parts = [] if self.usd is None else [f"${self.usd:.2f}"]
        parts += [] if self.tokens is None else [f"{self.tokens:,} tokens"]
        return ", ".join(parts)
