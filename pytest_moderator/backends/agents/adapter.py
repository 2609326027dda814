"""What is different about each agent's command line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from pytest_moderator.backends.agents.events import AgentEvent
    from pytest_moderator.backends.agents.options import AgentOptions
    from pytest_moderator.model import ErrorCategory, Task


@dataclass(frozen=True, slots=True)
class Call:
    """One start of an agent.

    Attributes:
        task: what it is to do.
        directory: where it works.
        prompt: what it is told.
        prompt_file: a file that holds the same.
        session: the session to work in; ``None`` where the agent chooses one itself.
        resumes: whether the session exists already.
        max_cost: US dollars that it may cost, where the task's budget says so.
    """

    task: Task
    directory: Path
    prompt: str
    prompt_file: Path
    session: str | None = None
    resumes: bool = False
    max_cost: float | None = None


class Adapter(ABC):
    """One agent's command line. Made anew for each start.

    Attributes:
        program: what is started where the settings name no ``command``.
        variables: names of environment variables that it needs; a ``*`` at the end stands for any rest.
        output: ``jsonl`` for an event a line; ``json`` for one document at the end; ``text`` for neither.
        exit_codes: what its own exit codes mean.
    """

    program: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    exit_codes: ClassVar[Mapping[int, tuple[ErrorCategory, str]]] = {}
    output: str = "jsonl"

    def __init__(self, options: AgentOptions) -> None:
        self.options = options

    @abstractmethod
    def argv(self, call: Call) -> list[str]:
        """Give program and arguments."""

    @abstractmethod
    def read(self, event: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Read one JSON object of its output; what is not understood is passed over."""

    def choose_session(self) -> str | None:
        """Choose a session up front, where the agent takes one."""
        return None

    @property
    def continues(self) -> bool:
        """Whether a session can be continued."""
        return True

    def prompt(self, task: Task, text: str, directory: Path) -> str:
        """Give what it is told, made of the prompt that all agents are given."""
        del task, directory
        return text

    def takes_stdin(self) -> bool:
        """Whether the prompt goes to its standard input."""
        return True

    def environment(self, call: Call) -> Mapping[str, str]:
        """Give environment variables that the agent is controlled by."""
        del call
        return {}

    def command(self) -> list[str]:
        """Give the program, and what the settings put right behind it."""
        return list(self.options.command) or [self.program]

    def model(self, flag: str) -> list[str]:
        """Give the arguments that choose the model, if one is chosen."""
        return [flag, self.options.model] if self.options.model else []
