"""The mapping ``phases:`` of a file: names of phases, with what is said of each."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_moderator.model import PhaseRule
from pytest_moderator.settings.collect import Collector, Found, Place

if TYPE_CHECKING:
    from pytest_moderator.settings.option import Option

_VERIFY = "verify"


def read_phases(collector: Collector, option: Option, content: object, place: Place) -> None:
    """Read what a file says of phases.

    Args:
        collector: takes the value, a tuple of :class:`~pytest_moderator.model.PhaseRule`, and the problems.
        option: the option that it is the value of.
        content: what the file has there.
        place: where it has it.
    """
    if not isinstance(content, Mapping):
        hint = "such as 'Phase 2': {verify: pytest -q tests/core}"
        message = f"{place.key} must be a mapping of names of phases to what is said of them"
        collector.problems.append(place.problem("bad-value", message, hint))
        return
    rules = (_rule(collector, str(name), body, place.child(str(name))) for name, body in content.items())
    collector.found.append(Found(option, tuple(filter(None, rules)), content, place))


def _rule(collector: Collector, name: str, body: object, place: Place) -> PhaseRule | None:
    """Read what is said of one phase; ``None`` where nothing can be made of it."""
    if not isinstance(body, Mapping) or not name.strip():
        message = f"{place.key} must be the name of a phase, with a mapping such as {{verify: make check}}"
        collector.problems.append(place.problem("bad-value", message))
        return None
    for key in body:
        if key != _VERIFY:
            near = difflib.get_close_matches(str(key), [_VERIFY], n=1)
            hint = f"did you mean {_VERIFY!r}?" if near else f"known here: {_VERIFY}"
            here = place.child(str(key))
            collector.problems.append(here.problem("unknown-key", f"unknown key {here.key!r}", hint))
    checks = body.get(_VERIFY)
    listed = [checks] if isinstance(checks, str) else checks
    if not (isinstance(listed, list) and listed and all(isinstance(c, str) and c.strip() for c in listed)):
        here = place.child(_VERIFY) if _VERIFY in body else place
        message = (
            f"{here.key} must {'be' if _VERIFY in body else 'have verify:'} a command or a list of commands"
        )
        collector.problems.append(here.problem("bad-value", message))
        return None
    return PhaseRule(name.strip(), tuple(listed), place.path, place.origin.line)
