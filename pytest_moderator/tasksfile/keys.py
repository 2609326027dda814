"""The keys that a task may carry, and what their values mean."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pytest_moderator.model import Command, IsolationLevel, Problem, Severity
from pytest_moderator.tasksfile.fields import Field, entries
from pytest_moderator.tasksfile.ids import is_usable
from pytest_moderator.tasksfile.inline import bare, inline_code, only_code, without_code
from pytest_moderator.tasksfile.words import (
    BLOCKS_KEYS,
    DEPENDS_KEYS,
    DONE_STATUS,
    FILES_KEYS,
    NOTHING,
    STATUS_KEYS,
    VERIFY_KEYS,
)
from pytest_moderator.units import parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable

_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"no", "false", "off", "0"})
_CALL = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:=|\s*[=:]\s+)(.*)", re.DOTALL)
_NEXT_ASSIGNMENT = re.compile(r",\s*(?=[A-Za-z_][A-Za-z0-9_]*\s*=)")
_CLOSE_ENOUGH = 0.8
_MISSPELLED = {"retry": "retries", "depend on": "depends on", "environment": "env", "limit": "timeout"}


@dataclass(slots=True, eq=False, repr=False)
class Said:
    """What the body of one task says.

    Attributes:
        values: fields of the task, ready for :class:`~pytest_moderator.model.Task`.
        depends: statements of what it depends on: the text, its line, and whether it is our own key.
        blocks: texts that name what waits for it.
        files: texts that name files; ``None`` where there is no such key.
        done: what a status says.
        status_line: 1-based line of that status; 0 where there is none, or in a table.
        notes: keys that are not ours.
        problems: what is wrong.
    """

    values: dict[str, Any] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    depends: list[tuple[str, int, bool]] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    only_files: tuple[str, ...] | None = None
    done: bool | None = None
    status_line: int = 0
    notes: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def take_field(found: Field, said: Said) -> None:
    """Add what a field says."""
    key = found.key
    if found.plain and key in _OWN:
        _take_own(key, found, said)
    elif key in DEPENDS_KEYS:
        said.depends.extend((text, line, False) for text, line in _statements(found))
    elif key in BLOCKS_KEYS:
        said.blocks.extend(text for text, _ in _statements(found))
        _note(found, said)
    elif key in STATUS_KEYS:
        said.done = bool(re.match(DONE_STATUS, found.value.lower()))
        said.status_line = 0 if found.node is None or found.node.kind == "row" else found.line
        _note(found, said)
    elif key in VERIFY_KEYS and only_code(found.value) is not None:
        said.values.setdefault("verify", (bare(found.value),))
    elif key in _FORGIVING and _parses(key, found):
        _take_own(key, found, said)
    else:
        if key in FILES_KEYS:
            said.files.extend([found.value, *(text for text, _ in found.items)])
        _note(found, said)
        if found.plain:
            _warn_if_nearly_known(found, said)


def is_done_among(line: str) -> bool | None:
    """Whether a line such as ``P0 | ✅ DONE | Est: 2d`` says that a task is done; ``None`` where it does not."""
    parts = line.lower().split("|")
    return any(re.fullmatch(rf"{DONE_STATUS}[\W\d_]*", part) for part in parts) if len(parts) > 1 else None


def _take_own(key: str, found: Field, said: Said) -> None:
    try:
        _OWN[key](found, said)
    except ValueError as error:
        said.problems.append(
            Problem(
                Severity.ERROR,
                "bad-value",
                f"{key}: {error}",
                _HINTS.get(key, "see the keys that a task may carry"),
                line=found.line,
            )
        )


def _parses(key: str, found: Field) -> bool:
    try:
        _OWN[key](found, Said())
    except ValueError:
        return False
    return True


def _note(found: Field, said: Said) -> None:
    text = "\n".join([*([found.value] if found.value else []), *(text for text, _ in found.items)])
    earlier = said.notes.get(found.name)
    said.notes[found.name] = f"{earlier}\n{text}" if earlier else text


def _warn_if_nearly_known(found: Field, said: Said) -> None:
    key = found.key
    close = get_close_matches(key, _OWN, 1, _CLOSE_ENOUGH)
    meant = _MISSPELLED.get(key) or (close[0] if close else None)
    if meant is not None:
        said.problems.append(
            Problem(
                Severity.WARNING,
                "nearly-known-key",
                f"{found.name!r} is not a key, so it is read as a note; did you mean {meant!r}?",
                f"write {meant!r}, or start the note with a capital letter",
                line=found.line,
            )
        )


def _statements(found: Field) -> list[tuple[str, int]]:
    return [(found.value, found.line)] * bool(found.value) + list(found.items)


def _single(found: Field) -> str:
    if found.items:
        raise ValueError("one value is expected, not a list")
    text = bare(found.value)
    if not text:
        raise ValueError("a value is missing")
    return text


def _yes_or_no(found: Field) -> bool:
    text = _single(found).lower()
    if text not in _YES | _NO:
        raise ValueError(f"{text!r} is neither yes nor no")
    return text in _YES


def _count(found: Field) -> int:
    text = _single(found)
    if not text.isascii() or not text.isdigit() or len(text) > 6:  # noqa: PLR2004 (a sane number)
        raise ValueError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _level(found: Field) -> IsolationLevel:
    text = _single(found).lower()
    if text not in list(IsolationLevel):
        raise ValueError(f"{text!r} is not one of {', '.join(IsolationLevel)}")
    return IsolationLevel(text)


def _budget(found: Field) -> str:
    from pytest_moderator.model import Budget  # noqa: PLC0415 (few tasks have one)

    text = _single(found)
    try:
        Budget.parse(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither money nor tokens") from None
    return text


def _callable(found: Field) -> str:
    text = _single(found)
    if not _CALL.fullmatch(text):
        raise ValueError(f"{text!r} does not name a function")
    return text


def _task_id(found: Field) -> str:
    text = _single(found)
    if not is_usable(text):
        raise ValueError(f"{text!r} cannot be an id")
    return text


def _title(found: Field) -> str:
    text = _single(found)
    if text.startswith('"'):
        text = str(json.loads(text))  # a ValueError, too, when it is no JSON
    if not text.strip():
        raise ValueError("a value is missing")
    return text


def _names(found: Field) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text for text, _ in entries(found) if text))
    if not names:
        raise ValueError("a value is missing")
    return names


def _identifiers(found: Field) -> tuple[str, ...]:
    names = _names(found)
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"{name!r} is not a name")
    return names


def _variables(found: Field) -> tuple[str, ...]:
    names = _names(found)
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of an environment variable")
    return names


def _environment(found: Field) -> dict[str, str]:
    pieces = [found.value] if only_code(found.value) is not None else _NEXT_ASSIGNMENT.split(found.value)
    variables = {}
    for piece in (piece.strip() for piece in [*pieces, *(text for text, _ in found.items)] if piece.strip()):
        code = only_code(piece)
        match = _ASSIGNMENT.fullmatch(piece if code is None else code)
        if match is None:
            raise ValueError(f"{piece!r} is not NAME=value")
        variables[match[1]] = bare(match[2]) if code is None else match[2]
    if not variables:
        raise ValueError("a value is missing")
    return variables


def _checks(found: Field) -> tuple[str, ...]:
    listed = [bare(text) for text, _ in found.items]
    value = found.value
    if value and not without_code(value).strip(" ,;"):
        listed[:0] = [code.text for code in inline_code(value)]  # `one`, `two`
    elif value:
        listed.insert(0, bare(value))
    if not all(text.strip() for text in listed) or not listed:
        raise ValueError("a value is missing")
    return tuple(listed)


def _take_run(found: Field, said: Said) -> None:
    listed = [(found.value, found.line)] * bool(found.value) + list(found.items)
    has_fence = found.node is not None and any(child.kind == "fence" for child in found.node.children)
    if not listed and has_fence:
        return
    for text, line in listed or [("", found.line)]:
        said.commands.append(Command("sh", f"{bare(text)}\n", line))


def _take_depends(found: Field, said: Said) -> None:
    statements = [(text, line, True) for text, line in _statements(found)]
    if not statements:
        raise ValueError("a value is missing")
    said.depends.extend(item for item in statements if item[0].lower() not in NOTHING)


def _take_call(found: Field, said: Said) -> None:
    if "call" in said.values:
        raise ValueError("a task calls one function, and this is its second")
    said.values["call"] = _callable(found)


def _take_files(found: Field, said: Said) -> None:
    said.only_files = (said.only_files or ()) + _names(found)


def _setter(name: str, read: Callable[[Field], Any]) -> Callable[[Field, Said], None]:
    def take(found: Field, said: Said) -> None:
        said.values[name] = read(found)

    return take


def _adder(name: str, read: Callable[[Field], tuple[str, ...]]) -> Callable[[Field, Said], None]:
    def take(found: Field, said: Said) -> None:
        said.values[name] = tuple(dict.fromkeys((*said.values.get(name, ()), *read(found))))

    return take


def _merger(name: str) -> Callable[[Field, Said], None]:
    def take(found: Field, said: Said) -> None:
        said.values[name] = {**said.values.get(name, {}), **_environment(found)}

    return take


_OWN: dict[str, Callable[[Field, Said], None]] = {
    "id": _setter("id", _task_id),
    "title": _setter("title", _title),
    "depends on": _take_depends,
    "backend": _setter("backend", _single),
    "run": _take_run,
    "call": _take_call,
    "verify": _adder("verify", _checks),
    "timeout": _setter("timeout", lambda found: parse_duration(_single(found))),
    "retries": _setter("retries", _count),
    "optional": _setter("optional", _yes_or_no),
    "critical": _setter("critical", _yes_or_no),
    "approve": _setter("approve", _yes_or_no),
    "isolation": _setter("isolation", _level),
    "env": _merger("env"),
    "refresh": _setter("refresh", _single),
    "reduced": _merger("reduced"),
    "secrets": _adder("secrets", _variables),
    "fixtures": _adder("fixtures", _identifiers),
    "resources": _adder("resources", _names),
    "files": _take_files,
    "memory": _setter("memory", lambda found: parse_size(_single(found))),
    "estimate": _setter("estimate", lambda found: parse_duration(_single(found))),
    "budget": _setter("budget", _budget),
}
# Written with a capital letter or in bold these count where their value makes sense, and are notes otherwise.
_FORGIVING = frozenset(
    {"timeout", "retries", "optional", "critical", "approve", "isolation", "memory", "estimate"}
)
_HINTS = {
    "id": "an id has no white space, no brackets and no '::'",
    "depends on": "write the ids of tasks, such as 'depends on: T012, T013'",
    "call": "write 'call: package.module:function'",
    "budget": "write money or tokens, such as $2, 200k tokens or $2, 1m tokens",
    "timeout": "write a duration such as 90s, 10m or 1h30m",
    "estimate": "write a duration such as 90s, 10m or 1h30m",
    "retries": "write a number such as 'retries: 2'",
    "optional": "write yes or no",
    "critical": "write yes or no",
    "approve": "write yes or no",
    "isolation": f"write one of {', '.join(IsolationLevel)}",
    "env": "write 'env: NAME=value, OTHER=value', or one a line in a nested list",
    "refresh": "write a command, such as 'refresh: `gcloud auth login`'",
    "reduced": "write 'reduced: NAME=value, OTHER=value', or one a line in a nested list",
    "secrets": "write names of environment variables, separated by commas",
    "fixtures": "write names of pytest fixtures, separated by commas",
    "memory": "write a size such as 512MB or 2GiB",
}
