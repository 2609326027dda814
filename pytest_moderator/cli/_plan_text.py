"""A plan for people to read: what runs when, after what, and why."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pytest_moderator.cli._console import Paint, count, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_moderator.model import Task
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.prepare import Prepared

_SHOWN = 4  # names in a row; a phase may hold hundreds


def plan_as_text(prepared: Prepared) -> list[str]:
    """Write the plan, line by line."""
    plan, paint = prepared.plan, Paint()
    return [
        *_header(plan, paint),
        *(
            line
            for number, level in enumerate(plan.levels, 1)
            for line in _level(number, level, prepared, paint)
        ),
        *_critical_path(plan, paint),
        *_conflicts(plan, paint),
        "",
        *(paint.problem(problem) for problem in prepared.problems),
        _counts(prepared, paint),
    ]


def _header(plan: ExecutionPlan, paint: Paint) -> Iterator[str]:
    yield f"{paint(one_line(plan.file), 'bold')}: {count(len(plan.tasks), 'task')}, order {plan.order}"


def _level(number: int, level: Sequence[str], prepared: Prepared, paint: Paint) -> Iterator[str]:
    plan = prepared.plan
    together = f"{len(level)} at once" if len(level) > 1 else "1 task"
    yield ""
    yield f"{paint(f'Level {number}', 'bold')} ({together})"
    width = max(len(task_id) for task_id in level)
    for task_id in level:
        task = plan.by_id[task_id]
        box = paint("[x]", "green") if task.done else "[ ]"
        name = paint(one_line(task_id).ljust(width), "cyan")
        yield f"  {box} {name}  {one_line(task.title)}  {_tags(task, prepared)}"
        if reasons := _reasons(plan, task_id):
            yield paint(f"      {' ' * width}  after {reasons}", "dim")
        if task.checkpoint:
            yield paint(f"      {' ' * width}  runs {_some(task.verify)}", "dim")


def _tags(task: Task, prepared: Prepared) -> str:
    backend = prepared.backend_of(task)
    group = "checkpoint" if task.checkpoint else "group"
    kind = group if task.id in prepared.plan.groups else backend or "nothing to run"
    tags = [kind, *(word for word in ("optional", "critical") if getattr(task, word))]
    return f"({', '.join(tags)})"


def _reasons(plan: ExecutionPlan, task_id: str) -> str:
    by_reason = sorted(plan.reasons(task_id).items(), key=lambda pair: pair[1] != "depends on")
    return "; ".join(
        f"{_some([need for need, _ in group])} ({reason})"
        for reason, group in groupby(by_reason, key=lambda pair: pair[1])
    )


def _critical_path(plan: ExecutionPlan, paint: Paint) -> Iterator[str]:
    if plan.critical_path:
        path = [one_line(task_id) for task_id in plan.critical_path]
        yield ""
        yield f"{paint('Critical path', 'bold')} ({count(len(path), 'task')}): {' -> '.join(path)}"


def _conflicts(plan: ExecutionPlan, paint: Paint) -> Iterator[str]:
    users: dict[str, list[str]] = {}
    for task_id, locks in plan.locks.items():
        for lock in locks:
            users.setdefault(lock, []).append(task_id)
    shared = {lock: ids for lock, ids in users.items() if len(ids) > 1}
    if shared:
        yield ""
        yield paint("Never at the same time", "bold")
    for lock, ids in shared.items():
        yield f"  {one_line(lock)}: {_some(ids)}"


def _counts(prepared: Prepared, paint: Paint) -> str:
    tasks = prepared.plan.tasks
    done = sum(task.done for task in tasks)
    has_work = (task.checkpoint or prepared.backend_of(task) is not None for task in tasks if not task.done)
    runnable = sum(has_work)
    text = f"{count(len(tasks), 'task')} in {count(len(prepared.plan.phases), 'phase')}"
    return paint(
        f"{text}: {done} done, {runnable} to run, {len(tasks) - done - runnable} with nothing to run", "bold"
    )


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(one_line(task_id) for task_id in ids[:_SHOWN])
    return shown if len(ids) <= _SHOWN else f"{shown} and {len(ids) - _SHOWN} more"
