"""OpenCode (``opencode run``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.agents.adapter import Adapter
from pytest_moderator.backends.agents.events import (
    NO_REASON,
    AgentEvent,
    at,
    brief,
    count_at,
    number_at,
    text_at,
)
from pytest_moderator.model import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_moderator.backends.agents.adapter import Call

# What it would ask for is refused: nobody is there to answer, and it would wait for ever.
_PERMISSIONS = {
    "read": {
        "edit": "deny",
        "bash": "deny",
        "webfetch": "deny",
        "external_directory": "deny",
        "doom_loop": "deny",
    },
    "edit": {
        "edit": "allow",
        "bash": "deny",
        "webfetch": "deny",
        "external_directory": "deny",
        "doom_loop": "deny",
    },
    "full": {
        "edit": "allow",
        "bash": "allow",
        "webfetch": "allow",
        "external_directory": "allow",
        "doom_loop": "deny",
    },
}
_CUT_SHORT = ("length", "content-filter", "error")


class OpenCode(Adapter):
    """OpenCode, with an event a line.

    By itself it allows everything; without settings of ours it may edit files in its working directory, and run no
    commands. It has no last event: its work has ended with a step that is not followed by tool calls.
    """

    program = "opencode"
    variables = (
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_GENERATIVE_AI_API_KEY",
        "OPENAI_API_KEY",
        "OPENCODE_API_KEY",
        "OPENCODE_CONFIG",
        "OPENROUTER_API_KEY",
    )

    def argv(self, call: Call) -> list[str]:
        """Give the command; the prompt comes from standard input."""
        argv = [*self.command(), "run", "--format", "json", *self.model("--model")]
        return [*argv, *(["--session", str(call.session)] if call.resumes else []), *self.options.args]

    def environment(self, call: Call) -> Mapping[str, str]:
        """Say what is allowed, in place of what its configuration says."""
        del call
        allowed = _PERMISSIONS.get(self.options.permission_mode or "edit")
        return {"OPENCODE_CONFIG_CONTENT": json.dumps({"permission": allowed})} if allowed else {}

    def read(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Read one event."""
        kind, part = event.get("type"), event.get("part")
        if session := text_at(event, "sessionID"):
            yield AgentEvent(session=session)
        if kind == "step_start":
            yield AgentEvent(begins=True)
        elif kind == "text":
            yield AgentEvent(text=text_at(part, "text"))
        elif kind == "tool_use":
            yield from _tool(part)
        elif kind == "step_finish":
            yield _step(part)
        elif kind == "error":
            error = text_at(event, "error", "data", "message") or text_at(event, "error", "name")
            status = count_at(event, "error", "data", "statusCode")
            yield AgentEvent(final=True, failed=True, error=error or NO_REASON, status=status)


def _tool(part: object) -> Iterator[AgentEvent]:
    name = text_at(part, "tool")
    if name == "invalid":  # how a call that is not allowed is told
        yield AgentEvent(denied=text_at(part, "state", "input", "tool") or "a tool")
    else:
        yield AgentEvent(tool=name, detail=brief(at(part, "state", "input") or ""))


def _step(part: object) -> AgentEvent:
    """Read the end of a step; each tells what it has used by itself."""
    read = [count_at(part, "tokens", *keys) for keys in (("input",), ("cache", "read"), ("cache", "write"))]
    known = [count for count in read if count is not None]
    usage = Usage(
        cost_usd=number_at(part, "cost"),
        input_tokens=sum(known) if known else None,
        output_tokens=count_at(part, "tokens", "output"),
        turns=1,
    )
    reason = text_at(part, "reason")
    failed = reason in _CUT_SHORT
    return AgentEvent(
        usage=usage,
        final=reason != "tool-calls",
        failed=failed,
        error=f"its answer was cut short: {reason}" if failed else "",
    )
