"""The mapping in a file: ``moderator.yaml`` as a whole, or ``moderator:`` of a front matter."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_moderator.model import Severity
from pytest_moderator.settings import values
from pytest_moderator.settings.collect import Collector, Found, Place
from pytest_moderator.settings.option import FILES, Option
from pytest_moderator.settings.table import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_moderator.model import Problem

DEFAULT_MAX_WORKERS = 4
_ENABLED = "gear3.parallel.enabled"
_MAX_WORKERS = "gear3.parallel.max_workers"


# Keys that are no options by themselves: they say what becomes of others.
_HELPERS = (Option("parallel", values.flag, None, "Whether max_workers counts", FILES, (_ENABLED,), ""),)
_LEAVES = {key: option for option in (*OPTIONS, *_HELPERS) for key in option.keys}
_SECTIONS = {key[:end] for key in _LEAVES for end in range(len(key)) if key[end] == "."}


def read_section(collector: Collector, content: object, place: Place) -> None:
    """Read all options of one file.

    Args:
        collector: takes the values and the problems.
        content: what the file has there.
        place: the file, or the key of it that our options stand under.
    """
    own = Collector()
    _walk(own, content, place, "")
    leaves = {found.place.key.removeprefix(f"{place.key}."): found for found in own.found}
    own.problems += [*_read_rules(leaves), *_switch_workers(leaves), *_refuse_contradictions(leaves)]
    collector.found += leaves.values()
    collector.problems += sorted(own.problems, key=lambda problem: problem.line)


def _walk(own: Collector, content: object, place: Place, prefix: str) -> None:
    if content is None:  # a key with nothing after it
        return
    if not isinstance(content, Mapping):
        what = f"{place.key} must be" if place.keys else "the file must be"
        own.problems.append(place.problem("bad-value", f"{what} a mapping of keys to values"))
        return
    for key, value in content.items():
        here, dotted = place.child(str(key)), f"{prefix}{key}"
        if dotted in _SECTIONS:
            _walk(own, value, here, f"{dotted}.")
        elif dotted == "backends":
            from pytest_moderator.settings.backends import read_backends  # noqa: PLC0415 (few files have any)

            read_backends(own, _LEAVES[dotted], value, here)
        elif dotted == "phases":
            from pytest_moderator.settings.phases import read_phases  # noqa: PLC0415 (likewise)

            read_phases(own, _LEAVES[dotted], value, here)
        elif dotted not in _LEAVES:
            own.problems.append(here.problem("unknown-key", f"unknown key {here.key!r}", _nearest(dotted)))
        elif value is not None:
            own.offer(_LEAVES[dotted], value, here)


def _read_rules(leaves: dict[str, Found]) -> list[Problem]:
    if not any(found.option.name == "rules" for found in leaves.values()):
        return []
    from pytest_moderator.settings.routing import read_rules  # noqa: PLC0415 (few files have any)

    return read_rules(leaves)


def _nearest(dotted: str) -> str:
    """Hint at the key that was meant: the same name in another section, or one like it in this one."""
    if dotted == "moderator":  # as in front matter, where there are keys of others
        return "leave it out: in this file its keys stand by themselves"
    section, _, name = dotted.rpartition(".")
    siblings = {
        key.rpartition(".")[2]: key for key in {*_LEAVES, *_SECTIONS} if key.rpartition(".")[0] == section
    }
    elsewhere = [key for key in _LEAVES if key.rpartition(".")[2] == name]
    for near in elsewhere or difflib.get_close_matches(name, siblings, n=1):
        return f"did you mean {siblings.get(near, near)!r}?"
    return f"known here: {', '.join(sorted(siblings))}"


def _switch_workers(leaves: dict[str, Found]) -> Iterator[Problem]:
    """Let ``enabled`` say whether ``max_workers`` counts."""
    switch, limit = leaves.pop(_ENABLED, None), leaves.get(_MAX_WORKERS)
    if switch and switch.value:
        if limit is None and "workers" not in leaves:
            leaves[_ENABLED] = switch._replace(option=_LEAVES["workers"], value=DEFAULT_MAX_WORKERS)
        return
    if limit:
        del leaves[_MAX_WORKERS]
    if switch:
        leaves[_ENABLED] = switch._replace(option=_LEAVES["workers"], value=None)
    elif limit:
        message = f"{limit.place.key} has no effect without enabled: true beside it"
        yield limit.place.problem("no-effect", message, severity=Severity.WARNING)


def _refuse_contradictions(leaves: dict[str, Found]) -> Iterator[Problem]:
    first: dict[str, Found] = {}
    for found in leaves.values():
        other = first.setdefault(found.option.name, found)
        if other.value != found.value:
            message = f"{found.place.key} is {found.raw!r} but {other.place.key} is {other.raw!r}"
            yield found.place.problem("conflicting-keys", message, "keep one of them")
