"""What an earlier run has done already, when it is resumed; no task of it has to be where it was in the file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import TaskStatus
from pytest_moderator.nearest import NearestIds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_moderator.model import Task
    from pytest_moderator.plan import ExecutionPlan

CHANGED = "its text changed"
ASKED_FOR = "asked for with --moderator-rerun"


class Earlier(NamedTuple):
    """What came of a task in an earlier run.

    Attributes:
        status: where it stood when that run ended, or broke off.
        fingerprint: that of the task then.
        success: whether it had completed, in that run or in one that it resumed. A tick in the file is none.
    """

    status: TaskStatus
    fingerprint: str
    success: bool

    @property
    def completed(self) -> bool:
        """Whether it need not run again: a task that was done in a run before that one was skipped in that one."""
        return self.success and self.status in (TaskStatus.COMPLETED, TaskStatus.SKIPPED)


@dataclass(frozen=True)
class Resumption:
    """What is left to do of a tasks file.

    Every task that had completed, and every one that is ticked in the file, is in one of the two.

    Attributes:
        completed: ids of the tasks that count as done and do not run.
        again: by id, why a task runs although it was done; in the order of the file.
    """

    completed: frozenset[str]
    again: Mapping[str, str]


def resume(plan: ExecutionPlan, earlier: Mapping[str, Earlier], rerun: Collection[str] = ()) -> Resumption:
    """Find out which tasks of a file count as done.

    - A task that had completed is done, if its fingerprint is still the same.
    - If it is not, the task runs again, and so do all completed ones that need it, directly or not.
    - What is ticked in the file is done in any case, and nobody who needs it runs again because of it.
    - What is named in ``rerun`` runs again, and nothing else because of that.
    - A group of sub-tasks, which has nothing to run itself, is done when they are; in ``rerun`` it stands for them.
    - A checkpoint runs again when a task of its phase runs.

    Args:
        plan: the plan of the file as it was read, without what marks add to it.
        earlier: by task id, what came of it in the run that is resumed; empty when none is.
        rerun: ids of tasks that shall run again; see :func:`rerun_by_file` where there is more than one file.

    Raises:
        ModeratorError: an id in ``rerun`` is that of no task.
    """
    named = rerun_by_file(rerun, {plan.file: plan})[plan.file]
    ticked = {task.id for task in plan.by_id.values() if task.done}
    completed = {i for i, e in earlier.items() if e.completed and i in plan.by_id} - ticked
    again = _changed(plan, earlier, completed)
    again.update(_dependents(plan, again, completed, ticked))
    for task_id in _with_sub_tasks(plan, named):
        if task_id in completed or task_id in ticked:
            again.setdefault(task_id, ASKED_FOR)
    _open_groups(plan, completed, ticked, again)
    _open_checkpoints(plan, completed, ticked, again)
    in_order = {task_id: again[task_id] for task_id in plan.by_id if task_id in again}
    return Resumption(frozenset((completed | ticked) - again.keys()), in_order)


def rerun_by_file(
    rerun: Iterable[str], plans: Mapping[str, ExecutionPlan], option: str = "--moderator-rerun"
) -> dict[str, frozenset[str]]:
    """Say for each file which of its tasks shall run again, or whatever else an option names tasks for.

    Args:
        rerun: ids, which mean the tasks of that id in all files, or such as ``tasks.md::T003``.
        plans: by the name of the file, its plan.
        option: what names them.

    Raises:
        ModeratorError: ids that no task has; names the nearest that there are.
    """
    found: dict[str, set[str]] = {name: set() for name in plans}
    wrong: list[str] = []
    for wanted in dict.fromkeys(rerun):
        file, _, task_id = wanted.rpartition("::")
        homes = [name for name, plan in plans.items() if file in ("", name) and task_id in plan.by_id]
        for name in homes:
            found[name].add(task_id)
        if not homes:
            near = NearestIds(other for plan in plans.values() for other in plan.by_id).of(task_id)
            hint = f"did you mean {near!r}?" if near else "'moderator plan' lists all"
            wrong.append(f"{option}: no task has the id {wanted!r}; {hint}")
    if wrong:
        raise ModeratorError("\n".join(wrong))
    return {name: frozenset(ids) for name, ids in found.items()}


def _changed(
    plan: ExecutionPlan, earlier: Mapping[str, Earlier], completed: Collection[str]
) -> dict[str, str]:
    """Find the completed tasks that are no longer what they were. A group is its sub-tasks."""
    again = {i: CHANGED for i in completed if plan.fingerprints[i] != earlier[i].fingerprint}
    for task in plan.by_id.values():
        group = _group_of(task, plan)
        if group is not None and group in completed and task.id not in earlier and not task.done:
            again.setdefault(group, f"its sub-task {task.id} is new")
    return again


def _dependents(
    plan: ExecutionPlan, again: Collection[str], completed: Collection[str], ticked: Collection[str]
) -> dict[str, str]:
    """Find the completed tasks that need one which runs again, also by way of others that have to run."""
    needed_by: defaultdict[str, list[str]] = defaultdict(list)
    for task_id, needs in plan.depends_on.items():
        for need in needs:
            needed_by[need].append(task_id)
    reached = dict.fromkeys(again)
    queue = list(again)
    for task_id in queue:
        for other in needed_by[task_id]:
            if other not in reached and other not in ticked:
                reached[other] = None
                queue.append(other)
    found = {}
    for task_id in reached:
        if task_id in completed and task_id not in again:
            need = next(need for need in plan.depends_on[task_id] if need in reached)
            found[task_id] = _because_of(need, task_id, plan)
    return found


def _because_of(need: str, task_id: str, plan: ExecutionPlan) -> str:
    if _group_of(plan.by_id[need], plan) == task_id:
        return f"its sub-task {need} runs again"
    return f"it depends on {need}, which runs again"


def _with_sub_tasks(plan: ExecutionPlan, named: Collection[str]) -> Iterable[str]:
    """Add the sub-tasks of groups, and theirs."""
    children: defaultdict[str, list[str]] = defaultdict(list)
    for task in plan.by_id.values():
        if task.parent in plan.groups:
            children[task.parent].append(task.id)
    found = dict.fromkeys(named)
    queue = list(found)
    for task_id in queue:
        new = [child for child in children[task_id] if child not in found]
        found.update(dict.fromkeys(new))
        queue += new
    return found


def _open_groups(
    plan: ExecutionPlan, completed: Collection[str], ticked: Collection[str], again: dict[str, str]
) -> None:
    """Let groups wait for those of their sub-tasks that run, so that nobody who needs the group starts before."""
    for task in plan.by_id.values():
        runs = task.id in again or not (task.id in completed or task.id in ticked)
        child, group = task, _group_of(task, plan) if runs else None
        while group is not None and group in completed and group not in again:
            again[group] = f"its sub-task {child.id} runs{' again' if child.id in again else ''}"
            child = plan.by_id[group]
            group = _group_of(child, plan)


def _open_checkpoints(
    plan: ExecutionPlan, completed: Collection[str], ticked: Collection[str], again: dict[str, str]
) -> None:
    """Verify a phase once more when one of its tasks runs, whatever came of it before."""
    for task in plan.by_id.values():
        if task.checkpoint and task.id in completed:
            needs = plan.depends_on[task.id]
            runs = (n for n in needs if n in again or not (n in completed or n in ticked))
            if (need := next(runs, None)) is not None:
                again.setdefault(task.id, f"{need} of its phase runs{' again' if need in again else ''}")


def _group_of(task: Task, plan: ExecutionPlan) -> str | None:
    """Give the group that comes after a task as one of its sub-tasks."""
    group = task.parent
    return group if group in plan.groups and task.id in plan.depends_on.get(group, ()) else None
