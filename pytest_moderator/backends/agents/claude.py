"""Claude Code (``claude``)."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.agents.adapter import Adapter
from pytest_moderator.backends.agents.events import (
    NO_REASON,
    AgentEvent,
    at,
    brief,
    count_at,
    list_at,
    number_at,
    text_at,
)
from pytest_moderator.model import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_moderator.backends.agents.adapter import Call

_SANDBOX = {"sandbox": {"enabled": True, "failIfUnavailable": True, "allowUnsandboxedCommands": False}}


class ClaudeCode(Adapter):
    """Claude Code, with a stream of events.

    Without settings it may edit files in its working directory, and is refused what needs more permission.
    """

    program = "claude"
    variables = (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
        "CLAUDE_CONFIG_DIR",
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._seen: set[str] = set()

    def choose_session(self) -> str:
        """Choose a session up front: one that dies before its first word can be continued as well."""
        return str(uuid.uuid4())

    def argv(self, call: Call) -> list[str]:
        """Give the command; the prompt comes from standard input."""
        options = self.options
        argv = [*self.command(), "-p", "--output-format", "stream-json", "--verbose"]
        argv += ["--resume" if call.resumes else "--session-id", str(call.session)]
        argv += ["--permission-mode", options.permission_mode or "acceptEdits", *self.model("--model")]
        if options.sandbox:
            argv += ["--settings", json.dumps(_SANDBOX)]
        if options.max_turns is not None:
            argv += ["--max-turns", str(options.max_turns)]
        limits = [cost for cost in (options.max_cost, call.max_cost) if cost is not None]
        if limits:
            argv += ["--max-budget-usd", f"{min(limits):g}"]
        return [*argv, *options.args]

    def read(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Read one event."""
        kind = event.get("type")
        if kind == "system" and event.get("subtype") == "init":
            yield AgentEvent(session=text_at(event, "session_id"), begins=True)
        elif kind == "assistant":
            yield from self._assistant(event)
        elif kind == "rate_limit_event":
            yield from _limit(at(event, "rate_limit_info"))
        elif kind == "result":
            yield from _result(event)

    def _assistant(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        for block in list_at(event, "message", "content"):
            if at(block, "type") == "text":
                yield AgentEvent(text=text_at(block, "text"))
            elif at(block, "type") == "tool_use":
                yield AgentEvent(tool=text_at(block, "name"), detail=brief(at(block, "input") or ""))
        name = text_at(event, "message", "id")
        if name and name not in self._seen:  # several events may be of one message
            self._seen.add(name)
            yield AgentEvent(usage=_tokens(at(event, "message", "usage")))
        if error := text_at(event, "error"):
            yield AgentEvent(error=error)


def _tokens(usage: object) -> Usage:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    read = [count for name in names if (count := count_at(usage, name)) is not None]
    return Usage(input_tokens=sum(read) if read else None, output_tokens=count_at(usage, "output_tokens"))


def _limit(info: object) -> Iterator[AgentEvent]:
    """Read what is said of a limit; one that is only near is none."""
    ends = number_at(info, "resets_at") or number_at(info, "resetsAt")
    if text_at(info, "status") == "rejected":
        until = None if ends is None or ends > 1e11 else datetime.fromtimestamp(ends, UTC)  # noqa: PLR2004 (seconds)
        yield AgentEvent(error=f"rate limit reached: {text_at(info, 'rate_limit_type')}", limited_until=until)


def _result(event: Mapping[str, Any]) -> Iterator[AgentEvent]:
    for denial in list_at(event, "permission_denials"):
        yield AgentEvent(denied=text_at(denial, "tool_name") or "a tool")
    used = _tokens(event.get("usage"))
    usage = Usage(
        cost_usd=number_at(event, "total_cost_usd"),
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        turns=count_at(event, "num_turns"),
    )
    subtype = text_at(event, "subtype")
    failed = bool(event.get("is_error")) or subtype != "success"
    yield AgentEvent(
        session=text_at(event, "session_id"),
        usage=usage,
        total=True,
        final=True,
        failed=failed,
        error=_why(event, subtype) if failed else "",
        status=count_at(event, "api_error_status"),
        answer=text_at(event, "result"),
    )


def _why(event: Mapping[str, Any], subtype: str) -> str:
    """Say why it failed, by what tells most: a failure of the service has its words in the result."""
    errors = "; ".join(error for error in list_at(event, "errors") if isinstance(error, str))
    named = "" if subtype == "success" else subtype  # which it says with an error flag, too
    return errors or text_at(event, "result") or named or NO_REASON
