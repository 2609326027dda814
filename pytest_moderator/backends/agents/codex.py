"""Codex (``codex exec``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.agents.adapter import Adapter
from pytest_moderator.backends.agents.events import (
    NO_REASON,
    AgentEvent,
    at,
    brief,
    count_at,
    list_at,
    text_at,
)
from pytest_moderator.model import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_moderator.backends.agents.adapter import Call


class Codex(Adapter):
    """Codex without a terminal, with an event a line.

    Without settings its commands can write in the working directory only, and cannot reach the network. It never
    asks: what its sandbox does not allow is refused.
    """

    program = "codex"
    variables = ("CODEX_API_KEY", "CODEX_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL")

    def argv(self, call: Call) -> list[str]:
        """Give the command; ``-`` has it read the prompt from standard input, and nothing else."""
        sandbox = str(self.options.sandbox or "workspace-write")
        argv = [
            *self.command(),
            "exec",
            "--json",
            "--sandbox",
            sandbox,
            *self.model("--model"),
            *self.options.args,
        ]
        # resume takes no --sandbox, so that stands before it
        return [*argv, *(["resume", str(call.session)] if call.resumes else []), "-"]

    def read(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Read one event."""
        kind = text_at(event, "type")
        if kind == "thread.started":
            yield AgentEvent(session=text_at(event, "thread_id"), begins=True)
        elif kind == "turn.started":
            yield AgentEvent(begins=True)
        elif kind in ("item.started", "item.completed"):
            yield from _item(at(event, "item"), started=kind == "item.started")
        elif kind == "turn.completed":
            read, written = (count_at(event, "usage", name) for name in ("input_tokens", "output_tokens"))
            yield AgentEvent(usage=Usage(input_tokens=read, output_tokens=written), total=True, final=True)
        elif kind == "turn.failed":
            error = text_at(event, "error", "message") or NO_REASON
            yield AgentEvent(final=True, failed=True, error=error)
        elif kind == "error":  # a lost connection that is tried again is told like this as well
            yield AgentEvent(error=text_at(event, "message"))


def _item(item: object, *, started: bool) -> Iterator[AgentEvent]:
    kind = text_at(item, "type")
    if started:
        if kind == "command_execution":
            yield AgentEvent(tool="shell", detail=brief(text_at(item, "command")))
        elif kind == "mcp_tool_call":
            yield AgentEvent(tool=text_at(item, "tool") or kind, detail=brief(at(item, "arguments") or ""))
    elif kind == "agent_message":
        yield AgentEvent(text=text_at(item, "text"))
    elif kind == "file_change":
        paths = (text_at(change, "path") for change in list_at(item, "changes"))
        yield AgentEvent(tool="edit", detail=brief(", ".join(filter(None, paths))))
    elif kind == "command_execution" and text_at(item, "status") == "declined":
        yield AgentEvent(denied="shell")
