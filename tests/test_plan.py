"""Who waits for whom, in each of the order modes, and what else a plan tells."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import FEATURE, plan_of, said, waits

from pytest_moderator.graph import find_cycles
from pytest_moderator.plan import ORDERS, make_plan
from pytest_moderator.tasksfile import parse_tasks


class TestPhases:
    def test_rows_of_parallel_tasks_between_others(self):
        plan = plan_of(FEATURE)
        assert plan.problems == ()
        assert waits(plan) == {
            "T001": set(),
            "T002": {"T001"},
            "T003": {"T001"},
            "T004": {"T002", "T003"},
            "T005": {"T004"},
            "T006": {"T004"},
            "T007": {"T005", "T006"},
            "T008": {"T007"},
            "T009": {"T008"},
        }
        assert plan.levels == (
            ("T001",),
            ("T002", "T003"),
            ("T004",),
            ("T005", "T006"),
            ("T007",),
            ("T008",),
            ("T009",),
        )

    def test_reasons(self):
        plan = plan_of(FEATURE.replace("Page", "Page (depends on T005)"))
        assert plan.reasons("T001") == {}
        assert plan.reasons("T004") == {"T002": "order", "T003": "order"}
        assert plan.reasons("T007") == {"T005": "phase", "T006": "phase"}
        assert plan.reasons("T008") == {"T005": "depends on", "T007": "order"}

    def test_tasks_that_wait_for_the_same_share_one_tuple(self):
        plan = plan_of(FEATURE)
        assert plan.after["T005"] is plan.after["T006"]

    def test_a_forward_dependency_inside_a_phase_moves_the_task_behind_it(self):
        plan = plan_of("- [ ] T1 a (depends on T3)\n- [ ] T2 b\n- [ ] T3 c\n- [ ] T4 d\n")
        assert plan.problems == ()
        assert plan.levels == (("T2",), ("T3",), ("T1",), ("T4",))

    def test_a_dependency_inside_a_row(self):
        plan = plan_of("- [ ] T1 [P] a (depends on T2)\n- [ ] T2 [P] b\n- [ ] T3 [P] c\n")
        assert plan.levels == (("T2", "T3"), ("T1",))

    def test_a_moved_parallel_task_joins_the_row_where_it_comes_to_stand(self):
        plan = plan_of("- [ ] T1 [P] a (depends on T2)\n- [ ] T2 b\n- [ ] T3 [P] c\n")
        assert plan.levels == (("T2",), ("T1", "T3"))

    def test_a_later_phase_is_impossible(self):
        text = FEATURE.replace("View", "View (depends on T008)")
        plan = plan_of(text)
        assert said(plan) == [
            (
                "impossible-phase",
                9,
                (
                    "T006 depends on T008, which order 'phases' puts behind it: "
                    "phase 'Phase 2: User Story 1' comes before phase 'Phase 3: User Story 2'"
                ),
            )
        ]
        assert plan.problems[0].hint == "move T006 or T008 to another phase, or set 'order: explicit'"
        assert plan.depends_on["T006"] == ()
        assert plan_of(text, "explicit").problems == ()

    def test_phases_of_one_name_stay_apart(self):
        plan = plan_of("## A\n- [ ] T1 a\n\n## B\n- [ ] T2 b\n\n## A\n- [ ] T3 c\n")
        assert plan.levels == (("T1",), ("T2",), ("T3",))


class TestStories:
    def test_stand_beside_each_other_between_the_rest(self):
        plan = plan_of(FEATURE, "stories")
        assert plan.problems == ()
        assert waits(plan) == {
            **waits(plan_of(FEATURE)),
            "T005": {"T004"},
            "T006": {"T004"},
            "T007": {"T004"},
            "T009": {"T005", "T006", "T008"},
        }
        assert plan.reasons("T007") == {"T004": "phase"}

    @pytest.mark.parametrize(
        ("statement", "starts"),
        [
            ("US2 depends on US1", {"T1": set(), "T2": {"T1"}, "T3": set()}),
            ("US1 depends on US3", {"T1": {"T3"}, "T2": set(), "T3": set()}),
            ("US1 depends on US2, US3", {"T1": {"T2", "T3"}, "T2": set(), "T3": set()}),
            ("US1 depends on US9", {"T1": set(), "T2": set(), "T3": set()}),
        ],
    )
    def test_statements_count_in_both_directions(self, statement, starts):
        phases = "".join(f"## User Story {n}\n- [ ] T{n} [US{n}] Do\n\n" for n in (1, 2, 3))
        plan = plan_of(f"{phases}## Dependencies\n- {statement}\n", "stories")
        assert plan.problems == ()
        assert waits(plan) == starts
        assert set(plan.reasons("T1").values()) <= {"story"}

    def test_the_phases_of_one_story_follow_each_other_and_end_with_the_last(self):
        text = (
            "## US1 backend\n- [ ] T1 a\n\n## US2\n- [ ] T2 b\n\n## US1 frontend\n- [ ] T3 c\n\n"
            "## Polish\n- [ ] T4 d\n\n## Dependencies\n- US2 depends on US1\n"
        )
        tasks_file = parse_tasks(text, Path("tasks.md"), "tasks.md")._replace(story_depends={"US2": ("US1",)})
        plan = make_plan(tasks_file, "stories")
        assert waits(plan) == {"T1": set(), "T3": {"T1"}, "T2": {"T3"}, "T4": {"T2", "T3"}}
        assert plan.reasons("T3") == {"T1": "phase"}

    def test_stories_that_wait_for_the_same_share_one_tuple(self):
        phases = "".join(f"## User Story {n}\n- [ ] T{n} [US{n}] Do\n\n" for n in range(1, 6))
        tasks_file = parse_tasks(phases, Path("tasks.md"), "tasks.md")
        depends = {"US3": ("US1", "US2"), "US4": ("US1", "US2"), "US5": ("US1",)}
        plan = make_plan(tasks_file._replace(story_depends=depends), "stories")
        assert plan.after["T3"] is plan.after["T4"]
        assert plan.after["T3"] == ("T1", "T2")

    def test_a_cycle_of_stories_is_named(self):
        text = "## US1\n- [ ] T1 [US1] a\n\n## US2\n- [ ] T2 [US2] b\n"
        tasks_file = parse_tasks(text, Path("tasks.md"), "tasks.md")._replace(
            story_depends={"US1": ("US2",), "US2": ("US1",)}
        )
        plan = make_plan(tasks_file, "stories")
        assert said(plan) == [("cycle", 1, "stories depend on each other: US1 -> US2 -> US1")]
        assert find_cycles(plan.depends_on, plan.after) == []
        assert make_plan(tasks_file).problems == ()

    def test_a_story_behind_a_phase_that_waits_for_all_is_impossible(self):
        text = "## US1\n- [ ] T1 [US1] a\n\n## Review\n- [ ] T2 b\n\n## US2\n- [ ] T3 [US2] c\n"
        tasks_file = parse_tasks(text, Path("tasks.md"), "tasks.md")._replace(story_depends={"US1": ("US2",)})
        plan = make_plan(tasks_file, "stories")
        assert said(plan) == [
            ("impossible-phase", 1, "US1 depends on US2, but a phase between them waits for US1")
        ]
        assert waits(plan) == {"T1": set(), "T2": {"T1"}, "T3": {"T2"}}

    def test_tasks_of_two_stories_that_hold_each_other_up(self):
        text = "## US1\n- [ ] T1 a (depends on T3)\n- [ ] T2 b\n\n## US2\n- [ ] T3 c (depends on T2)\n- [ ] T4 d\n"
        plan = plan_of(text, "stories")
        assert said(plan) == [
            (
                "impossible-phase",
                2,
                (
                    "T1 depends on T3, which order 'stories' puts behind it: "
                    "phase 'US1' comes before phase 'US2'"
                ),
            )
        ]
        assert plan.depends_on["T3"] == ("T2",)


KIRO = """\
- [ ] 1. Foundations
  - [ ] 1.1 Model
  - [ ] 1.2 Store
