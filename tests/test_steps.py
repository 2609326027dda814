"""From plans and items to the steps of the coordinator; what ``depends_on`` marks mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.coordinator import Coordinator
from pytest_moderator.handout import FileHandout, Handout
from pytest_moderator.plan import make_plan
from pytest_moderator.step import Step
from pytest_moderator.steps import make_steps, resolve_marks, with_marks
from pytest_moderator.tasksfile import parse_tasks

FIRST = "- [x] T001 a\n- [ ] T002 Change a.py\n- [ ] T003 [P] c (depends on T001)\n- [ ] T004 [P] d\n"
SECOND = "- [ ] T002 x\n- [ ] T009 y\n"
TEST = "test_it.py::test_one"


def session(**texts):
    """Give the handout and the plans of some files, by their names without ``.md``."""
    plans, files = {}, []
    for name, text in texts.items():
        path = f"{name}.md"
        plan = plans[path] = make_plan(parse_tasks(text, Path(path), path))
        files.append(FileHandout(path, Path(path), plan.tasks, plan.groups, None, False, 1.0, 1))
    return Handout("r", Path(), Path(), with_deps=False, files=tuple(files)), plans


def ids(handout):
    return [f"{file.nodeid}::{task.id}" for file in handout.files for task in file.tasks]


class TestMarks:
    def resolve(self, nodeid, *names):
        handout, _ = session(a=FIRST, b=SECOND)
        return resolve_marks(handout, [*ids(handout), TEST], {nodeid: names})[nodeid]

    @pytest.mark.parametrize(
        ("nodeid", "name", "found"),
        [
            ("a.md::T004", "T003", "a.md::T003"),
            ("a.md::T004", "T002", "a.md::T002"),
            ("b.md::T009", "T002", "b.md::T002"),
            ("a.md::T004", "T009", "b.md::T009"),
            (TEST, "T003", "a.md::T003"),
            (TEST, "b.md::T002", "b.md::T002"),
            ("a.md::T004", TEST, TEST),
            (TEST, "test_it.py::test_not_selected", "test_it.py::test_not_selected"),
        ],
    )
    def test_names(self, nodeid, name, found):
        assert self.resolve(nodeid, name) == (found,)

    def test_a_name_that_is_there_twice_counts_once(self):
        assert self.resolve(TEST, "T003", "T009", "T003") == ("a.md::T003", "b.md::T009")

    def test_a_task_that_is_not_selected_can_be_named(self):
        handout, _ = session(a=FIRST)
        assert resolve_marks(handout, [TEST], {TEST: ["T002"]}) == {TEST: ("a.md::T002",)}

    def test_all_mistakes_at_once(self):
        handout, _ = session(a=FIRST, b=SECOND)
        with pytest.raises(pytest.UsageError) as caught:
            resolve_marks(handout, [TEST], {TEST: ["T002", "T77"], "b.md::T009": ["nobody"]})
        assert str(caught.value).splitlines() == [
            f"{TEST}: depends_on('T002') could be a.md::T002 and b.md::T002; write the one that is meant",
            f"{TEST}: depends_on('T77') names no task of this session; correct the id",
            "b.md::T009: depends_on('nobody') names no task of this session; correct the id",
        ]


class TestReplanning:
    def test_nothing_added_is_the_same_plan(self):
        handout, plans = session(a=FIRST)
        needs = {"a.md::T003": ("a.md::T001", TEST), TEST: ("a.md::T002",)}
        assert with_marks(plans["a.md"], handout.files[0], needs) is plans["a.md"]

    def test_what_marks_add_moves_tasks(self):
        handout, plans = session(a=FIRST)
        plan = with_marks(plans["a.md"], handout.files[0], {"a.md::T002": ("a.md::T004",)})
        assert plan.levels == (("T001",), ("T003", "T004"), ("T002",))
        assert plan.order == "phases"

    @pytest.mark.parametrize(
        ("nodeid", "need", "message"),
        [
            ("a.md::T001", "a.md::T003", "error cycle: tasks depend on each other: T001 -> T003 -> T001"),
            ("a.md::T002", "a.md::T002", "error self-dependency: T002 depends on itself"),
            ("a.md::T002", "a.md::T02", "did you mean T002?"),
        ],
    )
    def test_what_marks_make_impossible(self, nodeid, need, message):
        handout, plans = session(a=FIRST)
        with pytest.raises(pytest.UsageError, match=r"a\.md:\d: ") as caught:
            with_marks(plans["a.md"], handout.files[0], {nodeid: (need,)})
        assert message in str(caught.value)


class TestSteps:
    def test_of_everything(self):
        handout, plans = session(a=FIRST, b=SECOND)
        needs = {TEST: ("a.md::T002",), "a.md::T004": ("b.md::T009",)}
        steps, satisfied = make_steps(handout, plans, [TEST, *ids(handout), "test_it.py::test_two"], needs)
        assert satisfied == {"a.md::T001"}
        assert steps == [
            Step(TEST, ("a.md::T002",)),
            Step("a.md::T002", (), (), ("file a.py",), 2.0),
            Step("a.md::T003", ("a.md::T001",), ("a.md::T002",), (), 1.0),
            Step("a.md::T004", ("b.md::T009",), ("a.md::T002",), (), 1.0),
            Step("b.md::T002", (), (), (), 2.0),
            Step("b.md::T009", (), ("b.md::T002",), (), 1.0),
            Step("test_it.py::test_two"),
        ]
        assert steps[2].after is steps[3].after

    def test_done_tasks_satisfy_and_an_order_towards_what_is_not_selected_does_not_count(self):
        handout, plans = session(a=FIRST)
        steps, satisfied = make_steps(handout, plans, ["a.md::T003"], {})
        coordinator = Coordinator(steps, satisfied)
        assert coordinator.blocked_at_start == ()
        assert coordinator.start_next() == "a.md::T003"

    @given(st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=12))
    def test_the_order_holds_across_what_is_done_or_not_selected(self, tasks):
        """Whatever is left out between two tasks, the one behind does not start before the other has ended."""
        lines = ["## Phase 1"]
        for number, (new_phase, done, parallel, _) in enumerate(tasks):
            lines += [f"## Phase {number + 2}"] * new_phase
            lines.append(f"- [{'x' if done else ' '}] T{number:03}{' [P]' * parallel} Do")
        handout, plans = session(a="\n".join(lines) + "\n")
        chosen = [f"a.md::T{n:03}" for n, (_, _, _, selected) in enumerate(tasks) if selected]
        steps, satisfied = make_steps(handout, plans, chosen, {})
        coordinator = Coordinator(steps, satisfied)
        ended = set()
        while not coordinator.finished:
            running = []
            while (key := coordinator.start_next()) is not None:
                number = int(key[-3:])
                phase = max([n for n in range(number + 1) if tasks[n][0]], default=0)
                row = max([n + 1 for n in range(phase, number) if not tasks[n][2]], default=phase)
                before = range(row if tasks[number][2] else number)
                missing = {f"a.md::T{n:03}" for n in before} & {step.key for step in steps} - ended
                assert not missing
                running.append(key)
            for key in running:
                coordinator.end(key, success=True)
                ended.add(key)
        assert ended == {step.key for step in steps}

    def test_a_long_chain_of_done_tasks_costs_no_more_than_its_length(self):
        text = "".join(f"- [{'x' if n % 3 else ' '}] T{n:05}{' [P]' * (n % 2)} Do\n" for n in range(5000))
        handout, plans = session(a=text)
        steps, _ = make_steps(handout, plans, ids(handout), {})
        assert sum(len(after) for after in {id(step.after): step.after for step in steps}.values()) < 5000

    def test_a_prerequisite_that_is_not_selected_blocks(self):
        handout, plans = session(a=FIRST)
        steps, satisfied = make_steps(
            handout, plans, [TEST, "a.md::T004"], {TEST: ("a.md::T002",), "a.md::T004": (TEST,)}
        )
        assert [entry.key for entry in Coordinator(steps, satisfied).blocked_at_start] == [TEST, "a.md::T004"]
