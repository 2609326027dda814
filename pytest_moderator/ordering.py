"""The order modes: what each makes a task wait for, besides the dependencies that its file states."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from itertools import chain, groupby
from typing import TYPE_CHECKING

from pytest_moderator.graph import find_cycles, stable_order
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_moderator.model import Task
    from pytest_moderator.stories import StoryPhase
    from pytest_moderator.tasksfile import TasksFile


class Ordering:
    """Works out what an order mode makes each task wait for.

    Args:
        tasks_file: the file.
        tasks: its tasks, none twice.
        depends_on: by task id, what it depends on; without cycles.
        groups: ids of the tasks that have nothing to run but sub-tasks.

    Attributes:
        after: by task id, those that must have ended. Tasks that wait for the same ones share one tuple.
        kinds: by task id, what that comes from.
        problems: what contradicts itself in the order of stories.
    """

    def __init__(
        self,
        tasks_file: TasksFile,
        tasks: Sequence[Task],
        depends_on: Mapping[str, tuple[str, ...]],
        groups: frozenset[str],
    ) -> None:
        self.tasks_file = tasks_file
        self.tasks = tasks
        self.depends_on = depends_on
        self.groups = groups
        self.after: dict[str, tuple[str, ...]] = {}
        self.kinds: dict[str, str] = {}
        self.problems: list[Problem] = []

    @cached_property
    def phases(self) -> list[tuple[Task, ...]]:
        """The tasks by phase; a group stands in the last phase of its sub-tasks."""
        home = {task.id: (task.phase, task.phase_line) for task in self.tasks}
        phases: dict[tuple[str | None, int], list[Task]] = {phase: [] for phase in home.values()}
        rank = {phase: position for position, phase in enumerate(phases)}
        for task in reversed(self.tasks):
            if task.parent in self.groups:
                home[task.parent] = max(home[task.parent], home[task.id], key=rank.__getitem__)
        for task in self.tasks:
            phases[home[task.id]].append(task)
        return [tuple(tasks) for tasks in phases.values() if tasks]

    def by_phases(self) -> None:
        """Run one phase after another."""
        before: tuple[str, ...] = ()
        for tasks in self.phases:
            before = self._chain(tasks, before, "phase")

    def by_stories(self) -> None:
        """Run the phases of stories beside each other, all else one after another."""
        from pytest_moderator.stories import classify_phases  # noqa: PLC0415 (only in this order)

        phases = classify_phases(self.phases, self.tasks_file.story_depends)
        self._check_stories(phases)
        before: tuple[str, ...] = ()
        for serves_all, block in groupby(phases, key=lambda phase: phase.story is None):
            if not serves_all:
                before = self._side_by_side(block, before)
                continue
            for phase in block:
                before = self._chain(phase.tasks, before, "phase")

    def by_waves(self) -> None:
        """Add nothing to what the file states, but its waves. Sub-tasks are in the wave of their group."""
        wave_of: dict[str | None, int] = {}
        waves: defaultdict[int, list[str]] = defaultdict(list)
        for task in self.tasks:
            wave = wave_of.get(task.parent) if task.wave is None else task.wave
            if wave is None:
                continue
            wave_of[task.id] = wave
            if task.id not in self.groups:
                waves[wave].append(task.id)
        before: tuple[str, ...] = ()
        for number in sorted(waves):
            before = self._row(waves[number], before, "wave")

    def _row(self, task_ids: Sequence[str], before: tuple[str, ...], kind: str) -> tuple[str, ...]:
        self.after.update(dict.fromkeys(task_ids, before))
        self.kinds.update(dict.fromkeys(task_ids, kind))
        return tuple(task_ids)

    def _chain(self, tasks: Iterable[Task], before: tuple[str, ...], kind: str) -> tuple[str, ...]:
        """Put the tasks of one phase behind each other, rows of ``[P]`` side by side; give the last of them."""
        by_id = {task.id: task for task in tasks}
        ordered = [by_id[task_id] for task_id in stable_order(by_id, self.depends_on)]
        for parallel, together in groupby(ordered, key=lambda task: task.parallel):
            task_ids = [task.id for task in together]
            for row in [task_ids] if parallel else [[task_id] for task_id in task_ids]:
                before = self._row(row, before, kind)
                kind = "order"
        return before

    def _side_by_side(self, block: Iterable[StoryPhase], base: tuple[str, ...]) -> tuple[str, ...]:
        """Run stories beside each other, as far as they do not depend on each other; give the last tasks of all."""
        parts: defaultdict[str, list[StoryPhase]] = defaultdict(list)
        for phase in block:
            parts[str(phase.story)].append(phase)
        waits = {story: phases[0].depends_on for story, phases in parts.items()}
        ends: dict[str, tuple[str, ...]] = {}
        joined: dict[tuple[str, ...], tuple[str, ...]] = {}
        for story in stable_order(parts, waits):
            wanted = tuple(other for other in waits[story] if other in ends)
            if wanted not in joined:
                joined[wanted] = _join(ends[other] for other in wanted) or base
            before, kind = joined[wanted], "story" if wanted else "phase"
            for phase in parts[story]:
                before, kind = self._chain(phase.tasks, before, kind), "phase"
            ends[story] = before
        return _join(ends.values())

    def _check_stories(self, phases: Iterable[StoryPhase]) -> None:
        """Find stories that wait for each other, also through a phase that waits for all before it."""
        first: dict[str, tuple[int, StoryPhase]] = {}
        serving_all = 0
        for phase in phases:
            serving_all += phase.story is None
            if phase.story is not None:
                first.setdefault(phase.story, (serving_all, phase))
        for story, (place, phase) in first.items():
            for other in phase.depends_on:
                if other in first and first[other][0] > place:
                    message = f"{story} depends on {other}, but a phase between them waits for {story}"
                    self._add("impossible-phase", message, f"move the phase of {other} up", phase)
        for cycle in find_cycles({story: phase.depends_on for story, (_, phase) in first.items()}):
            message = f"stories depend on each other: {' -> '.join(cycle)}"
            self._add("cycle", message, "remove one of these dependencies", first[cycle[0]][1])

    def _add(self, code: str, message: str, hint: str, phase: StoryPhase) -> None:
        line = phase.tasks[0].phase_line or phase.tasks[0].line
        self.problems.append(Problem(Severity.ERROR, code, message, hint, self.tasks_file.display, line))


def _join(ends: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(chain.from_iterable(ends))