- [ ] 2. Service
  - [ ] 2.1 Api
  - [ ] 2.2 Page

```json
{"waves": [{"id": 0, "tasks": ["1.1"]}, {"id": 1, "tasks": ["1.2", "2.1"]}, {"id": 2, "tasks": ["2.2"]}]}
```
"""


class TestExplicit:
    def test_only_what_is_stated(self):
        plan = plan_of(FEATURE.replace("Page", "Page (depends on T005, T002)"), "explicit")
        assert {task_id: needs for task_id, needs in waits(plan).items() if needs} == {
            "T008": {"T005", "T002"}
        }
        assert plan.priority["T005"] == 2

    def test_waves(self):
        plan = plan_of(KIRO, "explicit")
        assert plan.problems == ()
        assert waits(plan) == {
            "1": {"1.1", "1.2"},
            "1.1": set(),
            "1.2": {"1.1"},
            "2": {"2.1", "2.2"},
            "2.1": {"1.1"},
            "2.2": {"1.2", "2.1"},
        }
        assert plan.reasons("2.1") == {"1.1": "wave"}
        assert plan.after["1.2"] is plan.after["2.1"]

    def test_sub_tasks_are_in_the_wave_of_their_group(self):
        text = (
            KIRO[: KIRO.index("```")]
            + '```json\n{"waves": [{"id": 1, "tasks": ["2"]}, {"id": 0, "tasks": ["1"]}]}\n```\n'
        )
        plan = plan_of(text, "explicit")
        assert waits(plan)["2.1"] == {"1.1", "1.2"}
        assert waits(plan)["1"] == {"1.1", "1.2"}
        assert waits(plan)["1.1"] == set()

    def test_a_later_wave_is_impossible(self):
        plan = plan_of(KIRO.replace("1.1 Model", "1.1 Model (depends on 2.2)"), "explicit")
        assert said(plan) == [
            ("impossible-phase", 2, "1.1 depends on 2.2, which order 'explicit' puts behind it")
        ]
        assert plan.problems[0].hint == "move 1.1 or 2.2 to another wave, or remove the dependency"


class TestGroups:
    @pytest.mark.parametrize("order", ["phases", "stories"])
    def test_come_after_their_sub_tasks_and_before_the_next(self, order):
        plan = plan_of(KIRO, order)
        assert plan.groups == {"1", "2"}
        assert plan.levels == (("1.1",), ("1.2",), ("1",), ("2.1",), ("2.2",), ("2",))
        assert plan.reasons("1") == {"1.1": "sub-task", "1.2": "sub-task"}

    def test_of_groups(self):
        plan = plan_of("- [ ] 1. a\n  - [ ] 1.1 b\n    - [ ] 1.1.1 c\n    - [ ] 1.1.2 d\n", "explicit")
        assert waits(plan) == {"1": {"1.1"}, "1.1": {"1.1.1", "1.1.2"}, "1.1.1": set(), "1.1.2": set()}

    @pytest.mark.parametrize("key", ["run: `true`", "call: json:dumps", "backend: shell"])
    def test_a_parent_with_work_of_its_own_is_none(self, key):
        plan = plan_of(f"- [ ] 1. a\n  - {key}\n  - [ ] 1.1 b\n")
        assert plan.groups == set()
        assert plan.levels == (("1",), ("1.1",))

    def test_a_sub_task_may_state_to_come_after_its_group(self):
        plan = plan_of("- [ ] 1. a\n  - [ ] 1.1 b (depends on 1)\n  - [ ] 1.2 c\n", "explicit")
        assert plan.problems == ()
        assert waits(plan) == {"1": {"1.2"}, "1.1": {"1"}, "1.2": set()}

    def test_stand_in_the_last_phase_of_their_sub_tasks(self):
        plan = plan_of("## A\n- [ ] 1. a\n- [ ] 2. b\n\n## B\n- [ ] 1.1 c\n- [ ] 1.2 d\n\n## C\n- [ ] 3. e\n")
        assert plan.problems == ()
        assert plan.levels == (("2",), ("1.1",), ("1.2",), ("1",), ("3",))


class TestViews:
    def test_file_tasks_and_phases(self):
        plan = plan_of(FEATURE)
        assert plan.file == "tasks.md"
        assert len(plan.tasks) == 9
        assert [phase.line for phase in plan.phases] == [1, 7, 11, 15]

    def test_priority_in_hops(self):
        plan = plan_of(FEATURE)
        assert plan.priority["T001"] == 7
        assert plan.priority["T009"] == 1
        assert plan.critical_path == ("T001", "T002", "T004", "T005", "T007", "T008", "T009")

    def test_priority_by_estimates_and_the_usual_where_there_is_none(self):
        plan = plan_of(
            "- [ ] T1 a\n  - estimate: 10s\n- [ ] T2 b\n  - estimate: 30s\n"
            "- [ ] T3 c\n  - estimate: 1h\n- [ ] T4 d\n",
            "explicit",
        )
        assert plan.priority == {"T1": 10, "T2": 30, "T3": 3600, "T4": 30}
        assert plan.critical_path == ("T3",)

    def test_what_is_done_and_what_groups_takes_no_time(self):
        plan = plan_of("- [x] 1. a\n- [ ] 2. b\n  - [ ] 2.1 c\n  - [ ] 2.2 d\n")
        assert plan.priority == {"1": 2, "2.1": 2, "2.2": 1, "2": 0}
        assert plan.critical_path == ("2.1", "2.2")

    def test_conflicts(self):
        plan = plan_of(
            "- [ ] T1 Change src/a.py\n- [ ] T2 Change src/a.py and src/b.py\n- [ ] T3 Change src/b.py\n"
            "  - resources: gpu\n- [ ] T4 d\n  - resources: gpu\n- [ ] T5 e\n"
        )
        assert plan.locks["T3"] == ("file src/b.py", "resource gpu")
        assert [plan.conflicts(f"T{n}") for n in range(1, 6)] == [
            ("T2",),
            ("T1", "T3"),
            ("T2", "T4"),
            ("T3",),
            (),
        ]

    def test_added_dependencies(self):
        plan = plan_of("- [ ] T1 [P] a\n- [ ] T2 [P] b\n", added={"T1": ("T2",), "T9": ("T1",)})
        assert plan.levels == (("T2",), ("T1",))
        assert plan.reasons("T1") == {"T2": "depends on"}
        assert plan.by_id["T1"].depends_on == ("T2",)


@st.composite
def files(draw):
    size = draw(st.integers(1, 12))
    lines = []
    for number in range(size):
        if draw(st.integers(0, 3)) == 0:
            name = draw(st.sampled_from(["Setup", "User Story 1", "User Story 2", "User Story 3", "Polish"]))
            lines += ["", f"## {name}", ""]
        parallel = "[P] " if draw(st.booleans()) else ""
        needs = draw(st.lists(st.integers(0, size), unique=True, max_size=3))
        on = f" (depends on {', '.join(f'T{need:03}' for need in needs)})" if needs else ""
        lines.append(f"- [ ] T{number:03} {parallel}Do{on}")
    stories = st.sampled_from(["US1", "US2", "US3"])
    depends = draw(
        st.dictionaries(stories, st.lists(stories, unique=True, max_size=2).map(tuple), max_size=3)
    )
    tasks_file = parse_tasks("\n".join(lines), Path("tasks.md"), "tasks.md")
    waves = draw(st.lists(st.none() | st.integers(0, 3), min_size=size, max_size=size))
    tasks = tuple(replace(task, wave=wave) for task, wave in zip(tasks_file.tasks, waves, strict=True))
    return tasks_file._replace(tasks=tasks, story_depends=depends)


@given(files(), st.sampled_from(ORDERS))
@settings(max_examples=200, deadline=None)
def test_any_file_gives_a_plan_without_cycles(tasks_file, order):
    plan = make_plan(tasks_file, order)
    assert find_cycles({**dict.fromkeys(plan.by_id, ()), **plan.depends_on}, plan.after) == []
    place = {task_id: level for level, ids in enumerate(plan.levels) for task_id in ids}
    assert sorted(place) == sorted(plan.by_id)
    for task_id in plan.by_id:
        needs = plan.waits_for(task_id)
        assert place[task_id] == max((place[need] + 1 for need in needs), default=0)
        assert plan.reasons(task_id).keys() == set(needs)
        assert all(plan.priority[need] > plan.priority[task_id] for need in needs)
    if not plan.problems:
        stated = {task.id: set(task.depends_on) for task in plan.tasks}
        assert all(stated[task_id] <= set(plan.depends_on[task_id]) for task_id in plan.by_id)


@given(files())
@settings(max_examples=100, deadline=None)
def test_every_phase_ends_before_the_next_one_starts(tasks_file):
    plan = make_plan(tasks_file)
    place = {task_id: level for level, ids in enumerate(plan.levels) for task_id in ids}
    lines = sorted({task.phase_line for task in plan.tasks})
    ranges = [[place[task.id] for task in plan.tasks if task.phase_line == line] for line in lines]
    assert all(max(one) < min(other) for one, other in pairwise(ranges))
