"""``moderator plan``: the order in which the tasks of a file would run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from pytest_moderator.model import Problem, Task
    from pytest_moderator.prepare import Prepared

ORDERS = ("phases", "stories", "explicit")
FORMATS = ("text", "json", "mermaid", "dot")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Show the order of the tasks of a file, and run nothing"
    parser = commands.add_parser("plan", help=text, description=f"{text}.")
    parser.add_argument("file", metavar="FILE", help="Tasks file")
    parser.add_argument("--order", choices=ORDERS, help="What a task waits for besides its dependencies")
    parser.add_argument("--config", metavar="PATH", help="Read this file in place of moderator.yaml")
    parser.add_argument("--format", choices=FORMATS, default="text", help="How to print the plan")
    parser.add_argument(
        "--explain",
        metavar="ID",
        action="append",
        help="Show only which backend this task has, and why; may be given several times",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.cli._files import prepare_file  # noqa: PLC0415 (other sub-commands do without)

    prepared = prepare_file(arguments.file, {"order": arguments.order, "config": arguments.config})
    writer = _explainer(arguments) if arguments.explain else _writer(arguments.format)
    for line in writer(prepared):
        print(line)
    if arguments.explain or arguments.format in ("mermaid", "dot"):
        _print_problems(prepared)
    return int(prepared.has_errors)


def _explainer(arguments: argparse.Namespace) -> Callable[[Prepared], list[str]]:
    from pytest_moderator.cli._explain import explanations, explanations_as_text  # noqa: PLC0415 (likewise)
    from pytest_moderator.errors import ModeratorError  # noqa: PLC0415 (likewise)

    if arguments.format not in ("text", "json"):
        raise ModeratorError(f"--explain has no format {arguments.format!r}: choose text or json")

    def write(prepared: Prepared) -> list[str]:
        data = explanations(prepared, arguments.explain)
        return (
            [json.dumps(data, indent=2)] if arguments.format == "json" else list(explanations_as_text(data))
        )

    return write


def _writer(name: str) -> Callable[[Prepared], list[str]]:
    if name == "json":
        return lambda prepared: [json.dumps(plan_as_data(prepared), indent=2)]
    if name == "text":
        from pytest_moderator.cli._plan_text import plan_as_text  # noqa: PLC0415 (likewise)

        return plan_as_text
    from pytest_moderator.cli import _plan_graph  # noqa: PLC0415 (likewise)

    return _plan_graph.plan_as_mermaid if name == "mermaid" else _plan_graph.plan_as_dot


def _print_problems(prepared: Prepared) -> None:
    """Say what is wrong beside a drawing, where it does not spoil it."""
    from pytest_moderator.cli._console import Paint  # noqa: PLC0415 (likewise)

    paint = Paint(sys.stderr)
    for problem in prepared.problems:
        print(paint.problem(problem), file=sys.stderr)


def plan_as_data(prepared: Prepared) -> dict[str, Any]:
    """Give the plan in the form of ``docs/plan-schema.md``."""
    plan = prepared.plan
    return {
        "version": 1,
        "file": plan.file,
        "order": plan.order,
        "problems": [_problem(problem, plan.file) for problem in prepared.problems],
        "phases": [{"name": phase.name, "line": phase.line} for phase in plan.phases],
        "tasks": [_task(task, prepared) for task in plan.tasks],
    }


def _problem(problem: Problem, file: str) -> dict[str, str | int]:
    """Give a problem; one that is not in the tasks file says in its message where it is."""
    data = problem.to_dict()
    if problem.path != file:
        where = f"{problem.path}:{problem.line}" if problem.line else problem.path
        data |= {"line": 0, "message": f"{where}: {problem.message}"}
    return data


def _task(task: Task, prepared: Prepared) -> dict[str, Any]:
    plan = prepared.plan
    choice = prepared.choice_of(task)
    return {
        "id": task.id,
        "title": task.title,
        "line": task.line,
        "phase": task.phase,
        "done": task.done,
        "parallel": task.parallel,
        "story": task.story,
        "optional": task.optional,
        "critical": task.critical,
        "depends_on": list(task.depends_on),
        "waits_for": list(plan.waits_for(task.id)),
        "conflicts_with": list(plan.conflicts(task.id)),
        "files": list(task.files),
        "backend": choice and choice.backend.name,
        "backend_reason": choice and choice.reason,
        "runnable": task.checkpoint or choice is not None,
        "checkpoint": task.checkpoint,
    }
