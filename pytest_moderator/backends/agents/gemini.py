"""Gemini CLI (``gemini``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.agents.adapter import Adapter
from pytest_moderator.backends.agents.events import NO_REASON, AgentEvent, at, brief, count_at, text_at
from pytest_moderator.model import ErrorCategory, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_moderator.backends.agents.adapter import Call


class Gemini(Adapter):
    """Gemini CLI, with a stream of events.

    Without settings it may edit files, and is refused what needs to be asked for. It ends with 0 when it is asked
    to end, so its exit code alone says nothing.
    """

    program = "gemini"
    variables = (
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_GENAI_USE_VERTEXAI",
    )
    exit_codes = {  # noqa: RUF012 (never changed)
        41: (
            ErrorCategory.PERMISSION,
            "it is not logged in: set GEMINI_API_KEY, or log in with its own program",
        ),
        42: (ErrorCategory.CONFIGURATION, "it does not accept its input"),
        44: (ErrorCategory.CONFIGURATION, "its sandbox cannot be used"),
        52: (ErrorCategory.CONFIGURATION, "its own settings are wrong"),
        53: (ErrorCategory.CONFIGURATION, "its limit of turns was reached"),
        54: (ErrorCategory.LOGIC, "a tool of its failed"),
        55: (ErrorCategory.CONFIGURATION, "it does not trust this directory"),
        130: (ErrorCategory.CANCELLED, "somebody else interrupted it"),
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._said: list[str] = []
        self._answer = ""

    def argv(self, call: Call) -> list[str]:
        """Give the command; the prompt comes from standard input."""
        mode = self.options.permission_mode or "auto_edit"
        argv = [*self.command(), "--output-format", "stream-json", "--approval-mode", mode]
        argv += [*self.model("--model"), *(["--sandbox"] if self.options.sandbox else [])]
        return [*argv, *(["--resume", str(call.session)] if call.resumes else []), *self.options.args]

    def read(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Read one event."""
        kind = event.get("type")
        if kind == "init":
            yield AgentEvent(session=text_at(event, "session_id"), begins=True)
        elif kind == "message" and event.get("role") == "assistant":
            if not event.get("delta"):  # a whole message, not a piece of one
                yield from self._told()
            self._said.append(text_at(event, "content"))
            if not event.get("delta"):
                yield from self._told()
        elif kind == "tool_use":
            yield from self._told()
            yield AgentEvent(tool=text_at(event, "tool_name"), detail=brief(at(event, "parameters") or ""))
        elif kind == "error" and event.get("severity") != "warning":
            yield AgentEvent(error=text_at(event, "message"))
        elif kind == "result":
            yield from self._told()
            yield self._result(event)

    def _told(self) -> Iterator[AgentEvent]:
        """Give as one what it has said in pieces, now that something else comes."""
        if self._said:
            self._answer = "".join(self._said)
            self._said.clear()
            yield AgentEvent(text=self._answer)

    def _result(self, event: Mapping[str, Any]) -> AgentEvent:
        read, written = (count_at(event, "stats", name) for name in ("input_tokens", "output_tokens"))
        failed = event.get("status") != "success"
        error = text_at(event, "error", "message") or text_at(event, "error", "type")
        return AgentEvent(
            usage=Usage(input_tokens=read, output_tokens=written),
            total=True,
            final=True,
            failed=failed,
            error=(error or NO_REASON) if failed else "",
            answer=self._answer,
        )
