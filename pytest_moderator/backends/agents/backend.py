"""An agent as the router sees it, which costs nothing until a task is given to it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_moderator.backends.base import Backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.backends.agents.agent import Agent
    from pytest_moderator.backends.base import AttemptContext, Health
    from pytest_moderator.model import Problem, Task, TaskResult


class AgentBackend(Backend):
    """Has a coding agent do what a task says in prose.

    Args:
        name: what ``backend:`` calls it.
        settings: what is set for it; ``type`` says which agent it is.
    """

    has_costs = True
    goes_on = True

    def __init__(self, name: str, settings: Mapping[str, object]) -> None:
        self.name = name
        self._settings = settings

    def accepts(self, task: Task) -> bool:
        """Whether it takes the task without being asked: never, since it costs money."""
        del task
        return False

    def validate(self, task: Task) -> list[Problem]:
        """Name a file that its settings name and that is not there."""
        return self._agent.validate(task)

    def health(self) -> Health:
        """Say whether its program is installed."""
        return self._agent.health()

    def started(self) -> Health:
        """Say whether its program can be started, with its version as far as it tells one."""
        return self._agent.started()

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """Let the agent try the task once."""
        return self._agent.run(task, context)

    @cached_property
    def _agent(self) -> Agent:
        from pytest_moderator.backends.agents.agent import Agent  # noqa: PLC0415 (only where one is used)

        return Agent(self.name, self._settings)
