"""``moderator validate``: all that is wrong with tasks files and their settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pytest_moderator.model import Problem


class Checked(NamedTuple):
    """What was found in one file.

    Attributes:
        file: the file as the user named it.
        tasks: how many tasks it has.
        problems: what is wrong.
    """

    file: str
    tasks: int
    problems: tuple[Problem, ...]


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Check tasks files and their settings, and run nothing"
    parser = commands.add_parser("validate", help=text, description=f"{text}.")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="Tasks file, or directory with tasks.md files"
    )
    parser.add_argument("--config", metavar="PATH", help="Read this file in place of moderator.yaml")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="How to print what was found"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    checked = [entry for name in arguments.files for entry in _check(name, arguments.config)]
    # what is wrong with the settings comes up with every file
    problems = tuple(dict.fromkeys(problem for entry in checked for problem in entry.problems))
    errors = sum(problem.severity == "error" for problem in problems)
    show = _print_json if arguments.format == "json" else _print_text
    show(checked, problems, errors)
    return int(errors > 0)


def _check(name: str, config: str | None) -> list[Checked]:
    from pytest_moderator.cli._files import expand, prepare_file  # noqa: PLC0415 (other sub-commands do without)
    from pytest_moderator.model import Problem, Severity  # noqa: PLC0415 (likewise)

    prepared = [(file, prepare_file(file, {"config": config})) for file in expand(name)]
    if not prepared:
        hint = "name a tasks file, or a directory that has one"
        message = "there is no tasks.md in this directory"
        return [Checked(name, 0, (Problem(Severity.ERROR, "no-tasks-file", message, hint, name),))]
    return [Checked(file, len(entry.plan.tasks), entry.problems) for file, entry in prepared]


def _print_text(checked: Sequence[Checked], problems: Sequence[Problem], errors: int) -> None:
    from pytest_moderator.cli._console import Paint, count  # noqa: PLC0415 (likewise)

    paint = Paint()
    for problem in problems:
        print(paint.problem(problem))
    tasks = sum(entry.tasks for entry in checked)
    found = f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}"
    colour = "red" if errors else "yellow" if problems else "green"
    print(f"{count(len(checked), 'file')}, {count(tasks, 'task')}: {paint(found, colour)}")


def _print_json(checked: Sequence[Checked], problems: Sequence[Problem], errors: int) -> None:
    files = [
        {
            "file": entry.file,
            "tasks": entry.tasks,
            "problems": [{"path": problem.path, **problem.to_dict()} for problem in entry.problems],
        }
        for entry in checked
    ]
    print(
        json.dumps(
            {"version": 1, "files": files, "errors": errors, "warnings": len(problems) - errors}, indent=2
        )
    )
