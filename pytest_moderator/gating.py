"""Which gates a run needs, and who tells them what people ask of it. Most runs need few, and import no others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pytest_moderator.answering import Answering
from pytest_moderator.control import Control
from pytest_moderator.pausing import FirstLimitGate, PauseGate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_moderator.backends.base import Backend
    from pytest_moderator.backends.limits import Limits
    from pytest_moderator.circuits import Circuits
    from pytest_moderator.gates import Gate
    from pytest_moderator.limiting import LimitsGate
    from pytest_moderator.opening import Opening
    from pytest_moderator.prepare import Prepared
    from pytest_moderator.run import Run
    from pytest_moderator.settings import Settings


def make_control(run: Run, prepared: Mapping[str, Prepared], opening: Opening) -> Control:
    """Put all gates before the tasks, and make who hears what is asked of the run.

    Args:
        run: the run.
        prepared: its files, by their node ids.
        opening: what is known of earlier.
    """
    entries = tuple(prepared.values())
    answering = Answering(run, prepared, opening)
    control = Control(run, entries[0].settings, answering.of)
    answering.soon = control.soon
    run.gates.add(*_gates_of(run, answering, control, entries, opening))
    return control


def _gates_of(
    run: Run, answering: Answering, control: Control, prepared: Sequence[Prepared], opening: Opening
) -> Iterator[Gate]:
    """Make the gates, in the order in which they are asked: who does a task comes before whether it may."""
    settings = prepared[0].settings
    limits = _limits_of(settings)
    fallbacks = any(_has_fallbacks(entry.settings) for entry in prepared)
    used = [backend for entry in prepared for backend in entry.in_use]
    # One that has costs may have a limit of its own, of which it tells when a task meets it.
    watched = bool(limits) or fallbacks or any(backend.has_costs for backend in used)
    # An answer for a task that is done elsewhere is put where its worker finds it when the task is sent.
    handed_over = any(backend.elsewhere for backend in (*used, *_used_again(run, settings)))
    run.sends_ahead = not watched and not handed_over and settings.budget is None

    @cache
    def circuits() -> Circuits:
        from pytest_moderator.circuits import Circuits  # noqa: PLC0415 (most runs know of no limits)

        patience = max(entry.settings.health_timeout for entry in prepared)
        return Circuits(run, limits, patience, control.soon)

    def limits_gate() -> LimitsGate:
        from pytest_moderator.limiting import LimitsGate  # noqa: PLC0415 (most runs know of no limits)

        return LimitsGate(run, circuits(), opening.waiting, asks=watched)

    yield PauseGate(run, opening.waiting.pauses)
    if watched:
        from pytest_moderator.limiting import StandInGate  # noqa: PLC0415 (only where a backend may be passed over)

        yield StandInGate(run, circuits())
    if answering.asks_for_approvals:
        yield answering.approvals
    if settings.budget is not None:
        from pytest_moderator.limiting import BudgetGate  # noqa: PLC0415 (most runs have none)

        yield BudgetGate(run, settings.budget, opening.spent)
    yield limits_gate() if watched or opening.waiting.limits else FirstLimitGate(limits_gate)
    if handed_over or fallbacks:
        yield answering.elsewhere


def _limits_of(settings: Settings) -> dict[str, Limits]:
    """Give what is allowed of backends, of those that have limits."""
    if not settings.backends:
        return {}
    from pytest_moderator.backends.limits import Limits, parse_limits  # noqa: PLC0415 (few files have any)

    limits = {name: parse_limits(values) for name, values in settings.backends.items()}
    return {name: limit for name, limit in limits.items() if limit != Limits()}


def _has_fallbacks(settings: Settings) -> bool:
    return bool(settings.fallbacks) or any(rule.fallback for rule in settings.rules)


def _used_again(run: Run, settings: Settings) -> Iterator[Backend]:
    """Give the backends of tasks that run again: in use are those of tasks that were not done."""
    for file in run.handout.files if settings.rerun else ():
        for task in file.tasks:
            if not task.done and (choice := run.choice_of(file, task)):
                yield choice.backend
