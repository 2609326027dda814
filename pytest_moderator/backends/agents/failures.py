"""What the words of a failure mean. Only what a tool says at its end is ever looked at, never what an agent tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.backends.agents.resets import find_reset
from pytest_moderator.model import ErrorCategory

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """What kind of failure it was.

    Attributes:
        kind: ``limit``, ``billing``, ``auth``, ``overload``, ``network``, ``context``, ``budget``, ``trust``,
            ``model``, ``permission``, ``session`` or ``unknown``.
        category: what follows from that for trying again; ``None`` where nobody knows.
        hint: what to do; may be empty.
        resets_at: when a limit ends, with a zone.
    """

    kind: str = "unknown"
    category: ErrorCategory | None = None
    hint: str = ""
    resets_at: datetime | None = None


_KINDS: dict[str, tuple[ErrorCategory, str]] = {
    "session": (ErrorCategory.TRANSIENT, ""),
    "billing": (ErrorCategory.CONFIGURATION, "top up the account, or use another backend"),
    "budget": (ErrorCategory.CONFIGURATION, "raise the limit, or make the task smaller"),
    "auth": (ErrorCategory.PERMISSION, "log in with the agent's own program, or set its API key"),
    "trust": (ErrorCategory.CONFIGURATION, "let the agent trust this directory"),
    "model": (ErrorCategory.CONFIGURATION, "correct the name of the model in the settings"),
    "context": (ErrorCategory.LOGIC, "make the task smaller"),
    "limit": (ErrorCategory.TRANSIENT, ""),
    "overload": (ErrorCategory.TRANSIENT, ""),
    "network": (ErrorCategory.TRANSIENT, ""),
    "permission": (ErrorCategory.PERMISSION, "see the agent's permission_mode and sandbox settings"),
}

_OF_STATUS = {401: "auth", 402: "billing", 403: "auth", 413: "context", 429: "limit", 529: "overload"}
_SERVER_ERRORS = range(500, 600)

# The first that is found counts, so what is said more exactly comes first.
_PHRASES: dict[str, tuple[str, ...]] = {
    "session": (
        r"no conversation found",
        r"(?:session|thread) not found",
        r"no (?:saved )?session found",
        r"no rollout found",
        r"invalid session identifier",
    ),
    "billing": (
        r"credit balance is too low",
        r"insufficient[_ ](?:quota|credits?|balance|funds)",
        r"billing[_ ](?:error|hard|details)",
        r"payment required",
        r"out of credits",
        r"spend(?:ing)? limit",
        r"/usage-credits",
    ),
    "budget": (
        r"max(?:imum)?[ _-](?:number of )?(?:session )?turns",
        r"max[ _-]budget",
        r"turn limit",
        r"budget exceeded",
    ),
    "auth": (
        r"not logged in",
        r"please run /login",
        r"login first",
        r"invalid (?:x-)?api[ -]?key",
        r"authentication[ _](?:failed|error|required)",
        r"\berror:? 401\b",
        r"(?:401 |error:? |^)unauthori[sz]ed\b",
        r"\b403 forbidden",
        r"authentication_?error",
        r"no auth\w* (?:information|credentials|method)",
        r"incorrect api key",
        r"refresh token (?:has |was )?(?:expired|been|already)",
        r"oauth token (?:has )?(?:expired|been revoked)",
        r"api[ _]key (?:is )?(?:missing|not (?:set|found|valid))",
        r"set the \w+_api_key",
    ),
    "trust": (
        r"not inside a trusted directory",
        r"untrusted (?:workspace|folder|directory)",
    ),
    "model": (
        r"model [`'\"][\w./:@-]+[`'\"] (?:does not exist|was not found|not found|is not supported)",
        r"^(?:\w+: )*model not found: ",
        r"not_found_error.{0,60}\bmodel: ",
        r"issue with the selected model",
    ),
    "context": (
        r"prompt is too long",
        r"context[ _](?:length|window) (?:exceeded|is)",
        r"exceeds? (?:the )?(?:context|maximum (?:context|number of tokens))",
        r"ran out of room in the model",
        r"context_length_exceeded",
        r"maximum context",
    ),
    "limit": (
        r"usage[ _]limit",
        r"rate[ _-]?limit(?:ed\b|[ _]?error|[ _](?:exceeded|reached|hit))",
        r"(?:error|hit|exceeded).{0,40}rate[ _-]?limit",
        r"^rate[ _-]?limit$",
        r"too many requests",
        r"(?:hit|reached) your .{0,40}\blimit",
        r"\blimit reached",
        r"quota[ _](?:exceeded|exhausted)",
        r"exceeded your .{0,30}quota",
        r"exhausted your (?:capacity|daily|.{0,30}quota)",
        r"exceeded your premium request",
        r"resource[ _]exhausted",
        r"out of extra usage",
        r"\b(?:error|status|code):? ?429\b",
    ),
    "overload": (
        r"overloaded",
        r"at capacity",
        r"capacity[ _]ex(?:ceeded|hausted)",
        r"no capacity available",
        r"service ?unavailable",
        r"upstream connect error|no healthy upstream",
        r"bad gateway",
        r"gateway time-?out",
        r"temporarily unavailable",
        r"internal server error",
        r"\berror:? ?\(?5(?:0[0234]|29)\b",
    ),
    "network": (
        r"stream disconnected",
        r"connection ?(?:was )?(?:error|reset|refused|closed|aborted)",
        r"(?:could not|cannot) resolve host|network is unreachable|name resolution",
        r"error sending request",
        r"premature close",
        r"econnre(?:set|fused)|etimedout|eai_again|enotfound|und_err_",
        r"socket hang up",
        r"fetch failed",
        r"network error",
        r"request timed out",
    ),
    "permission": (
        r"permission denied",
        r"operation not permitted",
        r"permission to use .{0,60} (?:denied|not granted)",
    ),
}
_WORDS = {
    kind: re.compile("|".join(phrases), re.IGNORECASE | re.MULTILINE) for kind, phrases in _PHRASES.items()
}


def classify(text: str, now: datetime, status: int | None = None) -> Failure:
    """Find out what kind of failure a tool speaks of.

    Args:
        text: what it says at its end: its final event, or the last lines of its standard error.
        now: the time of it, with a zone; times of day in the text are the next such ones.
        status: HTTP status, where one is told.
    """
    kind = next((kind for kind, words in _WORDS.items() if words.search(text)), "") or _kind_of(status)
    if not kind:
        return Failure()
    category, hint = _KINDS[kind]
    waits = kind in ("limit", "overload")
    return Failure(kind, category, hint, find_reset(text, now) if waits else None)


def _kind_of(status: int | None) -> str:
    if status in _SERVER_ERRORS:
        return "overload"
    return _OF_STATUS.get(status or 0, "")
