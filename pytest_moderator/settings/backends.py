"""The mapping ``backends:`` of a file: a name each, with what is set for the backend of that name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.limits import parse_breaker, parse_count, parse_rate
from pytest_moderator.settings import values
from pytest_moderator.settings.collect import Collector, Found, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_moderator.model import Problem
    from pytest_moderator.settings.option import Option

AGENT_TYPES = ("ccpm", "claude", "codex", "custom", "gemini", "opencode")
"""What ``type:`` may say. Each of them, except ``custom``, is also a backend of that name without any settings."""

PLACEHOLDERS = ("{prompt}", "{prompt_file}", "{model}", "{session}", "{directory}", "{task_id}")
"""Arguments that a ``custom`` command has replaced, each as a whole."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PATH = r"[\w@$-]+(?:\.[\w@$-]+)*"
_JSON_PATH = re.compile(_PATH)
_CONDITION = re.compile(rf"{_PATH}(?:!?=[^\n]*)?")
_CONDITIONS = ("error", "final")
_READ = (
    *_CONDITIONS,
    "cost",
    "input_tokens",
    "message",
    "output_tokens",
    "result",
    "session",
    "text",
    "tool",
    "turns",
)


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value
    raise ValueError(f"must be a text, not {value!r}")


def _texts(value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and texts and all(isinstance(text, str) and text.strip() for text in texts):
        return texts
    raise ValueError(f"must be a text or a list of texts, not {value!r}")


def _arguments(value: object) -> list[str]:
    """Accept a list of arguments; numbers are taken as they would be typed."""
    if isinstance(value, list) and all(
        isinstance(item, (str, int, float)) and not isinstance(item, bool) and "\0" not in str(item)
        for item in value
    ):
        return [str(item) for item in value]
    raise ValueError(f"must be a list of arguments such as [--flag, value], not {value!r}")


def _command(value: object) -> list[str]:
    """Accept a program, or a list of it and arguments; nothing is ever split or read by a shell."""
    command = _arguments([value] if isinstance(value, str) else value)
    if not command or not command[0].strip():
        raise ValueError("must name a program, such as [claude]")
    if len(command) == 1 and " " in command[0].strip() and not Path(command[0]).exists():
        raise ValueError(f"must be a list, one entry an argument, not {command[0]!r}")
    return command


def _template(value: object) -> list[str]:
    """Accept a command with placeholders, each of which is an argument of its own."""
    command = _command(value)
    for argument in command:
        inside = [name for name in PLACEHOLDERS if name in argument]
        if inside and argument not in PLACEHOLDERS:
            raise ValueError(f"must have {inside[0]} as an argument of its own, not inside {argument!r}")
        if argument not in PLACEHOLDERS and re.fullmatch(r"\{[a-z_]+\}", argument):
            raise ValueError(f"must not have {argument}: there is {', '.join(PLACEHOLDERS)}")
    return command


def _variables(value: object) -> list[str]:
    """Accept names of environment variables; a ``*`` at the end stands for any rest."""
    names = list(values.names(value))
    for name in names:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*\*?", name):
            raise ValueError(f"must be names of environment variables, such as [MY_KEY, AWS_*], not {name!r}")
    return names


def _json_paths(value: object) -> dict[str, str]:
    """Accept where things stand in what a custom agent prints."""
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a mapping such as {{result: result, error: is_error}}, not {value!r}")  # noqa: TRY004 (as every parser here)
    for key, path in value.items():
        if key not in _READ:
            raise ValueError(f"must have keys out of {', '.join(sorted(_READ))}, not {key!r}")
        pattern = _CONDITION if key in _CONDITIONS else _JSON_PATH
        if not isinstance(path, str) or not pattern.fullmatch(path):
            form = (
                "a path such as usage.cost" if key not in _CONDITIONS else "a condition such as type=result"
            )
            raise ValueError(f"must have {form} at {key}, not {path!r}")
    return {str(key): path for key, path in value.items()}


def _dollars(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e9:  # noqa: PLR2004 (sane)
        return float(value)
    raise ValueError(f"must be a number of US dollars above 0, not {value!r}")


def _checked(parse: values.Parse) -> values.Parse:
    """Accept what a parser accepts, and keep it as it is: whoever needs it reads it again."""

    def check(value: object) -> object:
        parse(value)
        return value

    return check


OF_ANY: Mapping[str, values.Parse] = {
    "rate_limit": _checked(parse_rate),
    "max_concurrent": _checked(parse_count),
    "breaker": _checked(parse_breaker),
    "retries": values.integer(0, 100),
    "refresh": values.command,
    "reduced": values.variables,
    "memory": values.size,
}
"""What may be set for any backend, also for one that is no agent."""

_OF_ALL: Mapping[str, values.Parse] = {
    "type": values.choice(*AGENT_TYPES),
    "command": _command,
    "model": _text,
    "args": _arguments,
    "env": _variables,
    "prompt_file": values.path,
    "idle_timeout": values.duration,
    "linger": values.duration,
    "max_output": values.size,
    "no_change_ok": values.flag,
    **OF_ANY,
}
_CLAUDE: Mapping[str, values.Parse] = {
    "permission_mode": values.choice(
        "default", "manual", "acceptEdits", "plan", "dontAsk", "auto", "bypassPermissions"
    ),
    "sandbox": values.flag,
    "max_turns": values.integer(1, 10_000),
    "max_cost": _dollars,
}
_OF_TYPE: Mapping[str, Mapping[str, values.Parse]] = {
    "ccpm": {**_CLAUDE, "ccpm_command": _text},
    "claude": _CLAUDE,
    "codex": {"sandbox": values.choice("read-only", "workspace-write", "danger-full-access")},
    "custom": {
        "command": _template,
        "resume": _template,
        "output": values.choice("text", "json", "jsonl"),
        "read": _json_paths,
        "fail_on": _texts,
    },
    "gemini": {
        "permission_mode": values.choice("default", "auto_edit", "plan", "yolo"),
        "sandbox": values.flag,
    },
    "opencode": {"permission_mode": values.choice("read", "edit", "full", "config")},
}


def read_backends(collector: Collector, option: Option, content: object, place: Place) -> None:
    """Read what a file sets for backends.

    Args:
        collector: takes the value, a mapping of names to checked settings in plain JSON types, and the problems.
        option: the option that it is the value of.
        content: what the file has there.
        place: where it has it.
    """
    if not isinstance(content, Mapping):
        message = f"{place.key} must be a mapping of names of backends to their settings"
        collector.problems.append(place.problem("bad-value", message))
        return
    found = {
        str(name): _read(collector, str(name), given, place.child(str(name)))
        for name, given in content.items()
    }
    value = MappingProxyType({name: settings for name, settings in found.items() if settings is not None})
    collector.found.append(Found(option, value, content, place))


def _read(collector: Collector, name: str, given: object, place: Place) -> dict[str, Any] | None:
    """Read the settings of one backend; ``None`` where nothing can be made of them."""
    if not _NAME.fullmatch(name):
        hint = "use lower-case letters, digits and '-'"
        collector.problems.append(
            place.problem("bad-value", f"{place.key}: {name!r} cannot name a backend", hint)
        )
        return None
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        collector.problems.append(
            place.problem("bad-value", f"{place.key} must be a mapping of keys to values")
        )
        return None
    kind = given.get("type", name)
    if kind not in AGENT_TYPES and given and OF_ANY.keys() >= given.keys():
        return _values(collector, OF_ANY, given, place)
    if kind not in AGENT_TYPES:
        collector.problems.append(_unknown_type(place, given, kind))
        return None
    known = {**_OF_ALL, **_OF_TYPE[kind]}
    settings = {"type": kind, **_values(collector, known, given, place)}
    collector.problems += _contradictions(settings, given, place)
    return settings


def _unknown_type(place: Place, given: Mapping[str, object], kind: object) -> Problem:
    where = place.child("type") if "type" in given else place
    near = difflib.get_close_matches(str(kind), AGENT_TYPES, n=1, cutoff=0.7)
    hint = f"did you mean {near[0]!r}? " if near else ""
    message = (
        f"{where.key}: {kind!r} is no type of backend" if "type" in given else f"{place.key} needs a type"
    )
    return where.problem("unknown-type", message, f"{hint}there is {', '.join(AGENT_TYPES)}")


def _values(
    collector: Collector, known: Mapping[str, values.Parse], given: Mapping[str, object], place: Place
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for key, raw in given.items():
        here = place.child(str(key))
        if key not in known:
            hint = _nearest(str(key), known, str(given.get("type", place.keys[-1])))
            collector.problems.append(here.problem("unknown-key", f"unknown key {here.key!r}", hint))
        elif raw is not None:
            try:
                value = known[key](raw)
            except ValueError as error:
                collector.problems.append(here.problem("bad-value", f"{here.key} {error}"))
            else:
                settings[key] = str(place.base / value) if isinstance(value, Path) else value
    return settings


def _nearest(key: str, known: Iterable[str], kind: str) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    owners = [name for name, keys in _OF_TYPE.items() if key in keys]
    if near and not owners:
        return f"did you mean {near[0]!r}?"
    other = f"that is for {', '.join(owners)}; " if owners else ""
    return f"{other}known for {kind}: {', '.join(sorted(known))}"


def _contradictions(
    settings: Mapping[str, Any], given: Mapping[str, object], place: Place
) -> Iterable[Problem]:
    """Name what is missing for a command of one's own, or does not go together."""
    if settings["type"] != "custom":
        return
    if given.get("command") is None:
        hint = "such as [my-agent, --prompt, '{prompt}']"
        yield place.problem("bad-value", f"{place.key} needs a command", hint)
    for key, message, hint in _clashes(settings):
        here = place.child(key)
        yield here.problem("bad-value", f"{here.key} {message}", hint)


def _clashes(settings: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Give the key to blame, what is wrong, and what to do."""
    output, read = settings.get("output", "text"), settings.get("read", {})
    for key in ("command", "resume"):
        if "{model}" in settings.get(key, []) and "model" not in settings:
            yield key, "has {model}, but there is no model: beside it", "add one"
    if "resume" in settings and "{session}" not in settings.get("command", []) and "session" not in read:
        hint = "put {session} into the command, or say in read: where the session is printed"
        yield "resume", "has no session to continue", hint
    if output == "text" and read:
        yield "read", "needs output: json or output: jsonl beside it", "add one of them"
    if output != "text" and "fail_on" in settings:
        yield "fail_on", "is for output: text", "say in read: what is an error"
    if output == "jsonl" and "final" not in read:
        yield (
            "output",
            "needs to know which event is the last",
            "add a condition such as read: {final: type=result}",
        )
