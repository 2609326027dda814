"""From the plans of the files and the items of the session to the steps of the coordinator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_moderator.graph import stable_order
from pytest_moderator.marks import candidates
from pytest_moderator.plan import make_plan
from pytest_moderator.step import Step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pytest_moderator.handout import FileHandout, Handout
    from pytest_moderator.model import Task
    from pytest_moderator.plan import ExecutionPlan


def make_steps(
    handout: Handout,
    plans: Mapping[str, ExecutionPlan],
    nodeids: Sequence[str],
    needs: Mapping[str, tuple[str, ...]],
) -> tuple[list[Step], set[str]]:
    """Make the steps of a session.

    Args:
        handout: the tasks files.
        plans: by node id of the file, its plan.
        nodeids: all items of the session, in pytest's order.
        needs: by node id of an item, what its marks make it depend on.

    Returns:
        The steps, and the node ids that count as having succeeded without being among them.
    """
    satisfied = {f"{file.nodeid}::{task.id}" for file in handout.files for task in file.tasks if task.done}
    chosen = dict.fromkeys(key for key in nodeids if key not in satisfied)
    steps: dict[str, Step] = {}
    for file in handout.files:
        steps.update(_steps_of(file, plans[file.nodeid], needs, chosen))
    return [steps.get(key) or Step(key, needs.get(key, ())) for key in chosen], satisfied


def resolve_marks(
    handout: Handout, nodeids: Sequence[str], depends_on: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Find the node ids that ``depends_on`` marks mean.

    Args:
        handout: the tasks files.
        nodeids: all items of the session.
        depends_on: by node id of an item, what its ``depends_on`` marks name: ids of tasks, or node ids.

    Raises:
        pytest.UsageError: a mark names something that is not there, or that could be more than one.
    """
    items = set(nodeids)
    needs: dict[str, tuple[str, ...]] = {}
    wrong: list[str] = []
    for nodeid, names in depends_on.items():
        targets = []
        for name in dict.fromkeys(names):
            found = candidates(handout, nodeid, name, items)
            if len(found) > 1:
                where = " and ".join(found)
                wrong.append(f"{nodeid}: depends_on({name!r}) could be {where}; write the one that is meant")
            elif not found and "::" not in name:
                wrong.append(f"{nodeid}: depends_on({name!r}) names no task of this session; correct the id")
            else:
                targets.extend(found or [name])
        needs[nodeid] = tuple(targets)
    if wrong:
        raise pytest.UsageError("\n".join(wrong))
    return needs


def with_marks(plan: ExecutionPlan, file: FileHandout, needs: Mapping[str, tuple[str, ...]]) -> ExecutionPlan:
    """Plan again where marks have added dependencies between tasks of one file.

    Raises:
        pytest.UsageError: with them, the file cannot be planned.
    """
    added: dict[str, tuple[str, ...]] = {}
    prefix = f"{file.nodeid}::"
    for task in file.tasks:
        ids = (
            need.removeprefix(prefix) for need in needs.get(prefix + task.id, ()) if need.startswith(prefix)
        )
        new = tuple(task_id for task_id in ids if task_id not in plan.depends_on.get(task.id, ()))
        if new:
            added[task.id] = new
    if not added:
        return plan
    plan = make_plan(plan.tasks_file, plan.order, added)
    if plan.problems:
        raise pytest.UsageError("\n".join(str(problem) for problem in plan.problems))
    return plan


def _steps_of(
    file: FileHandout,
    plan: ExecutionPlan,
    needs: Mapping[str, tuple[str, ...]],
    chosen: Collection[str],
) -> dict[str, Step]:
    prefix = f"{file.nodeid}::"
    after = _after_of(plan, prefix, chosen)
    checkpoints = plan.checkpoints_before if any(task.checkpoint for task in plan.tasks) else {}

    def step(task: Task) -> Step:
        inside = [prefix + other for other in plan.depends_on.get(task.id, ())]
        inside += (prefix + o for o in checkpoints.get(task.id, ()) if prefix + o in chosen)
        return Step(
            key=prefix + task.id,
            needs=tuple(dict.fromkeys((*inside, *needs.get(prefix + task.id, ())))),
            after=after[task.id],
            locks=plan.locks[task.id],
            priority=plan.priority[task.id],
        )

    return {prefix + task.id: step(task) for task in file.tasks if prefix + task.id in chosen}


def _after_of(plan: ExecutionPlan, prefix: str, chosen: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Say what each task comes after of what takes part in the run.

    In place of a task that does not (it is done, or was not selected) stands all that it comes after itself: the
    order of those before and behind it stays. Tasks that shared a tuple still do.
    """
    shared: dict[int, tuple[str, ...]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for task_id in stable_order(plan.by_id, {}, plan.after):
        after = plan.after.get(task_id, ())
        if id(after) not in shared:
            there = [other for other in after if prefix + other in chosen]
            known = {id(found[other]) for other in there}  # they come after these themselves
            gone = {id(f): f for other in after if id(f := found[other]) not in known}
            if gone and not there and len(gone) == 1:
                shared[id(after)] = next(iter(gone.values()))
            else:
                before = (key for keys in gone.values() for key in keys)
                shared[id(after)] = tuple(dict.fromkeys((*(prefix + other for other in there), *before)))
        found[task_id] = shared[id(after)]
    return found
