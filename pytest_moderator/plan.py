"""In which order the tasks of a file run: who waits for whom, why, and who goes first.

Three order modes:

- ``phases``: a phase starts when the one before it has ended. Inside a phase a task without ``[P]`` waits for all
  before it; tasks with ``[P]`` in a row run together. What the file states as dependencies comes on top, and moves
  a task behind its prerequisite where both stand in one phase.
- ``stories``: the phases of user stories run beside each other once the phases before them have ended; the phases
  after them wait for all. Statements such as "US4 depends on US1" count.
- ``explicit``: only dependencies between ids, and a Kiro file's waves.

A task that only groups sub-tasks (it has nothing to run itself) comes after them and succeeds with them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from pytest_moderator.fingerprint import fingerprint
from pytest_moderator.graph import find_cycles, find_knots, longest_paths, stable_order
from pytest_moderator.model import Problem, Severity
from pytest_moderator.nearest import NearestIds
from pytest_moderator.ordering import Ordering

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_moderator.model import Task, TaskPhase
    from pytest_moderator.tasksfile import TasksFile


@dataclass(frozen=True)
class ExecutionPlan:
    """The order in which the tasks of one file run.

    Attributes:
        tasks_file: the file, as it was read, with the checkpoints of its phases.
        order: one of :data:`ORDERS`.
        problems: what keeps the tasks from running in any order.
        depends_on: by task id, the tasks that must have succeeded; direct ones, known ones.
        after: by task id, the tasks that the order mode wants ended before; direct ones. Tasks that wait for the
            same ones share one tuple.
        groups: ids of the tasks that have nothing to run but sub-tasks, and of checkpoints.
        kind_of_wait: by task id, what ``after`` comes from: ``phase``, ``order``, ``story`` or ``wave``.
    """

    tasks_file: TasksFile
    order: str
    problems: tuple[Problem, ...] = ()
    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    kind_of_wait: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The file, as problems name it."""
        return self.tasks_file.display

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, in the order of the file."""
        return self.tasks_file.tasks

    @property
    def phases(self) -> tuple[TaskPhase, ...]:
        """The headings that group the tasks."""
        return self.tasks_file.phases

    def waits_for(self, task_id: str) -> tuple[str, ...]:
        """All that a task waits for, direct: its prerequisites, then what the order mode adds."""
        return tuple(dict.fromkeys((*self.depends_on.get(task_id, ()), *self.after.get(task_id, ()))))

    def reasons(self, task_id: str) -> dict[str, str]:
        """Why a task waits for each of :meth:`waits_for`: ``depends on``, ``sub-task`` or the kind of wait."""
        stated = set(self.by_id[task_id].depends_on)
        reasons = dict.fromkeys(self.after.get(task_id, ()), self.kind_of_wait.get(task_id, "order"))
        for need in self.depends_on.get(task_id, ()):
            reasons[need] = "depends on" if need in stated else "sub-task"
        return {need: reasons[need] for need in self.waits_for(task_id)}

    @cached_property
    def checkpoints_before(self) -> dict[str, tuple[str, ...]]:
        """By task id, the last checkpoints of the phases that it waits for: it does not start when they fail."""
        shared: dict[int, tuple[str, ...]] = {}
        found: dict[str, tuple[str, ...]] = {}
        for task_id in stable_order(self.by_id, {}, self.after):
            after = self.after.get(task_id, ())
            if id(after) not in shared:
                before = ((other,) if self.by_id[other].checkpoint else found[other] for other in after)
                shared[id(after)] = tuple(dict.fromkeys(chain.from_iterable(before)))
            found[task_id] = shared[id(after)]
        return found

    @cached_property
    def by_id(self) -> dict[str, Task]:
        """The tasks by id; of twins, the first."""
        return _first_of_twins(self.tasks)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """By task id, what tells whether the task is still the same when a later run looks back."""
        return {task_id: fingerprint(task) for task_id, task in self.by_id.items()}

    @cached_property
    def locks(self) -> dict[str, tuple[str, ...]]:
        """By task id, the files and resources that it names: two tasks that share one never run at once."""
        return {
            task.id: (
                *(f"file {name}" for name in task.files),
                *(f"resource {name}" for name in task.resources),
            )
            for task in self.by_id.values()
        }

    def conflicts(self, task_id: str) -> tuple[str, ...]:
        """Give the other tasks that share a lock with a task; asked one by one, for all of all would be a square."""
        others = dict.fromkeys(chain.from_iterable(self._users[lock] for lock in self.locks[task_id]))
        others.pop(task_id, None)
        return tuple(others)

    @property
    def kept_apart(self) -> dict[str, tuple[str, ...]]:
        """By lock, the tasks that have still to run and share it."""
        users = {lock: [i for i in ids if not self.by_id[i].done] for lock, ids in self._users.items()}
        return {lock: tuple(ids) for lock, ids in users.items() if len(ids) > 1}

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        users: defaultdict[str, list[str]] = defaultdict(list)
        for task_id, locks in self.locks.items():
            for lock in locks:
                users[lock].append(task_id)
        return users

    @cached_property
    def _paths(self) -> tuple[dict[str, float], list[str]]:
        known = sorted(task.estimate for task in self.by_id.values() if task.estimate is not None)
        usual = known[len(known) // 2] if known else 1.0
        weights = {t.id: usual if t.estimate is None else t.estimate for t in self.by_id.values()}
        weights.update((t.id, 0.0) for t in self.by_id.values() if t.done or t.id in self.groups)
        longest, path = longest_paths(weights, self.depends_on, self.after)
        return longest, [task_id for task_id in path if weights[task_id]]

    @property
    def priority(self) -> dict[str, float]:
        """By task id, the longest path from its start to the end of all: seconds where known, else hops.

        What is done, and what only groups others, takes no time.
        """
        return self._paths[0]

    @property
    def critical_path(self) -> tuple[str, ...]:
        """The chain of tasks that takes longest, from the first to the last; those that take no time left out."""
        return tuple(self._paths[1])

    @cached_property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The tasks by how many must end one after another before them: what one level holds may run at once."""
        level: dict[str, int] = {}
        highest: dict[int, int] = {}
        for task_id in stable_order(self.by_id, self.depends_on, self.after):
            after = self.after.get(task_id, ())
            if id(after) not in highest:
                highest[id(after)] = max((level[other] for other in after), default=-1)
            needs = (level[other] for other in self.depends_on.get(task_id, ()))
            level[task_id] = 1 + max((highest[id(after)], *needs))
        ranks: defaultdict[int, list[str]] = defaultdict(list)
        for task_id in self.by_id:
            ranks[level[task_id]].append(task_id)
        return tuple(tuple(ranks[rank]) for rank in sorted(ranks))


