"""The nouns: what they promise, and the way to JSON and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.errors import AggregateExecutionError, ModeratorError, TaskFailedError, TasksFileError
from pytest_moderator.model import (
    Command,
    ErrorCategory,
    ExecutionContext,
    ExecutionReport,
    IsolationLevel,
    Problem,
    Severity,
    Task,
    TaskResult,
    TaskStatus,
    Usage,
)

TEXT = st.text(max_size=8)
NAMES = st.lists(TEXT, max_size=3).map(tuple)
NUMBERS = st.floats(min_value=0.001, max_value=1e9)
MAPPINGS = st.dictionaries(TEXT, TEXT, max_size=2)

tasks = st.builds(
    Task,
    id=TEXT,
    title=TEXT,
    line=st.integers(1, 9999),
    phase=st.none() | TEXT,
    parent=st.none() | TEXT,
    done=st.booleans(),
    story=st.none() | TEXT,
    depends_on=NAMES,
    wave=st.none() | st.integers(0, 9),
    files=NAMES,
    commands=st.lists(st.builds(Command, TEXT, TEXT, st.integers(1, 99)), max_size=2).map(tuple),
    verify=NAMES,
    timeout=st.none() | NUMBERS,
    retries=st.none() | st.integers(0, 9),
    isolation=st.none() | st.sampled_from(IsolationLevel),
    refresh=st.none() | TEXT,
    reduced=MAPPINGS,
    env=MAPPINGS,
    secrets=NAMES,
    fixtures=NAMES,
    resources=NAMES,
    memory=st.none() | st.integers(1, 2**40),
    notes=MAPPINGS,
)
results = st.builds(
    TaskResult,
    task=tasks,
    exit_code=st.integers(-15, 255),
    stdout=TEXT,
    duration_seconds=NUMBERS,
    artifacts_path=st.none() | st.sampled_from([Path("a"), Path("/b/c")]),
    error_message=st.none() | TEXT,
    status=st.sampled_from(TaskStatus),
    cpu_seconds=st.none() | NUMBERS,
    max_rss_bytes=st.none() | st.integers(0, 2**40),
    blocked_by=NAMES,
    usage=st.none() | st.builds(Usage, st.none() | NUMBERS, turns=st.none() | st.integers(0, 99)),
    category=st.none() | st.sampled_from(list(map(str, ErrorCategory))),
)
contexts = st.builds(
    ExecutionContext,
    project_id=TEXT,
    working_directory=st.sampled_from([Path("a"), Path("/b/c")]),
    git_branch=st.none() | TEXT,
    state_dir=st.sampled_from([Path("a"), Path("/b/c")]),
    isolation_level=st.sampled_from(IsolationLevel),
)


@given(st.one_of(tasks, results, contexts))
def test_by_way_of_json_and_back(noun):
    assert type(noun).from_dict(json.loads(json.dumps(noun.to_dict()))) == noun


@given(tasks)
def test_equal_tasks_have_one_hash(task):
    assert hash(Task.from_dict(task.to_dict())) == hash(task)


def test_a_task_reads_what_a_newer_version_wrote_and_what_leaves_things_open():
    task = Task.from_dict({"id": "T1", "title": "Do", "line": 3, "colour": "red"})
    assert task == Task("T1", "Do", 3)


@pytest.mark.parametrize("name", ["id", "title", "line"])
def test_a_task_without_a_name_or_a_place_is_refused(name):
    data = {"id": "T1", "title": "Do", "line": 3}
    del data[name]
    with pytest.raises(KeyError, match=name):
        Task.from_dict(data)


def test_a_result_reads_what_a_newer_version_wrote_and_what_leaves_things_open():
    task = Task("T1", "Do", 3)
    assert TaskResult.from_dict({"task": task.to_dict(), "colour": "red"}) == TaskResult(task)


def test_usage_adds_up():
    first = Usage(cost_usd=1.5, input_tokens=10, session_id="one")
    second = Usage(cost_usd=0.5, output_tokens=3, turns=2)
    assert first.plus(second) == Usage(2.0, 10, 3, 2, "one")
    assert second.plus(first).session_id == "one"
    assert first.plus(Usage(session_id="two")).session_id == "two"
    assert Usage().plus(Usage()) == Usage()


def test_wrong_results_and_contexts_are_refused():
    task = Task("T1", "Do", 3)
    with pytest.raises(ValueError, match="vanished"):
        TaskResult.from_dict({"task": task.to_dict(), "status": "vanished"})
    with pytest.raises(KeyError, match="task"):
        TaskResult.from_dict({})
    with pytest.raises(KeyError, match="state_dir"):
        ExecutionContext.from_dict({"project_id": "p", "working_directory": "w", "git_branch": None})
    with pytest.raises(ValueError, match="island"):
        ExecutionContext.from_dict(
            ExecutionContext("p", Path("w"), None, Path("s")).to_dict() | {"isolation_level": "island"}
        )


def test_a_context_names_the_place_of_a_task():
    base = ExecutionContext("p", Path("/w"), "main", Path("/s"))
    assert base.create_isolated_context("T1", IsolationLevel.NONE) is base
    place = base.create_isolated_context("T1", IsolationLevel.FULL)
    assert place.isolation_level is IsolationLevel.FULL
    assert place.working_directory != base.working_directory


@pytest.mark.parametrize(
    ("status", "ended", "success", "success_if_done"),
    [
        (TaskStatus.PENDING, False, False, False),
        (TaskStatus.RUNNING, False, False, False),
        (TaskStatus.PAUSED, False, False, False),
        (TaskStatus.COMPLETED, True, True, True),
        (TaskStatus.FAILED, True, False, False),
        (TaskStatus.SKIPPED, True, False, True),
    ],
)
def test_what_a_status_means(status, ended, success, success_if_done):
    assert status.ended is ended
    assert TaskResult(Task("T1", "Do", 1), status=status).success is success
    assert TaskResult(Task("T1", "Do", 1, done=True), status=status).success is success_if_done


def test_status_and_levels_are_their_words():
    assert [str(status) for status in TaskStatus] == [
        "pending",
        "running",
        "paused",
        "completed",
        "failed",
        "skipped",
    ]
    assert [str(level) for level in IsolationLevel] == ["none", "directory", "branch", "full"]


def report(*seconds, wall):
    outcomes = tuple(TaskResult(Task(f"T{s}", "Do", 1), duration_seconds=s) for s in seconds)
    return ExecutionReport("r", "tasks.md", "phases", 2, "", "", wall, outcomes)


def test_a_report_sums_up():
    assert report(2.0, 4.0, wall=3.0).busy_seconds == 6
    assert report(2.0, 4.0, wall=3.0).speed_up == 2
    assert report(wall=3.0).speed_up is None
    assert report(1.0, wall=0.0).speed_up is None


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            Problem(Severity.ERROR, "duplicate-id", "T1 is twice", "rename one", "tasks.md", 4),
            "tasks.md:4: error duplicate-id: T1 is twice (rename one)",
        ),
        (Problem(Severity.WARNING, "odd", "odd", path="tasks.md"), "tasks.md: warning odd: odd"),
    ],
)
def test_a_problem_says_what_where_and_what_to_do(problem, text):
    assert str(problem) == text
    assert problem.to_dict()["message"] == problem.message


def test_errors_carry_what_they_are_about():
    task = Task("T1", "Do", 1)
    failed = [TaskResult(task, n, status=TaskStatus.FAILED) for n in range(1, 8)]
    assert str(AggregateExecutionError(failed[:2])) == "all 2 tasks failed: T1: exit code 1; T1: exit code 2"
    assert str(AggregateExecutionError(failed)).endswith("T1: exit code 5; and 2 more")
    assert AggregateExecutionError(failed).results == tuple(failed)
    assert str(TaskFailedError(failed[2])) == "T1 failed: exit code 3"
    assert str(TaskFailedError(TaskResult(task, error_message="boom"))) == "T1 failed: boom"
    problems = [Problem(Severity.ERROR, code, "m", path="t.md", line=1) for code in ("a", "b")]
    assert str(TasksFileError(problems)) == "t.md:1: error a: m\nt.md:1: error b: m"
    assert issubclass(TasksFileError, ModeratorError)
