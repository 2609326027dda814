"""A backend of our own, and somebody who watches. All hooks are in docs/hooks.md.

A hook may leave out the arguments that it does not need.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from pytest_moderator import Backend, Problem, Severity, TaskResult

if TYPE_CHECKING:
    from pytest_moderator import AttemptContext, ExecutionPlan, Task


class TemplateBackend(Backend):
    """Fills in a template: the notes ``Template`` and ``Target`` of a task name the two files."""

    name = "template"

    def accepts(self, task: Task) -> bool:
        return "Template" in task.notes

    def validate(self, task: Task) -> list[Problem]:
        if "Template" in task.notes and "Target" in task.notes:
            return []
        message, hint = f"{task.id} needs the notes Template and Target", "write them below the task"
        return [Problem(Severity.ERROR, "no-template", message, hint)]

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """What is raised in here is a failure of the task: a missing file, a name that nobody gives."""
        template = Path(context.working_directory, task.notes["Template"]).read_text()
        target = Path(context.working_directory, task.notes["Target"])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(template).substitute(context.environment))
        return TaskResult(task, stdout=f"wrote {target.name}\n")


def pytest_moderator_backends() -> list[Backend]:
    return [TemplateBackend()]


def pytest_moderator_select_backend(task: Task) -> str | None:
    """Send tasks that only talk about a template to our backend too; say nothing about all others."""
    return "template" if task.title.startswith("Fill in") else None


def pytest_moderator_modify_plan(plan: ExecutionPlan) -> ExecutionPlan:
    """Have every announcement wait for all other tasks, whatever the file says."""
    others = tuple(task.id for task in plan.tasks if not task.title.startswith("Announce"))
    needs = {task.id: others for task in plan.tasks if task.id not in others}
    return dataclasses.replace(plan, depends_on={**plan.depends_on, **needs})


def pytest_moderator_task_start(task: Task) -> None:
    note(f"{task.id} started: {task.title}")


def pytest_moderator_task_complete(result: TaskResult) -> None:
    note(f"{result.task.id} {result.status} by {result.backend or 'nobody'}")


def pytest_moderator_task_error(error: Exception) -> None:
    note(str(error))


def note(line: str) -> None:
    """Write down what happens. A chat, a database or a lamp would do as well."""
    diary = Path(__file__).parent / "out" / "diary.txt"
    diary.parent.mkdir(exist_ok=True)
    with diary.open("a") as file:
        file.write(f"{line}\n")
