"""A plan as a drawing: Mermaid for Markdown pages, DOT for Graphviz.

Where several tasks wait for the same several others, a small node stands between them: a phase of 100 tasks after
another one is 200 lines to draw, not 10,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.cli._console import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_moderator.model import Task
    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.prepare import Prepared

# What Mermaid would read as markup, inside of quotes too.
_MERMAID = {ord(char): f"#{ord(char)};" for char in '"#&<>`\\;'}
_DOT = str.maketrans({"\\": "\\\\", '"': '\\"'})


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from what comes first to what comes after.

    Attributes:
        start: name of a node.
        end: name of a node.
        stated: whether the file states it as a dependency.
    """

    start: str
    end: str
    stated: bool


class Drawing:
    """The nodes and edges of a plan, with names that are safe in any language.

    Attributes:
        names: name of each task's node, by task id.
        joints: names of the small nodes.
        edges: the lines.
    """

    def __init__(self, plan: ExecutionPlan) -> None:
        """Draw the plan."""
        self.names = {task_id: f"t{number}" for number, task_id in enumerate(plan.by_id, 1)}
        self.joints: list[str] = []
        self.edges = [
            Edge(self.names[need], self.names[task_id], stated=True)
            for task_id, needs in plan.depends_on.items()
            for need in needs
        ]
        waiting: dict[tuple[str, ...], list[str]] = {}
        for task_id, after in plan.after.items():
            waiting.setdefault(tuple(after), []).append(task_id)
        for after, task_ids in waiting.items():
            stated = {(need, task_id) for task_id in task_ids for need in plan.depends_on.get(task_id, ())}
            if len(after) > 1 and len(task_ids) > 1:
                self._join(after, task_ids)
            else:
                self.edges += [
                    Edge(self.names[need], self.names[task_id], stated=False)
                    for task_id in task_ids
                    for need in after
                    if (need, task_id) not in stated
                ]

    def _join(self, before: tuple[str, ...], after: list[str]) -> None:
        joint = f"j{len(self.joints) + 1}"
        self.joints.append(joint)
        self.edges += [Edge(self.names[task_id], joint, stated=False) for task_id in before]
        self.edges += [Edge(joint, self.names[task_id], stated=False) for task_id in after]


def plan_as_mermaid(prepared: Prepared) -> list[str]:
    """Write the plan as a Mermaid flowchart."""
    drawing = Drawing(prepared.plan)
    lines = ["flowchart TD"]
    for number, (phase, tasks) in enumerate(_phases(prepared.plan), 1):
        lines.append(f'  subgraph p{number}["{_mermaid(phase)}"]')
        lines += [f'    {drawing.names[task.id]}["{_mermaid(_label(task))}"]' for task in tasks]
        lines.append("  end")
    lines += [f"  {joint}(( ))" for joint in drawing.joints]
    lines += [f"  {edge.start} {'-->' if edge.stated else '-.->'} {edge.end}" for edge in drawing.edges]
    done = [name for task_id, name in drawing.names.items() if prepared.plan.by_id[task_id].done]
    if done:
        lines += ["  classDef done fill:#d5f5d5,stroke:#3a3", f"  class {','.join(done)} done"]
    return lines


def plan_as_dot(prepared: Prepared) -> list[str]:
    """Write the plan in Graphviz's DOT."""
    drawing = Drawing(prepared.plan)
    lines = [f'digraph "{_dot(prepared.plan.file)}" {{', "  rankdir=LR;", "  node [shape=box];"]
    for number, (phase, tasks) in enumerate(_phases(prepared.plan), 1):
        lines += [f"  subgraph cluster_{number} {{", f'    label="{_dot(phase)}";']
        for task in tasks:
            style = ", style=filled, fillcolor=palegreen" if task.done else ""
            lines.append(f'    {drawing.names[task.id]} [label="{_dot(_label(task))}"{style}];')
        lines.append("  }")
    lines += [f"  {joint} [shape=point];" for joint in drawing.joints]
    for edge in drawing.edges:
        lines.append(f"  {edge.start} -> {edge.end}{'' if edge.stated else ' [style=dashed]'};")
    return [*lines, "}"]


def _phases(plan: ExecutionPlan) -> Iterator[tuple[str, list[Task]]]:
    """Group the tasks by the heading that they stand under."""
    phases: dict[tuple[int, str | None], list[Task]] = {}
    for task in plan.by_id.values():
        phases.setdefault((task.phase_line, task.phase), []).append(task)
    for (_, name), tasks in phases.items():
        yield name or "Tasks", tasks


def _label(task: Task) -> str:
    return f"{task.id}: {task.title}"


def _mermaid(text: str) -> str:
    return one_line(text).translate(_MERMAID)


def _dot(text: str) -> str:
    return one_line(text).translate(_DOT)
