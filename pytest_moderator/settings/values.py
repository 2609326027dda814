"""How the value of an option is read, wherever it comes from: text or the types that YAML has."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_moderator.model import IsolationLevel
from pytest_moderator.units import parse_duration, parse_size

if TYPE_CHECKING:
    from pytest_moderator.model import Budget

APPROVAL_RULES = ("backends", "paths", "commands", "cost")
Parse = Callable[[object], object]

LONGEST = 365 * 86400  # more than this overflows what operating systems can wait for
_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def choice(*names: str) -> Parse:
    """Accept one of some words."""
    known = ", ".join(names)

    def parse(value: object) -> str:
        if isinstance(value, str) and value.strip() in names:
            return value.strip()
        raise _must(f"be one of {known}", value)

    return parse


def integer(least: int, most: int) -> Parse:
    """Accept a whole number in a range."""

    def parse(value: object) -> int:
        number = value
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value.strip()):
            number = int(value)
        if isinstance(number, int) and not isinstance(number, bool) and least <= number <= most:
            return number
        raise _must(f"be a whole number from {least} to {most}", value)

    return parse


def isolation_level(value: object) -> IsolationLevel:
    """Accept the name of an isolation level."""
    return IsolationLevel(str(choice(*IsolationLevel)(value)))


def duration(value: object) -> float:
    """Accept a number of seconds, or a text with units."""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            seconds = parse_duration(value)
        except (ValueError, OverflowError):
            seconds = math.inf
        if seconds <= LONGEST:
            return seconds
    raise _must("be a time above 0 and up to 365d, such as 90, 10m or 1h30m", value)


def size(value: object) -> int:
    """Accept a number of bytes, or a text with a unit."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        try:
            return parse_size(value)
        except (ValueError, OverflowError) as error:
            raise _must("be a size above 0, such as 65536, 64KiB or 1MB", value) from error
    raise _must("be a size above 0, such as 65536, 64KiB or 1MB", value)


def flag(value: object) -> bool:
    """Accept true or false, or a word for one of them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    raise _must("be true or false", value)


def name(value: object) -> str:
    """Accept a text that is not empty."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise _must("be a name", value)


def command(value: object) -> str:
    """Accept a command for a shell."""
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value.strip()
    raise _must("be a command", value)


def path(value: object) -> Path:
    """Accept the name of a file or directory; ``~`` is the home directory."""
    text = os.fspath(value) if isinstance(value, Path) else value
    if isinstance(text, str) and text.strip() and "\0" not in text:
        return Path(os.path.expanduser(text))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    raise _must("be a path", value)


def names(value: object) -> tuple[str, ...]:
    """Accept names between commas or spaces, in one text or in a list of texts."""
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, Sequence) and all(isinstance(text, str) and text.strip() for text in texts):
        return tuple(dict.fromkeys(" ".join(texts).replace(",", " ").split()))
    raise _must("be a list of names", value)


def variable_names(value: object) -> tuple[str, ...]:
    """Accept names of environment variables, as :func:`names` does."""
    found = names(value)
    for item in found:
        if not _VARIABLE.fullmatch(item):
            raise _must("have names of letters, digits and _", item)
    return found


def patterns(value: object) -> tuple[str, ...]:
    """Accept patterns in a list, or in one text with commas between them."""
    texts = value.split(",") if isinstance(value, str) else value
    if isinstance(texts, Sequence) and all(isinstance(text, str) for text in texts):
        stripped = [text.strip() for text in texts]
        if all(stripped) and not any(mark in text for text in stripped for mark in "\0\n"):
            return tuple(dict.fromkeys(stripped))
    raise _must("be a list of patterns", value)


def mapping(value: object) -> Mapping[str, object]:
    """Accept a mapping, whatever it holds: others look into it."""
    if isinstance(value, Mapping):
        return value
    raise _must("be a mapping", value)


def budget(value: object) -> Budget:
    """Accept an amount of money or tokens."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = f"${value}"
    if not isinstance(value, str):
        raise _must("be money or tokens, such as $5 or 200k tokens", value)
    from pytest_moderator.model import Budget  # noqa: PLC0415 (few runs have one)

    return Budget.parse(value)


def approvals(value: object) -> Mapping[str, tuple[str, ...]]:
    """Accept the rules that say which tasks need an approval."""
    if not isinstance(value, Mapping):
        raise _must("be a mapping with the keys backends, paths, commands and cost", value)
    for key in value:
        if key not in APPROVAL_RULES:
            raise ValueError(f"must have the keys {', '.join(APPROVAL_RULES)}, not {key!r}")
    readers = {"backends": names, "paths": patterns, "commands": patterns, "cost": _money}
    return MappingProxyType({key: readers[key](item) for key, item in value.items()})


def _money(value: object) -> tuple[str, ...]:
    limit = budget(value)
    if limit.usd is None or limit.tokens is not None:
        raise _must("have an amount of money as cost, such as $2", value)
    return (str(limit),)


def variables(value: object) -> Mapping[str, str]:
    """Accept a mapping from names of environment variables to texts or whole numbers."""
    if not isinstance(value, Mapping):
        raise _must("be a mapping of names to texts", value)
    for key, item in value.items():
        if not (isinstance(key, str) and _VARIABLE.fullmatch(key)):
            raise _must("have names of letters, digits and _", key)
        if isinstance(item, bool) or not isinstance(item, (str, int)):
            raise ValueError(f"must have texts as values: put the value of {key} in quotes")  # noqa: TRY004 (as every parser here)
        if "\0" in str(item):
            raise ValueError(f"must have texts without NUL as values, unlike {key}")
    return MappingProxyType({key: str(item) for key, item in value.items()})


def rules(value: object) -> object:
    """Accept what may be rules; :mod:`pytest_moderator.settings.routing` reads them, with their places."""
    if isinstance(value, (Mapping, list, tuple)):
        return value
    raise _must("be a mapping from kinds of tasks to backends, or a list of rules", value)


def phases(value: object) -> object:
    """Accept what may be said of phases; :mod:`pytest_moderator.settings.phases` reads it, with its places."""
    if isinstance(value, (Mapping, tuple)):
        return value
    raise _must("be a mapping from phases to what verifies them", value)


def fallbacks(value: object) -> Mapping[str, tuple[str, ...]]:
    """Accept a mapping from names of backends to those that take their place."""
    if not isinstance(value, Mapping):
        raise _must("be a mapping from backends to lists of backends", value)
    return MappingProxyType({name(key): names(item) for key, item in value.items()})


def _must(what: str, value: object) -> ValueError:
    shown = repr(value)
    return ValueError(f"must {what}, not {shown if len(shown) <= 80 else shown[:77] + '...'}")  # noqa: PLR2004 (a line)
