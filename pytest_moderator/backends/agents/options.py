"""What is set for an agent."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """The settings of one agent.

    Attributes:
        type: which agent it is.
        command: program, and arguments right behind it; for ``custom`` the whole command.
        model: name of the model; the agent's own default without one.
        args: further arguments.
        env: names of environment variables that are passed on; a ``*`` at the end stands for any rest.
        permission_mode: what it may do without being asked; the adapter's safe default without one.
        sandbox: likewise, what a sandbox keeps its commands from.
        prompt_file: a file with rules that every prompt begins with.
        idle_timeout: seconds without an event after which it is ended; ``None`` for the usual.
        linger: seconds that it may take to end after its final event.
        max_output: bytes of output after which it is ended.
        no_change_ok: whether a task that changes no file has succeeded all the same.
        max_turns: how often the model may be asked.
        max_cost: US dollars that one attempt may cost.
        ccpm_command: the command of Claude Code PM.
        output: what a custom agent prints: ``text``, ``json`` or ``jsonl``.
        read: where things stand in it.
        fail_on: texts at the end of what a custom agent prints as ``text`` that mean that it failed.
        resume: the command that continues a session of a custom agent.
    """

    type: str
    command: tuple[str, ...] = ()
    model: str | None = None
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    permission_mode: str | None = None
    sandbox: str | bool | None = None
    prompt_file: Path | None = None
    idle_timeout: float | None = None
    linger: float = 10.0
    max_output: int = 256 * 1024 * 1024
    no_change_ok: bool = False
    max_turns: int | None = None
    max_cost: float | None = None
    ccpm_command: str = "issue-start"
    output: str = "text"
    read: Mapping[str, str] = field(default_factory=dict)
    fail_on: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> AgentOptions:
        """Read what settings give, in plain JSON types."""
        known = {item.name for item in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()
            if name in known
        }
        if values.get("prompt_file") is not None:
            values["prompt_file"] = Path(values["prompt_file"])
        return cls(**values)
