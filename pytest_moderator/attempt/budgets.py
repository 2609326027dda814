"""What is left of budgets: that of a task, and that of its run, of which every process of the run is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_moderator.attempt.signs import PURSE
from pytest_moderator.model import Budget, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Task

_LEAST = 0.01  # US dollars: no program takes a limit of nothing


def write_purse(directory: Path, budget: Budget, spent: Usage) -> None:
    """Tell all processes of a run of its budget.

    Args:
        directory: the folder of the run.
        budget: what it may use.
        spent: what it has used so far.

    Raises:
        OSError: it cannot be written.
    """
    told = {"usd": budget.usd, "tokens": budget.tokens, "spent": spent.to_dict()}
    new = directory / f"{PURSE}.new"
    new.write_text(json.dumps(told), encoding="utf-8")
    new.replace(directory / PURSE)


def why_spent(task: Task, context: AttemptContext) -> str:
    """Say of which budget nothing is left for a task; empty where there is something, or there is none.

    Args:
        task: the task.
        context: its last attempt, with what all of them have used.
    """
    if spent := own_budget_spent(task, context.used):
        return spent
    run, spent_by_run = _of_run(context)
    if run is not None and run.is_spent(spent_by_run):
        return f"the budget of the run of {run} is spent ({run.shown(spent_by_run)})"
    return ""


def own_budget_spent(task: Task, used: Usage | None) -> str:
    """Say that nothing is left of the budget that a task has itself; empty where something is, or there is none.

    Args:
        task: the task.
        used: what its attempts have used together.
    """
    budget = Budget.parse(task.budget) if task.budget and used else None
    if budget is None or used is None or not budget.is_spent(used):
        return ""
    return f"its budget of {budget} is spent ({budget.shown(used)})"


def money_left(task: Task, context: AttemptContext) -> float | None:
    """Give the US dollars that the next attempt of a task may cost, above 0; ``None`` where nothing limits it.

    Args:
        task: the task.
        context: the attempt.
    """
    own = Budget.parse(task.budget).usd if task.budget else None
    run, spent_by_run = _of_run(context)
    used = (context.used.cost_usd if context.used else None) or 0.0
    left = [] if own is None else [own - used]
    left += [] if run is None or run.usd is None else [run.usd - (spent_by_run.cost_usd or 0.0)]
    return max(min(left), _LEAST) if left else None


def _of_run(context: AttemptContext) -> tuple[Budget | None, Usage]:
    """Give the budget of the run, and what is used of it with the attempts of this task; none where none is told."""
    used = context.used or Usage()
    if context.purse is None:
        return None, used
    try:
        told = json.loads(context.purse.read_text(encoding="utf-8"))
        return Budget(told["usd"], told["tokens"]), Usage(**told["spent"]).plus(used)
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or somebody has been at it
        return None, used
