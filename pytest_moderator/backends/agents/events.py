"""What agents tell while they work, in one form for all of them."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_moderator.model import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

NO_REASON = "it says so without a reason"
"""The error of an agent that only says that it has failed."""

_REMEMBERED = 20  # errors and denied calls that are kept
_LONGEST_ERROR = 16 * 1024  # characters of an error that are kept, from its beginning and its end
_SESSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@~+=-]{0,255}")
_MOST = 2**53  # no number that a program means is larger


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One thing that an agent tells. A line of its output may be several.

    Attributes:
        text: what it says to whoever reads along.
        tool: name of a tool that it calls.
        detail: what the tool is called with, in short.
        denied: name of a tool that it was not allowed to call.
        usage: what was used: by one step, or up to now when ``total``.
        total: whether ``usage`` takes the place of all usage told before.
        session: names the session, so that it can be continued.
        error: what went wrong; an error need not be the end.
        status: HTTP status of what went wrong.
        limited_until: until when the service refuses to work, as told by the service itself.
        begins: whether work begins (again), so that what was final before is not.
        final: whether its work has ended.
        failed: whether it says itself that the end is a failure.
        answer: what it gives as its result.
    """

    text: str = ""
    tool: str = ""
    detail: str = ""
    denied: str = ""
    usage: Usage | None = None
    total: bool = False
    session: str = ""
    error: str = ""
    status: int | None = None
    limited_until: datetime | None = None
    begins: bool = False
    final: bool = False
    failed: bool = False
    answer: str | None = None


class Transcript:
    """All that an agent has told so far, summed up.

    Attributes:
        events: how many things it has told.
        session: names the session; empty where it has not told.
        usage: what was used so far.
        errors: the last things that went wrong, oldest first.
        denied: names of tools that it was not allowed to call.
        limited_until: until when the service refuses to work.
        final: the event with which its work has ended, if it has.
        text: the last thing that it said.
    """

    def __init__(self) -> None:
        self.events = 0
        self.session = ""
        self.usage: Usage | None = None
        self.errors: deque[AgentEvent] = deque(maxlen=_REMEMBERED)
        self.denied: deque[str] = deque(maxlen=_REMEMBERED)
        self.limited_until: datetime | None = None
        self.final: AgentEvent | None = None
        self.text = ""

    def add(self, event: AgentEvent) -> None:
        """Take in what was told."""
        self.events += 1
        if len(event.error) > _LONGEST_ERROR:
            half = _LONGEST_ERROR // 2
            event = replace(event, error=f"{event.error[:half]}\n…\n{event.error[-half:]}")
        self.session = event.session if is_session(event.session) else self.session
        self.text = event.text or self.text
        self.limited_until = event.limited_until or self.limited_until
        if event.usage is not None:
            replaces = event.total or self.usage is None
            self.usage = event.usage if replaces or self.usage is None else self.usage.plus(event.usage)
        if event.error:
            self.errors.append(event)
        if event.denied:
            self.denied.append(event.denied)
        if event.begins:
            self.final = None
        if event.final:
            self.final = event

    @property
    def answer(self) -> str:
        """What the agent gives as its result; else the last thing that it said."""
        given = None if self.final is None else self.final.answer
        return self.text if given is None else given

    @property
    def usage_of_session(self) -> Usage | None:
        """What was used, with the session that it was used in."""
        if not self.session:
            return self.usage
        return replace(self.usage or Usage(), session_id=self.session)


def is_session(name: str) -> bool:
    """Whether a text can name a session: it becomes an argument, which no option and nothing odd may come from."""
    return _SESSION.fullmatch(name) is not None


def at(value: object, *keys: str | int) -> object:
    """Look into nested mappings and lists; ``None`` where there is nothing of that kind."""
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def text_at(value: object, *keys: str | int) -> str:
    """Look for a text; empty where there is none."""
    found = at(value, *keys)
    return found if isinstance(found, str) else ""


def number_at(value: object, *keys: str | int) -> float | None:
    """Look for a number of 0 or more."""
    found = at(value, *keys)
    usable = isinstance(found, (int, float)) and not isinstance(found, bool) and 0 <= found < _MOST
    return found if usable and isinstance(found, (int, float)) else None


def count_at(value: object, *keys: str | int) -> int | None:
    """Look for a whole number of 0 or more."""
    found = number_at(value, *keys)
    return None if found is None else int(found)


def list_at(value: object, *keys: str | int) -> list[Any]:
    """Look for a list; empty where there is none."""
    found = at(value, *keys)
    return found if isinstance(found, list) else []


def brief(value: object, limit: int = 200) -> str:
    """Give what a tool is called with in one short line: what tells most comes first."""
    if isinstance(value, dict):
        value = _telling(value)
    line = " ".join(str(value).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _telling(arguments: Mapping[str, object]) -> object:
    for key in ("command", "file_path", "filePath", "path", "pattern", "query", "url", "description"):
        if isinstance(arguments.get(key), str):
            return arguments[key]
    return ", ".join(f"{key}={value}" for key, value in arguments.items())