def make_plan(
    tasks_file: TasksFile, order: str = "phases", added: Mapping[str, Sequence[str]] | None = None
) -> ExecutionPlan:
    """Plan a file.

    Args:
        tasks_file: what the reader made of the file.
        order: one of :data:`ORDERS`.
        added: by task id, prerequisites that the file does not state.

    Returns:
        The plan. Where its problems hold an error, its order is not to be relied on: what causes the error is
        left out of ``depends_on`` and ``after``, so that the rest can still be shown.

    Raises:
        ValueError: there is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f"order {order!r} is none of {', '.join(ORDERS)}")
    if added:
        tasks_file = tasks_file._replace(tasks=tuple(_with(task, added) for task in tasks_file.tasks))
    tasks = tuple(_first_of_twins(tasks_file.tasks).values())
    groups = _groups(tasks)
    problems, depends_on = _dependencies(tasks, groups, tasks_file.display)
    ordering = Ordering(tasks_file, tasks, depends_on, groups)
    _ORDERINGS[order](ordering)
    depends_on, clashes = _without_contradictions(depends_on, ordering.after)
    known = {task.id: task for task in tasks}
    impossible = (_impossible(known[a], known[b], order, tasks_file.display) for a, b in clashes)
    return ExecutionPlan(
        tasks_file=tasks_file,
        order=order,
        problems=(*problems, *ordering.problems, *impossible),
        depends_on=depends_on,
        after=ordering.after,
        groups=groups,
        kind_of_wait=ordering.kinds,
    )


_ORDERINGS = {
    "phases": Ordering.by_phases,
    "stories": Ordering.by_stories,
    "explicit": Ordering.by_waves,
}
ORDERS = tuple(_ORDERINGS)


def _with(task: Task, added: Mapping[str, Sequence[str]]) -> Task:
    return replace(task, depends_on=(*task.depends_on, *added.get(task.id, ())))


def _first_of_twins(tasks: Iterable[Task]) -> dict[str, Task]:
    found: dict[str, Task] = {}
    for task in tasks:
        found.setdefault(task.id, task)
    return found


def _groups(tasks: Iterable[Task]) -> frozenset[str]:
    parents = {task.parent for task in tasks if task.parent is not None}
    bare = (t.id for t in tasks if t.id in parents and not (t.commands or t.call or t.backend))
    return frozenset((*bare, *(t.id for t in tasks if t.checkpoint)))


def _dependencies(
    tasks: Sequence[Task], groups: frozenset[str], path: str
) -> tuple[list[Problem], dict[str, tuple[str, ...]]]:
    """Keep what can be kept of what the file states, and let groups wait for their sub-tasks."""
    problems: list[Problem] = []
    known = {task.id: task for task in tasks}
    nearest = NearestIds(known)
    stated: dict[str, list[str]] = {}
    for task in tasks:
        stated[task.id] = []
        for need in dict.fromkeys(task.depends_on):
            if need == task.id:
                problems.append(_self_dependency(task, path))
            elif need not in known:
                problems.append(_unknown_dependency(task, need, nearest.of(need), path))
            else:
                stated[task.id].append(need)
    for task in tasks:
        # a sub-task that states to come after its group is no part of what the group waits for
        if task.parent in groups and task.parent not in stated[task.id]:
            stated[task.parent].append(task.id)
    depends_on, dropped = _without_contradictions(
        {task_id: tuple(dict.fromkeys(needs)) for task_id, needs in stated.items()}, {}
    )
    if dropped:
        problems += [_cycle(cycle, known, path) for cycle in find_cycles(stated)]
    return problems, depends_on


def _without_contradictions(
    depends_on: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """Leave out each dependency that is part of a cycle and points against the order of ``after`` and the file.

    Returns:
        What is left, which has no cycle, and the pairs that were left out.
    """
    ordered = stable_order(depends_on, {}, after) if after else depends_on
    place = {task_id: place for place, task_id in enumerate(ordered)}
    against = [(a, b) for a, needs in depends_on.items() for b in needs if place[a] < place[b]]
    knot = find_knots(depends_on, after) if against else {}
    dropped = [(a, b) for a, b in against if knot[a] == knot[b]]
    gone = set(dropped)
    kept = {a: tuple(b for b in needs if (a, b) not in gone) for a, needs in depends_on.items()}
    return kept, dropped


def _self_dependency(task: Task, path: str) -> Problem:
    return _error("self-dependency", f"{task.id} depends on itself", "remove it", path, task.line)


def _unknown_dependency(task: Task, need: str, near: str | None, path: str) -> Problem:
    message = f"{task.id} depends on {need}, which no task has as its id"
    hint = f"did you mean {near}?" if near else "name a task of this file, or remove it"
    return _error("unknown-dependency", message, hint, path, task.line)


def _cycle(cycle: Sequence[str], known: Mapping[str, Task], path: str) -> Problem:
    where = ", ".join(f"{task_id} at line {known[task_id].line}" for task_id in cycle[:-1])
    message = f"tasks depend on each other: {' -> '.join(cycle)}"
    return _error("cycle", message, f"remove one of these dependencies: {where}", path, known[cycle[0]].line)


def _impossible(task: Task, need: Task, order: str, path: str) -> Problem:
    message = f"{task.id} depends on {need.id}, which order {order!r} puts behind it"
    if order == "explicit":
        hint = f"move {task.id} or {need.id} to another wave, or remove the dependency"
    else:
        if task.phase_line != need.phase_line:
            message += f": phase {task.phase!r} comes before phase {need.phase!r}"
        hint = f"move {task.id} or {need.id} to another phase, or set 'order: explicit'"
    return _error("impossible-phase", message, hint, path, task.line)


def _error(code: str, message: str, hint: str, path: str, line: int) -> Problem:
    return Problem(Severity.ERROR, code, message, hint, path, line)
