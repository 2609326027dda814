"""Budgets, as people write them."""

from __future__ import annotations

import pytest

from pytest_moderator.model import Budget, Usage


@pytest.mark.parametrize(
    ("text", "usd", "tokens"),
    [
        ("$5", 5.0, None),
        ("2.50 USD", 2.5, None),
        ("3 dollars", 3.0, None),
        ("200k tokens", None, 200_000),
        ("1.5M tokens", None, 1_500_000),
        ("1,000,000 tokens", None, 1_000_000),
        ("$5, 1m tokens", 5.0, 1_000_000),
        ("$5 and 1 token", 5.0, 1),
    ],
)
def test_is_read(text: str, usd: float | None, tokens: int | None) -> None:
    budget = Budget.parse(text)
    assert (budget.usd, budget.tokens) == (usd, tokens)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "5", "much", "$0", "0 tokens", "$5 $6 7", "€5", "-1 USD"])
def test_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        Budget.parse(text)


def test_is_spent_by_money_or_by_tokens() -> None:
    budget = Budget(usd=5.0, tokens=1000)
    assert not budget.is_spent(Usage())
    assert not budget.is_spent(Usage(cost_usd=4.99, input_tokens=500, output_tokens=499))
    assert budget.is_spent(Usage(cost_usd=5.0))
    assert budget.is_spent(Usage(input_tokens=600, output_tokens=400))
    assert budget.shown(Usage(cost_usd=1.5, input_tokens=2000)) == "$1.50, 2,000 tokens"
    assert Budget(usd=5.0).shown(Usage(cost_usd=6)) == "$6.00"
