"""What every process of a run is told at its start."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest

from pytest_moderator.handout import FileHandout, Handout, hand_out, nodeid_of
from pytest_moderator.model import IsolationLevel, Rule, Task, TaskKind
from pytest_moderator.plan import make_plan
from pytest_moderator.tasksfile import parse_tasks

TEXT = """\
- [ ] 1. All
  - [ ] 1.1 One
    - timeout: 5s
    - retries: 2
    - env: A=mine
    - fixtures: database
    - secrets: KEY
    - isolation: none
    - run: `true`
  - [x] 1.2 Zwei: „ä“
"""
SETTINGS = SimpleNamespace(
    timeout=60.0,
    retries=1,
    isolation=IsolationLevel.DIRECTORY,
    env={"A": "all", "B": "all"},
    fixtures=("clock", "database"),
    secrets=("TOKEN",),
    backend="shell",
    routing=True,
    rules=(Rule("python", task_type=(TaskKind.TESTING,), paths=("src/*",), number=1, path="m.yaml", line=3),),
    fallbacks=MappingProxyType({"shell": ("python",)}),
    grace=3.0,
    output_limit=1000,
    state_dir=Path(".moderator"),
    with_deps=True,
    backends={"claude": {"type": "claude", "idle_timeout": 5.0}},
    refresh="renew",
    reduced=MappingProxyType({"JOBS": "1"}),
    memory=2**30,
    events=Path("/run/events"),
    json=None,
)

ROUTER = SimpleNamespace(unavailable={"shell": "no such shell"})


@pytest.fixture
def handout(tmp_path):
    tasks_file = parse_tasks(TEXT, tmp_path / "sub" / "tasks.md", "tasks.md")
    return hand_out([prepared(tasks_file)], run_id="r1", root=tmp_path)


def prepared(tasks_file, **settings):
    return SimpleNamespace(
        tasks_file=tasks_file,
        settings=SimpleNamespace(**{**vars(SETTINGS), **settings}),
        plan=make_plan(tasks_file),
        router=ROUTER,
        backend_of=lambda task: "claude" if task.id == "1.2" else None,
    )


@pytest.mark.parametrize("stated", [1, None])
def test_the_number_of_retries_of_a_task_its_backend_or_all(tmp_path, stated):
    tasks_file = parse_tasks(TEXT, tmp_path / "tasks.md", "tasks.md")
    entry = prepared(tasks_file, retries=stated, backends={"claude": {"retries": 0}, "shell": {}})
    tasks = hand_out([entry], run_id="r1", root=tmp_path).files[0].tasks
    assert {task.id: task.retries for task in tasks} == {"1": stated, "1.1": 2, "1.2": 0}


def test_settings_fill_in_what_tasks_leave_open(handout):
    assert {name: getattr(handout.files[0].by_id["1.2"], name) for name in ("timeout", "retries")} == {
        "timeout": 60,
        "retries": 1,
    }
    one, two = handout.files[0].by_id["1.1"], handout.files[0].by_id["1.2"]
    assert (one.timeout, one.retries, one.isolation) == (5, 2, IsolationLevel.NONE)
    assert (one.env, one.fixtures) == ({"A": "mine", "B": "all"}, ("clock", "database"))
    assert (one.secrets, two.secrets) == (("TOKEN", "KEY"), ("TOKEN",))
    assert handout.secrets == {"TOKEN", "KEY"}
    assert (two.isolation, two.env) == (IsolationLevel.DIRECTORY, {"A": "all", "B": "all"})


def test_says_where_everything_is(handout, tmp_path):
    file = handout.files[0]
    assert (file.nodeid, file.path) == ("sub/tasks.md", tmp_path / "sub" / "tasks.md")
    assert file.groups == {"1"}
    assert (file.backend, file.routing, file.grace, file.output_limit) == ("shell", True, 3, 1000)
    assert handout.directory == tmp_path / ".moderator" / "runs" / "r1"
    assert handout.with_deps
    assert (file.refresh, file.reduced, file.memory) == ("renew", {"JOBS": "1"}, 2**30)
    assert file.backends == {"claude": {"type": "claude", "idle_timeout": 5.0}}
    assert handout.written == (Path("/run/events"),)
    place = handout.context
    assert (place.working_directory, place.git_branch) == (tmp_path, "moderator/r1")


def test_tasks_are_found_by_node_id(handout):
    file = handout.files[0]
    assert handout.find("sub/tasks.md::1.1") == (file, file.by_id["1.1"])
    assert handout.find("sub/tasks.md::9") is None
    assert handout.find("1.1") is None


def test_arrives_in_another_process_as_it_was(handout):
    handout.find("")  # what is remembered is not passed on
    assert handout.files[0].by_id
    again = Handout.from_json(handout.to_json())
    assert again == handout
    assert again.find("sub/tasks.md::1.2")[1].title == handout.files[0].by_id["1.2"].title


def test_ids_of_more_than_one_file_are_ambiguous():
    def file(name, *ids):
        tasks = tuple(Task(task_id, "Do", 1) for task_id in ids)
        return FileHandout(name, Path(name), tasks, frozenset(), None, False, 1.0, 1)

    files = (file("a", "T1", "T2"), file("b", "T2", "T3"), file("c", "T3", "T4"))
    handout = Handout("r", Path(), Path(), with_deps=False, files=files)
    assert handout.ambiguous == {"T2", "T3"}


def test_names_files_as_pytest_does(tmp_path):
    assert nodeid_of(tmp_path / "a" / "t.md", tmp_path) == "a/t.md"
    assert nodeid_of(tmp_path / "t.md", tmp_path / "a") == "../t.md"
