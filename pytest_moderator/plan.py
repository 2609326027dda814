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
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from pytest_moderator.graph import find_cycles, longest_paths, stable_order
from pytest_moderator.model import Problem, Severity
from pytest_moderator.stories import classify_phases

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_moderator.model import Task, TaskPhase
    from pytest_moderator.tasksfile import TasksFile

ORDERS = ("phases", "stories", "explicit")


@dataclass(frozen=True)
class ExecutionPlan:
    """The order in which the tasks of one file run.

    Attributes:
        tasks_file: the file, as it was read.
        order: one of :data:`ORDERS`.
        problems: what keeps the tasks from running in any order.
        depends_on: by task id, the tasks that must have succeeded; direct ones, known ones.
        after: by task id, the tasks that the order mode wants ended before; direct ones. Tasks that wait for the
            same ones share one tuple.
        groups: ids of the tasks that have nothing to run but sub-tasks.
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
        task = self.by_id[task_id]
        reasons = dict.fromkeys(self.after.get(task_id, ()), self.kind_of_wait.get(task_id, "order"))
        for need in self.depends_on.get(task_id, ()):
            reasons[need] = "depends on" if need in task.depends_on else "sub-task"
        return {need: reasons[need] for need in self.waits_for(task_id)}

    @cached_property
    def by_id(self) -> dict[str, Task]:
        """The tasks by id; of twins, the first."""
        return _first_of_twins(self.tasks)

    @cached_property
    def locks(self) -> dict[str, tuple[str, ...]]:
        """By task id, the files and resources that it names: two tasks that share one never run at once."""
        return {
            task.id: (
                *(f"file {name}" for name in task.files),
                *(f"resource {name}" for name in task.resources),
            )
            for task in self.tasks
        }

    @cached_property
    def conflicts(self) -> dict[str, tuple[str, ...]]:
        """By task id, the other tasks that share a lock with it."""
        users: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for task_id, locks in self.locks.items():
            for lock in locks:
                users[lock][task_id] = None
        return {
            task_id: tuple(
                dict.fromkeys(other for lock in locks for other in users[lock] if other != task_id)
            )
            for task_id, locks in self.locks.items()
        }

    @cached_property
    def _paths(self) -> tuple[dict[str, float], list[str]]:
        known = sorted(task.estimate for task in self.tasks if task.estimate is not None)
        usual = known[len(known) // 2] if known else 1.0
        weights = {t.id: usual if t.estimate is None else t.estimate for t in self.by_id.values()}
        return longest_paths(weights, self.depends_on, self.after)

    @property
    def priority(self) -> dict[str, float]:
        """By task id, the longest path from its start to the end of all: seconds where known, else hops."""
        return self._paths[0]

    @property
    def critical_path(self) -> tuple[str, ...]:
        """The chain of tasks that takes longest, from the first to the last."""
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
        tasks_file = replace(tasks_file, tasks=tuple(_with(task, added) for task in tasks_file.tasks))
    tasks = tuple(_first_of_twins(tasks_file.tasks).values())
    groups = _groups(tasks)
    problems, depends_on = _dependencies(tasks, groups, tasks_file.display)
    ordering = _Ordering(tasks_file, tasks, depends_on)
    _ORDERINGS[order](ordering)
    clashes, depends_on = _clashes(ordering, depends_on)
    return ExecutionPlan(
        tasks_file=tasks_file,
        order=order,
        problems=(*problems, *clashes),
        depends_on=depends_on,
        after=ordering.after,
        groups=groups,
        kind_of_wait=ordering.kinds,
    )


def _with(task: Task, added: Mapping[str, Sequence[str]]) -> Task:
    return replace(task, depends_on=(*task.depends_on, *added.get(task.id, ())))


def _first_of_twins(tasks: Iterable[Task]) -> dict[str, Task]:
    found: dict[str, Task] = {}
    for task in tasks:
        found.setdefault(task.id, task)
    return found


def _groups(tasks: Iterable[Task]) -> frozenset[str]:
    parents = {task.parent for task in tasks if task.parent is not None}
    return frozenset(t.id for t in tasks if t.id in parents and not (t.commands or t.call or t.backend))


def _dependencies(
    tasks: Sequence[Task], groups: frozenset[str], path: str
) -> tuple[list[Problem], dict[str, tuple[str, ...]]]:
    problems: list[Problem] = []
    known = {task.id: task for task in tasks}
    depends_on: dict[str, list[str]] = {}
    for task in tasks:
        depends_on[task.id] = []
        for need in dict.fromkeys(task.depends_on):
            if need == task.id:
                problems.append(_self_dependency(task, path))
            elif need not in known:
                problems.append(_unknown_dependency(task, need, known, path))
            else:
                depends_on[task.id].append(need)
    for task in tasks:
        if task.parent in groups and task.parent not in depends_on[task.id]:
            depends_on[task.parent or ""].append(task.id)
    for cycle in find_cycles(depends_on):
        problems.append(_cycle(cycle, known, path))
        depends_on[cycle[0]].remove(cycle[1])
    return problems, {task_id: tuple(dict.fromkeys(needs)) for task_id, needs in depends_on.items()}


class _Ordering:
    """Works out what an order mode makes each task wait for.

    Attributes:
        after: by task id, those that must have ended.
        kinds: by task id, what that comes from.
        segments: by task id, a number: all of one segment end before any of a higher one starts.
    """

    def __init__(
        self, tasks_file: TasksFile, tasks: Sequence[Task], depends_on: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.tasks_file = tasks_file
        self.tasks = tasks
        self.depends_on = depends_on
        self.after: dict[str, tuple[str, ...]] = {}
        self.kinds: dict[str, str] = {}
        self.segments: dict[str, int] = {}

    def chain(
        self, tasks: Iterable[Task], before: tuple[str, ...], kind: str, segment: int
    ) -> tuple[str, ...]:
        """Put the tasks of one phase behind each other, rows of ``[P]`` side by side; give the last of them."""
        by_id = {task.id: task for task in tasks}
        inside = {task_id: [n for n in self.depends_on[task_id] if n in by_id] for task_id in by_id}
        ordered = [by_id[task_id] for task_id in stable_order(by_id, inside)]
        for parallel, row in groupby(ordered, key=lambda task: task.parallel):
            together = [task.id for task in row]
            for group in [together] if parallel else [[task_id] for task_id in together]:
                self.after.update(dict.fromkeys(group, before))
                self.kinds.update(dict.fromkeys(group, kind))
                self.segments.update(dict.fromkeys(group, segment))
                before, kind = tuple(group), "order"
        return before

    def by_phases(self) -> None:
        """Run one phase after another."""
        last: tuple[str, ...] = ()
        for segment, tasks in enumerate(_by_phase(self.tasks)):
            last = self.chain(tasks, last, "phase", segment)

    def by_stories(self) -> None:
        """Run the phases of stories beside each other, all else one after another."""
        base: tuple[str, ...] = ()
        ends: dict[str, tuple[str, ...]] = {}
        segment = 0
        for phase in classify_phases(_by_phase(self.tasks), self.tasks_file.story_depends):
            if phase.story is None:
                everything = tuple(task_id for end in ends.values() for task_id in end)
                base = self.chain(phase.tasks, everything or base, "phase", segment + bool(ends))
                segment += 1 + bool(ends)
                ends = {}
                continue
            wanted = [ends[story] for story in (phase.story, *phase.depends_on) if story in ends]
            before = tuple(task_id for end in wanted for task_id in end) or base
            kind = "story" if wanted else "phase"
            ends[phase.story] = self.chain(phase.tasks, before, kind, segment)

    def by_waves(self) -> None:
        """Add nothing to what the file states, but its waves."""
        waves: defaultdict[int, list[str]] = defaultdict(list)
        for task in self.tasks:
            if task.wave is not None:
                waves[task.wave].append(task.id)
        before: tuple[str, ...] = ()
        for number in sorted(waves):
            self.after.update(dict.fromkeys(waves[number], before))
            self.kinds.update(dict.fromkeys(waves[number], "wave"))
            self.segments.update(dict.fromkeys(waves[number], number))
            before = tuple(waves[number])


_ORDERINGS = {
    "phases": _Ordering.by_phases,
    "stories": _Ordering.by_stories,
    "explicit": _Ordering.by_waves,
}


def _by_phase(tasks: Iterable[Task]) -> list[tuple[Task, ...]]:
    phases: dict[tuple[str | None, int], list[Task]] = {}
    for task in tasks:
        phases.setdefault((task.phase, task.phase_line), []).append(task)
    return [tuple(phase) for phase in phases.values()]


def _clashes(
    ordering: _Ordering, depends_on: Mapping[str, tuple[str, ...]]
) -> tuple[list[Problem], dict[str, tuple[str, ...]]]:
    """Find the dependencies that the order mode makes impossible, and leave them out."""
    segments = ordering.segments
    clashes = [
        (task_id, need)
        for task_id, needs in depends_on.items()
        for need in needs
        if task_id in segments and need in segments and segments[need] > segments[task_id]
    ]
    dropped = set(clashes)
    kept = {a: [b for b in needs if (a, b) not in dropped] for a, needs in depends_on.items()}
    # what is left runs across stories that stand beside each other: a few at most
    while cycles := find_cycles(kept, ordering.after):
        for cycle in cycles:
            pair = next((a, b) for a, b in pairwise(cycle) if b in kept[a])
            clashes.append(pair)
            kept[pair[0]].remove(pair[1])
    known = {task.id: task for task in ordering.tasks}
    path = ordering.tasks_file.display
    problems = [_impossible(known[a], known[b], path) for a, b in clashes]
    return problems, {task_id: tuple(needs) for task_id, needs in kept.items()}


def _self_dependency(task: Task, path: str) -> Problem:
    return _error("self-dependency", f"{task.id} depends on itself", "remove it", path, task.line)


def _unknown_dependency(task: Task, need: str, known: Iterable[str], path: str) -> Problem:
    from difflib import get_close_matches  # noqa: PLC0415 (only when something is wrong)

    near = get_close_matches(need, list(known)[:10_000], n=1)
    hint = f"did you mean {near[0]}?" if near else "name a task of this file, or remove it"
    return _error(
        "unknown-dependency",
        f"{task.id} depends on {need}, which no task has as its id",
        hint,
        path,
        task.line,
    )


def _cycle(cycle: Sequence[str], known: Mapping[str, Task], path: str) -> Problem:
    where = ", ".join(f"{task_id} at line {known[task_id].line}" for task_id in cycle[:-1])
    message = f"tasks depend on each other: {' -> '.join(cycle)}"
    return _error("cycle", message, f"remove one of these dependencies: {where}", path, known[cycle[0]].line)


def _impossible(task: Task, need: Task, path: str) -> Problem:
    if task.phase_line == need.phase_line:
        message = f"{task.id} depends on {need.id}, which the order of the file puts behind it"
    else:
        message = (
            f"{task.id} depends on {need.id}, but its phase {task.phase!r} ends before {need.phase!r} starts"
        )
    hint = f"move {task.id} or {need.id} to another phase, or set 'order: explicit'"
    return _error("impossible-phase", message, hint, path, task.line)


def _error(code: str, message: str, hint: str, path: str, line: int) -> Problem:
    return Problem(Severity.ERROR, code, message, hint, path, line)
