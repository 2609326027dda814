"""Checkpoints: what verifies a phase becomes a task of its own, which comes after all others of the phase.

So it has a status and an id, waits and makes wait, is recorded and resumed as all tasks are.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.backends.rules import names_heading
from pytest_moderator.model import IsolationLevel, Problem, Severity, Task
from pytest_moderator.settings.option import Source
from pytest_moderator.tasksfile.ids import make_unique, slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_moderator.model import PhaseRule, TaskPhase
    from pytest_moderator.settings import Settings
    from pytest_moderator.tasksfile import TasksFile

_NAME_ENDS = re.compile(r"\s*[:\uff1a]|\s[-\u2013\u2014]\s")  # "Phase 2: Core" is called "Phase 2"


def with_checkpoints(tasks_file: TasksFile, settings: Settings) -> tuple[TasksFile, list[Problem]]:
    """Put a task that verifies it behind the last task of each phase that settings say that of.

    Args:
        tasks_file: the file as it was read.
        settings: say what verifies which phases, and where tasks run.

    Returns:
        The file with these tasks, and what is said of phases that are not there.
    """
    problems: list[Problem] = []
    checks: dict[TaskPhase, dict[str, None]] = {}
    for rule in settings.phases:
        named = _named(rule.phase, tasks_file.phases)
        if not named:
            problems.append(_unknown(rule, tasks_file, settings))
        for phase in named:
            checks.setdefault(phase, {}).update(dict.fromkeys(rule.verify))
    if not checks:
        return tasks_file, problems
    tasks = list(tasks_file.tasks)
    taken = {task.id for task in tasks}
    for phase, verify in checks.items():
        places = [place for place, task in enumerate(tasks) if _is_of(task, phase)]
        checkpoint = _checkpoint(phase, tasks, settings.isolation)
        task_id = make_unique(checkpoint.id, taken, {})
        tasks.insert(places[-1] + 1, replace(checkpoint, id=task_id, verify=tuple(verify)))
    return tasks_file._replace(tasks=tuple(tasks)), problems


def _named(wanted: str, phases: Iterable[TaskPhase]) -> list[TaskPhase]:
    """Find the phases that a name means: the one whose whole heading it is, else all that it names."""
    phases = list(phases)
    exact = [phase for phase in phases if phase.name == wanted]
    return exact or [phase for phase in phases if names_heading(wanted, phase.name)]


def _unknown(rule: PhaseRule, tasks_file: TasksFile, settings: Settings) -> Problem:
    """Say that there is no such phase; settings of several files need not fit every one of them."""
    own = settings.origin("phases").source is Source.FRONT_MATTER
    names = {phase.name.casefold(): phase.name for phase in tasks_file.phases}
    parts = ((part, phase.name) for phase in tasks_file.phases for part in _NAME_ENDS.split(phase.name))
    names |= {part.strip().casefold(): name for part, name in parts}
    near = difflib.get_close_matches(rule.phase.casefold(), names, n=1)
    hint = f"did you mean {names[near[0]]!r}?" if near else "write the words of a heading above tasks"
    message = f"no phase of {tasks_file.display} is called {rule.phase!r}"
    severity = Severity.ERROR if own else Severity.WARNING
    return Problem(severity, "unknown-phase", message, hint, rule.path, rule.line)


def _is_of(task: Task, phase: TaskPhase) -> bool:
    return (task.phase, task.phase_line) == (phase.name, phase.line)


def _checkpoint(phase: TaskPhase, tasks: Sequence[Task], isolation: IsolationLevel) -> Task:
    """Make the checkpoint of a phase, without what it verifies."""
    elsewhere = _reaching_out(tasks)
    ours = [task for task in tasks if _is_of(task, phase)]
    story, count = Counter(task.story for task in ours).most_common(1)[0]
    on_branch = any((task.isolation or isolation).has_branch for task in ours)
    return Task(
        id=f"verify-{slug(_short(phase.name))}",
        title=f"Checkpoint of {phase.name}",
        line=phase.line,
        end_line=phase.line,
        phase=phase.name,
        phase_line=phase.line,
        story=story if count * 2 > len(ours) else None,
        depends_on=tuple(dict.fromkeys(task.id for task in ours if task.id not in elsewhere)),
        # what the tasks have left is where theirs was merged to, never in a directory of its own
        isolation=IsolationLevel.BRANCH if on_branch else IsolationLevel.NONE,
        checkpoint=True,
    )


def _reaching_out(tasks: Sequence[Task]) -> set[str]:
    """Find the tasks with sub-tasks in other phases: they come to their end with those."""
    phase_of = {task.id: (task.phase, task.phase_line) for task in tasks}
    found: set[str] = set()
    for task in reversed(tasks):
        if task.parent and (task.id in found or phase_of.get(task.parent) != phase_of[task.id]):
            found.add(task.parent)
    return found


def _short(heading: str) -> str:
    """Give what a phase is called, without what stands behind it."""
    return _NAME_ENDS.split(heading, maxsplit=1)[0] or heading
