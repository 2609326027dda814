"""How the benchmarks show numbers, and the tasks file that they write."""

from __future__ import annotations

from benchmarks.dags import Dag, Node
from benchmarks.peers.plugins import tasks_text
from benchmarks.tables import Goal, Section, Table


def test_a_goal_says_whether_it_was_met() -> None:
    assert Goal("wall", 1.25, 1.25).row() == ("wall", "1.25", "at most 1.25", "met")
    assert Goal("delay", 101.4, 100, "ms", 1).row()[1:] == ("101.4 ms", "at most 100.0 ms", "**not met**")


def test_columns_line_up() -> None:
    lines = str(Table(("a", "long"), (("first", "1"),))).splitlines()
    assert lines == ["| a     | long |", "| ----- | ---- |", "| first | 1    |"]


def test_a_section_is_markdown() -> None:
    section = Section("Title", goals=(Goal("wall", 1, 2),), notes=("noted",))
    assert str(section).startswith("## Title\n\n| measured | value | goal ")
    assert str(section).endswith("\n\n- noted\n")


def test_a_graph_as_a_tasks_file() -> None:
    dag = Dag("two", (Node("T1"), Node("T2", 0.05, ("T1",))))
    assert tasks_text(dag, estimates=True).endswith(
        "- [ ] T1 Do nothing\n"
        "  - run: `true`\n"
        "  - estimate: 1ms\n"
        "- [ ] T2 Sleep for 50 ms (depends on T1)\n"
        "  - run: `sleep 0.050`\n"
        "  - estimate: 50ms\n"
    )
