"""Claude Code PM: its commands, through Claude Code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_moderator.backends.agents.claude import ClaudeCode

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model import Task

_ISSUE = re.compile(r"#?(\d+)")
_NOTES = ("ccpm", "issue", "github")


class ClaudeCodePM(ClaudeCode):
    """Claude Code in a project that is managed with Claude Code PM.

    A task that is an issue there, by its id or by a note such as ``issue: 42``, is worked on by the project's
    own command for that; any other task in the way of the project.
    """

    def prompt(self, task: Task, text: str, directory: Path) -> str:
        """Put before the prompt which command is to be followed."""
        issue = _issue_of(task)
        command = self.options.ccpm_command
        if issue is None:
            intro = (
                "This project is managed with Claude Code PM: keep to its rules and its files in .claude/."
            )
        elif _has_command(directory, command):
            intro = f"/pm:{command} {issue}"
        else:
            intro = f"Use the ccpm skill: start working on issue {issue}."
        return f"{intro}\n\n{text}"


def _issue_of(task: Task) -> str | None:
    """Find the number of the issue that a task is."""
    notes = {name.lower(): value for name, value in task.notes.items()}
    for said in (*(notes.get(name, "") for name in _NOTES), task.id):
        if match := _ISSUE.fullmatch(said.strip().rpartition("/")[2]):
            return match[1]
    return None


def _has_command(directory: Path, command: str) -> bool:
    """Whether the project has a command, in a directory at or above the one where the task works."""
    file = f".claude/commands/pm/{command}.md"
    return any((above / file).is_file() for above in (directory, *directory.parents))
