"""What makes a plan impossible, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plans import FEATURE, plan_of, said, waits

from pytest_moderator.model import Severity
from pytest_moderator.plan import ORDERS, make_plan


class TestProblems:
    def test_a_dependency_on_itself(self):
        plan = plan_of("# Tasks\n- [ ] T001 a (depends on T001)\n")
        assert said(plan) == [("self-dependency", 2, "T001 depends on itself")]

    def test_the_whole_cycle_is_named(self):
        plan = plan_of(
            "- [ ] T1 a (depends on T3)\n- [ ] T2 b (depends on T1)\n"
            "- [ ] T3 c (depends on T2)\n- [ ] T4 d (depends on T2)\n"
        )
        assert said(plan) == [("cycle", 1, "tasks depend on each other: T1 -> T3 -> T2 -> T1")]
        assert plan.problems[0].hint == (
            "remove one of these dependencies: T1 at line 1, T3 at line 3, T2 at line 2"
        )
        assert plan.depends_on["T4"] == ("T2",)

    @pytest.mark.parametrize("order", ORDERS)
    def test_all_cycles_at_once(self, order):
        plan = plan_of(
            "- [ ] T1 a (depends on T2, T3)\n- [ ] T2 b (depends on T1)\n- [ ] T3 c (depends on T1)\n"
            "- [ ] T4 d (depends on T5, T1)\n- [ ] T5 e (depends on T4)\n",
            order,
        )
        assert [problem.message.partition(": ")[2] for problem in plan.problems] == [
            "T1 -> T2 -> T1",
            "T1 -> T3 -> T1",
            "T4 -> T5 -> T4",
        ]

    @pytest.mark.parametrize(
        ("need", "hint"),
        [
            ("build-ap", "did you mean build-app?"),
            ("build-aapp", "did you mean build-app?"),
            ("build_app", "did you mean build-app?"),
            ("BUILD-APP2", "did you mean build-app?"),
            ("biuld-app", "did you mean build-app?"),
            ("test-apps", "did you mean test-app?"),
            ("deploy", "name a task of this file, or remove it"),
        ],
    )
    def test_an_unknown_dependency(self, need, hint):
        plan = plan_of("- [ ] T1 a\n- [ ] T2 b\n", added={"T2": (need,)})
        renamed = [
            replace(task, id=name) for task, name in zip(plan.tasks, ("build-app", "test-app"), strict=True)
        ]
        plan = make_plan(plan.tasks_file._replace(tasks=tuple(renamed)))
        assert said(plan) == [
            ("unknown-dependency", 2, f"test-app depends on {need}, which no task has as its id")
        ]
        assert plan.problems[0].hint == hint

    def test_of_several_near_ids_the_one_that_begins_alike(self):
        plan = plan_of("".join(f"- [ ] T{n:03} a\n" for n in range(1, 51)), added={"T001": ("T051",)})
        assert plan.problems[0].hint == "did you mean T050?"

    def test_all_at_once_and_all_errors(self):
        plan = plan_of(
            "## A\n- [ ] T1 a (depends on T1, T99)\n- [ ] T2 b (depends on T3)\n- [ ] T3 c (depends on T2)\n"
            "- [ ] T4 d (depends on T5)\n\n## B\n- [ ] T5 e\n"
        )
        assert [problem.code for problem in plan.problems] == [
            "self-dependency",
            "unknown-dependency",
            "cycle",
            "impossible-phase",
        ]
        assert {problem.severity for problem in plan.problems} == {Severity.ERROR}
        assert {problem.path for problem in plan.problems} == {"tasks.md"}

    def test_an_unknown_order(self):
        with pytest.raises(ValueError, match="'chaos' is none of phases, stories, explicit"):
            plan_of(FEATURE, "chaos")

    def test_of_twins_the_first_counts(self):
        plan = plan_of("- [ ] T1 Change a.py\n- [ ] T1 Change b.py\n- [ ] T2 c\n")
        assert waits(plan) == {"T1": set(), "T2": {"T1"}}
        assert plan.locks["T1"] == ("file a.py",)
        assert len(plan.tasks) == 3

    def test_of_nothing(self):
        plan = plan_of("")
        assert (plan.levels, plan.critical_path, plan.priority, plan.problems) == ((), (), {}, ())
