"""What an earlier run has done already: what is done, what runs again and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import plan_of, prints_of

from pytest_moderator.checkpoints import with_checkpoints
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import PhaseRule, TaskStatus
from pytest_moderator.plan import make_plan
from pytest_moderator.resume import Earlier, rerun_by_file, resume
from pytest_moderator.settings import Settings
from pytest_moderator.tasksfile import parse_tasks

if TYPE_CHECKING:
    import random
    from collections.abc import Collection

    from pytest_moderator.plan import ExecutionPlan
    from pytest_moderator.resume import Resumption


def explicit(text: str) -> ExecutionPlan:
    return plan_of(text, "explicit")


def done_before(text: str, *, without: Collection[str] = ()) -> dict[str, Earlier]:
    """Say that all tasks of a text had completed, but some."""
    return {
        task_id: Earlier(TaskStatus.COMPLETED, print_, success=True)
        for task_id, print_ in prints_of(text).items()
        if task_id not in without
    }


def again(found: Resumption) -> dict[str, str]:
    return dict(found.again)


CHAIN = (
    "- [ ] T001 a\n- [ ] T002 b (depends on T001)\n- [ ] T003 c (depends on T002)\n- [ ] T004 d\n"
    "- [ ] T005 e (depends on T004, T003)\n"
)
KIRO = (
    "- [ ] 1. All\n  - [ ] 1.1 One\n    - run: `a`\n  - [ ] 1.2 Two\n    - run: `b`\n"
    "- [ ] 2. More\n  - depends on: 1\n  - run: `c`\n- [ ] 3. Rest\n  - run: `d`\n"
)


class TestResume:
    def test_all_done(self) -> None:
        found = resume(explicit(CHAIN), done_before(CHAIN))
        assert found.completed == {"T001", "T002", "T003", "T004", "T005"}
        assert again(found) == {}

    def test_nothing_known(self) -> None:
        found = resume(explicit(CHAIN.replace("[ ] T001", "[x] T001")), {})
        assert (found.completed, again(found)) == ({"T001"}, {})

    @pytest.mark.parametrize(
        ("status", "success", "completed"),
        [
            (TaskStatus.COMPLETED, True, True),
            (TaskStatus.SKIPPED, True, True),
            (TaskStatus.SKIPPED, False, False),
            (TaskStatus.FAILED, False, False),
            (TaskStatus.FAILED, True, False),
            (TaskStatus.RUNNING, False, False),
            (TaskStatus.PAUSED, False, False),
            (TaskStatus.PENDING, False, False),
        ],
    )
    def test_statuses(self, status: TaskStatus, success: bool, completed: bool) -> None:
        earlier = done_before(CHAIN)
        earlier["T001"] = earlier["T001"]._replace(status=status, success=success)
        found = resume(explicit(CHAIN), earlier)
        assert ("T001" in found.completed) is completed
        assert found.completed >= {"T002", "T003", "T004", "T005"}
        assert again(found) == {}

    def test_a_changed_task_and_those_that_need_it(self) -> None:
        found = resume(explicit(CHAIN.replace("T002 b", "T002 other")), done_before(CHAIN))
        assert found.completed == {"T001", "T004"}
        assert again(found) == {
            "T002": "its text changed",
            "T003": "it depends on T002, which runs again",
            "T005": "it depends on T003, which runs again",
        }

    def test_by_way_of_one_that_had_not_completed(self) -> None:
        found = resume(explicit(CHAIN.replace("T001 a", "T001 A")), done_before(CHAIN, without=["T002"]))
        assert found.completed == {"T004"}
        assert again(found)["T003"] == "it depends on T002, which runs again"
        assert "T002" not in found.again

    def test_what_is_ticked_is_done_and_stops_it(self) -> None:
        text = CHAIN.replace("T001 a", "T001 other").replace("[ ] T002 b", "[x] T002 other")
        found = resume(explicit(text), done_before(CHAIN))
        assert found.completed == {"T002", "T003", "T004", "T005"}
        assert again(found) == {"T001": "its text changed"}

    def test_the_order_mode_does_not_count(self) -> None:
        text = "- [ ] T001 a\n- [ ] T002 b\n"
        plan = make_plan(
            parse_tasks(text.replace("T001 a", "T001 A"), Path("tasks.md"), "tasks.md"), "phases"
        )
        assert plan.after["T002"] == ("T001",)
        assert resume(plan, done_before(text)).completed == {"T002"}

    def test_named_tasks_and_only_they(self) -> None:
        text = CHAIN.replace("[ ] T004", "[x] T004")
        found = resume(explicit(text), done_before(text, without=["T004"]), ["T002", "T004"])
        assert found.completed == {"T001", "T003", "T005"}
        asked = "asked for with --moderator-rerun"
        assert again(found) == {"T002": asked, "T004": asked}

    def test_one_that_is_named_but_had_not_completed(self) -> None:
        found = resume(explicit(CHAIN), done_before(CHAIN, without=["T002"]), ["T002"])
        assert (len(found.completed), again(found)) == (4, {})

    def test_one_that_is_named_and_has_changed(self) -> None:
        found = resume(explicit(CHAIN.replace("T003 c", "T003 C")), done_before(CHAIN), ["T003"])
        assert again(found) == {
            "T003": "its text changed",
            "T005": "it depends on T003, which runs again",
        }

    def test_tasks_that_came_and_went(self) -> None:
        text = CHAIN.replace("- [ ] T004 d\n", "- [ ] T006 new\n").replace("T004, T003", "T003")
        found = resume(explicit(text), done_before(CHAIN))
        assert found.completed == {"T001", "T002", "T003"}
        assert again(found) == {"T005": "its text changed"}


class TestGroups:
    def test_a_sub_task_changed(self) -> None:
        found = resume(explicit(KIRO.replace("`a`", "`A`")), done_before(KIRO))
        assert found.completed == {"1.2", "3"}
        assert again(found) == {
            "1": "its sub-task 1.1 runs again",
            "1.1": "its text changed",
            "2": "it depends on 1, which runs again",
        }

    def test_a_sub_task_is_new(self) -> None:
        text = KIRO.replace("- [ ] 2.", "  - [ ] 1.3 Three\n    - run: `c`\n- [ ] 2.")
        found = resume(explicit(text), done_before(KIRO))
        assert found.completed == {"1.1", "1.2", "3"}
        assert again(found) == {
            "1": "its sub-task 1.3 is new",
            "2": "it depends on 1, which runs again",
        }

    def test_a_new_sub_task_that_is_done_already(self) -> None:
        text = KIRO.replace("- [ ] 2.", "  - [x] 1.3 Three\n    - run: `c`\n- [ ] 2.")
        assert again(resume(explicit(text), done_before(KIRO))) == {}

    def test_a_sub_task_had_not_completed(self) -> None:
        """An optional one, say: the group waits for it again, but nobody who needs the group does."""
        earlier = done_before(KIRO)
        earlier["1.2"] = Earlier(TaskStatus.FAILED, earlier["1.2"].fingerprint, success=False)
        found = resume(explicit(KIRO), earlier)
        assert found.completed == {"1.1", "2", "3"}
        assert again(found) == {"1": "its sub-task 1.2 runs"}

    def test_a_group_is_named_for_its_sub_tasks(self) -> None:
        asked = "asked for with --moderator-rerun"
        found = resume(explicit(KIRO), done_before(KIRO), ["1"])
        assert again(found) == {"1": asked, "1.1": asked, "1.2": asked}
        found = resume(explicit(KIRO), done_before(KIRO), ["1.1"])
        assert again(found) == {"1": "its sub-task 1.1 runs again", "1.1": asked}

    def test_a_group_that_is_ticked_is_done(self) -> None:
        found = resume(explicit(KIRO.replace("[ ] 1. ", "[x] 1. ").replace("`a`", "`A`")), done_before(KIRO))
        assert found.completed == {"1", "1.2", "2", "3"}

    def test_groups_in_groups(self) -> None:
        text = "- [ ] 1. A\n  - [ ] 1.1 B\n    - [ ] 1.1.1 C\n      - run: `c`\n"
        asked = "asked for with --moderator-rerun"
        found = resume(explicit(text), done_before(text), ["1.1.1"])
        assert again(found) == {
            "1": "its sub-task 1.1 runs again",
            "1.1": "its sub-task 1.1.1 runs again",
            "1.1.1": asked,
        }
        assert set(resume(explicit(text), done_before(text), ["1"]).again) == {"1", "1.1", "1.1.1"}


class TestNames:
    def test_an_id_that_no_task_has(self) -> None:
        with pytest.raises(ModeratorError) as caught:
            resume(explicit(CHAIN), {}, ["T001", "T0O2", "nobody"])
        assert str(caught.value).splitlines() == [
            "--moderator-rerun: no task has the id 'T0O2'; did you mean 'T002'?",
            "--moderator-rerun: no task has the id 'nobody'; 'moderator plan' lists all",
        ]

    def test_more_than_one_file(self) -> None:
        plans = {
            "a.md": explicit("- [ ] T001 a\n- [ ] T002 b\n"),
            "b/c.md": explicit("- [ ] T002 a\n- [ ] T003 b\n"),
        }
        assert rerun_by_file(["T002", "b/c.md::T003", "T001"], plans) == {
            "a.md": {"T001", "T002"},
            "b/c.md": {"T002", "T003"},
        }
        with pytest.raises(ModeratorError, match=r"'b/c\.md::T001'; did you mean 'T001'\?"):
            rerun_by_file(["b/c.md::T001"], plans)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, list[int]], dict[int, str], set[int]]:
    """Give who needs whom, what became of each in the earlier run, and whose text has changed."""
    count = draw(st.integers(1, 9))
    needs = {
        i: draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3)) if i else [] for i in range(count)
    }
    states = {
        i: draw(st.sampled_from(["completed", "completed", "failed", "ticked", "new"])) for i in range(count)
    }
    return needs, states, {i for i in range(count) if draw(st.integers(0, 3)) == 0}


def text_of(
    needs: dict[int, list[int]], states: dict[int, str], changed: Collection[int], order: list[int]
) -> str:
    def line(i: int) -> str:
        on = ", ".join(f"T{other:03}" for other in needs[i])
        box = "x" if states[i] == "ticked" else " "
        words = "other" if i in changed else "words"
        return f"- [{box}] T{i:03} {words}{f' (depends on {on})' if on else ''}\n"

    return "".join(map(line, order))


@given(graphs(), st.randoms(use_true_random=False), st.sets(st.integers(0, 8), max_size=2))
def test_what_runs_again_is_all_that_has_to_and_no_more(
    graph: tuple[dict[int, list[int]], dict[int, str], set[int]], chance: random.Random, named: set[int]
) -> None:
    needs, states, changed = graph
    order = list(needs)
    before = prints_of(text_of(needs, states, (), order))
    earlier = {
        f"T{i:03}": Earlier(
            TaskStatus.COMPLETED if states[i] == "completed" else TaskStatus.FAILED,
            before[f"T{i:03}"],
            states[i] == "completed",
        )
        for i in order
        if states[i] in ("completed", "failed")
    }
    chance.shuffle(order)
    named &= needs.keys()
    found = resume(explicit(text_of(needs, states, changed, order)), earlier, [f"T{i:03}" for i in named])

    # by the definition: who is behind a changed one that had completed, past nobody who is ticked
    affected: set[int] = set()
    for i in needs:  # prerequisites come first
        if states[i] == "ticked":
            continue
        if (i in changed and states[i] == "completed") or affected & set(needs[i]):
            affected.add(i)
    was_done = {i for i in needs if states[i] in ("completed", "ticked")}
    expected = {i for i in was_done if i in affected or i in named}
    assert set(found.again) == {f"T{i:03}" for i in expected}
    assert found.completed == {f"T{i:03}" for i in was_done - expected}
    assert list(found.again) == [f"T{i:03}" for i in order if i in expected]
    for task_id, reason in found.again.items():
        i = int(task_id[1:])
        if i in changed and states[i] == "completed":
            assert reason == "its text changed"
        elif i in affected:
            assert reason in {f"it depends on T{o:03}, which runs again" for o in needs[i] if o in affected}
        else:
            assert reason == "asked for with --moderator-rerun"


class TestCheckpoints:
    TEXT = "## A\n- [ ] T001 a\n- [ ] T002 b\n## B\n- [ ] T003 c\n"

    def resumed(
        self, text: str, *, earlier: str = TEXT, rerun: Collection[str] = (), **was: str
    ) -> Resumption:
        def plan(text: str) -> ExecutionPlan:
            rules = (PhaseRule("A", ("true",)), PhaseRule("B", ("true",)))
            file = parse_tasks(text, Path("tasks.md"), "tasks.md")
            return make_plan(with_checkpoints(file, Settings(phases=rules))[0], "phases")

        before = {
            name: Earlier(TaskStatus(was.get(name, "completed")), found, name not in was)
            for name, found in plan(earlier).fingerprints.items()
        }
        return resume(plan(text), before, rerun)

    def test_what_has_passed_is_done(self) -> None:
        assert self.resumed(self.TEXT).completed == {"T001", "T002", "verify-a", "T003", "verify-b"}

    @pytest.mark.parametrize(
        ("old", "new", "again"),
        [
            (
                "T002 b",
                "T002 other",
                {"T002": "its text changed", "verify-a": "it depends on T002, which runs again"},
            ),
            ("T002 b\n", "T002 b\n- [ ] T004 new\n", {"verify-a": "its text changed"}),
        ],
    )
    def test_one_runs_again_with_its_phase(self, old: str, new: str, again: dict[str, str]) -> None:
        assert self.resumed(self.TEXT.replace(old, new)).again == again

    def test_a_task_that_is_asked_for_has_its_phase_verified(self) -> None:
        assert self.resumed(self.TEXT, rerun=["T001"]).again == {
            "T001": "asked for with --moderator-rerun",
            "verify-a": "T001 of its phase runs again",
        }

    def test_one_that_did_not_come_to_its_end_has_so_too(self) -> None:
        assert self.resumed(self.TEXT, T002="failed").again == {"verify-a": "T002 of its phase runs"}
