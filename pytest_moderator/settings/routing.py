"""The rules of ``backend_routing``: every part of them checked, and known by its place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_moderator.model import Rule, TaskKind
from pytest_moderator.settings import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_moderator.model import Problem
    from pytest_moderator.settings.collect import Found, Place

MARKS = ("parallel", "optional", "critical", "approve")


def read_rules(leaves: dict[str, Found]) -> list[Problem]:
    """Make rules of what a file has as such.

    Args:
        leaves: what was found in the file, by key; the values of rules are replaced.

    Returns:
        What is wrong; rules with a mistake are left out.
    """
    problems: list[Problem] = []
    for key, found in leaves.items():
        if found.option.name == "rules":
            # entries of a list have no line of their own
            place = found.place._replace(line=found.place.origin.line)
            rules = (_rule(body, inner, problems) for inner, body in _entries(found.value, place, problems))
            value = tuple(replace(rule, number=number) for number, rule in enumerate(filter(None, rules), 1))
            leaves[key] = found._replace(value=value)
    return problems


def _entries(
    value: object, place: Place, problems: list[Problem]
) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Go through the rules, whether they are a mapping from kinds of tasks or a list."""
    kinds = isinstance(value, Mapping)
    for key, body in (
        value.items() if isinstance(value, Mapping) else enumerate(value if isinstance(value, list) else ())
    ):
        here = place.child(str(key))
        if kinds and key not in tuple(TaskKind):
            hint = _meant(str(key), TaskKind)
            problems.append(here.problem("unknown-key", f"unknown kind of task {here.key!r}", hint))
        elif kinds and isinstance(body, str):
            yield here, {"backend": body, "task_type": key}
        elif isinstance(body, Mapping):
            yield here, {**body, "task_type": key} if kinds else body
        else:
            wanted = "the name of a backend" if kinds else "a mapping with the key 'backend'"
            problems.append(here.problem("bad-value", f"{here.key} must be {wanted}, not {body!r}"))


def _rule(body: Mapping[str, Any], place: Place, problems: list[Problem]) -> Rule | None:
    """Read one rule; ``None`` where something is wrong with it."""
    lines = [place.lines.get(keys, 0) for keys in (place.keys, *(place.child(str(key)).keys for key in body))]
    line = min(filter(None, lines), default=place.line)
    place = place._replace(line=line)  # for parts that have no line of their own: `testing: shell` is all one
    before = len(problems)
    parts: dict[str, Any] = {}
    for key, value in body.items():
        here = place.child(str(key))
        if key not in _PARTS:
            problems.append(
                here.problem("unknown-key", f"unknown key {here.key!r}", _meant(str(key), _PARTS))
            )
            continue
        try:
            parts[key] = None if value is None else _PARTS[key](value)
        except ValueError as error:
            message, *hint = error.args
            problems.append(here.problem("bad-value", f"{here.key} {message}", *hint))
    if len(problems) == before and parts.get("backend") is None:
        problems.append(place.problem("bad-value", f"{place.key} needs the key 'backend'"))
    given = {key: value for key, value in parts.items() if value is not None}
    return Rule(**given, path=place.path, line=line) if len(problems) == before else None


def _texts(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if (
        isinstance(texts, Sequence)
        and texts
        and all(isinstance(text, str) and text.strip() for text in texts)
    ):
        return tuple(text.strip() for text in texts)
    raise ValueError(f"must be a text or a list of texts, not {value!r}")


def _words(known: Sequence[str]) -> values.Parse:
    """Accept one of some words, or several of them."""

    def parse(value: object) -> tuple[str, ...]:
        words = values.names(value)
        for word in words:
            if word not in known:
                raise ValueError(f"must be of {', '.join(known)}, not {word!r}", _meant(word, known))
        return words

    return parse


def _kinds(value: object) -> tuple[TaskKind, ...]:
    words: Any = _words(tuple(TaskKind))(value)
    return tuple(TaskKind(word) for word in words)


def _meant(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {str(nearest[0])!r}?" if nearest else f"known here: {', '.join(sorted(known))}"


_PARTS: dict[str, values.Parse] = {
    "backend": values.name,
    "task_type": _kinds,
    "phase": _texts,
    "story": values.names,
    "paths": _texts,
    "marks": _words(MARKS),
    "fallback": values.names,
}
