"""An agent that is known from its settings alone."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.agents.adapter import Adapter
from pytest_moderator.backends.agents.events import NO_REASON, AgentEvent, at, count_at, number_at
from pytest_moderator.model import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_moderator.backends.agents.adapter import Call

_LONGEST_ARGUMENT = 100_000  # bytes; Linux takes 131,072


class Custom(Adapter):
    """A command line with placeholders, and where things stand in what it prints.

    The prompt goes to standard input, unless the command has a place for it.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.output = self.options.output
        self._where = self.options.read

    def choose_session(self) -> str | None:
        """Choose a session up front where the command has a place for it."""
        return str(uuid.uuid4()) if "{session}" in self.options.command else None

    @property
    def continues(self) -> bool:
        """Whether there is a command that continues a session."""
        return bool(self.options.resume)

    def takes_stdin(self) -> bool:
        """Whether the command has no other place for the prompt."""
        return not {"{prompt}", "{prompt_file}"} & {*self.options.command, *self.options.resume}

    def argv(self, call: Call) -> list[str]:
        """Fill in the command: each placeholder is an argument of its own, whatever its value holds."""
        prompt = call.prompt
        if len(prompt.encode("utf-8", "replace")) > _LONGEST_ARGUMENT or "\0" in prompt:
            prompt = f"Read the file {call.prompt_file} and do the task that it describes."
        values = {
            "{prompt}": f"\n{prompt}"
            if prompt.startswith("-")
            else prompt,  # rules may be a list; it is no option
            "{prompt_file}": str(call.prompt_file),
            "{model}": self.options.model or "",
            "{session}": call.session or "",
            "{directory}": str(call.directory),
            "{task_id}": call.task.id,
        }
        template = self.options.resume if call.resumes else self.options.command
        return [*(values.get(argument, argument) for argument in template), *self.options.args]

    def read(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Read one JSON object by what the settings say of it."""
        where = self._where
        final = self.output == "json" or holds(where.get("final", ""), event)
        # one that says nothing of errors tells of none, unless it is the last
        failed = (final or self._tells_of_errors(event)) and holds(where.get("error", ""), event)
        error = ""
        if failed:
            error = self._text("message", event) or self._named_error(event) or self._text("result", event)
        yield AgentEvent(
            text=self._text("text", event),
            tool=self._text("tool", event),
            session=self._text("session", event),
            usage=self._usage(event),
            total=True,
            final=final,
            failed=final and failed,
            error=(error or NO_REASON) if failed else "",
            answer=self._text("result", event) if final and "result" in where else None,
        )

    def _named_error(self, event: Mapping[str, Any]) -> str:
        """Give what stands where errors do, unless that is a mere number."""
        found = self._text("error", event)
        return "" if found.isdecimal() else found

    def _tells_of_errors(self, event: Mapping[str, Any]) -> bool:
        path = self._where.get("error", "").partition("=")[0].removesuffix("!")
        return look_up(path, event) is not None

    def _text(self, key: str, event: Mapping[str, Any]) -> str:
        """Look up a text; a number is taken as it would be printed."""
        path, _, _ = self._where.get(key, "").partition("=")
        found = look_up(path.removesuffix("!"), event)
        usable = isinstance(found, (str, int, float)) and not isinstance(found, bool)
        return str(found) if usable else ""

    def _usage(self, event: Mapping[str, Any]) -> Usage | None:
        where = {key: _keys(self._where[key]) for key in _USED if key in self._where}
        if not where:
            return None
        read, written, turns = (count_at(event, *where[key]) if key in where else None for key in _USED[1:])
        usage = Usage(number_at(event, *where["cost"]) if "cost" in where else None, read, written, turns)
        return usage if usage != Usage() else None


_USED = ("cost", "input_tokens", "output_tokens", "turns")


def _keys(path: str) -> list[str | int]:
    return [int(key) if key.isdigit() else key for key in path.split(".")]


def look_up(path: str, event: Mapping[str, Any]) -> object:
    """Look into nested JSON by a path such as ``message.content.0.text``; ``None`` where there is nothing."""
    return at(event, *_keys(path)) if path else None


def holds(condition: str, event: Mapping[str, Any]) -> bool:
    """Tell whether a condition holds: ``path=value``, ``path!=value``, or a path alone, for what counts as true."""
    path, equals, value = condition.partition("=")
    if not equals:
        return bool(look_up(path, event))
    found = look_up(path.removesuffix("!"), event)
    return ((found if isinstance(found, str) else json.dumps(found)) == value) is not path.endswith("!")
