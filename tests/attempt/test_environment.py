"""What a task finds in its environment, and what it does not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import TASK_VARIABLES, task_environment
from pytest_moderator.attempt.environment import given_names
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Task

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext

TASK = Task("T001", "Say hello", 3, phase="Setup")


def test_a_task_is_told_about_itself(place: AttemptContext) -> None:
    environment = task_environment(
        TASK, dataclasses.replace(place, run_id="run-1", attempt=2, worker="gw1"), base={}
    )
    assert environment == {
        "MODERATOR_TASK_ID": "T001",
        "MODERATOR_TASK_TITLE": "Say hello",
        "MODERATOR_PHASE": "Setup",
        "MODERATOR_RUN_ID": "run-1",
        "MODERATOR_WORKER_ID": "gw1",
        "MODERATOR_ATTEMPT": "2",
        "MODERATOR_REDUCED": "",
        "MODERATOR_WORKSPACE": str(place.workspace),
        "MODERATOR_ARTIFACTS": str(place.artifacts),
        "MODERATOR_TASKS_FILE": str(place.tasks_file),
        "MODERATOR_WORKER_DIR": str(place.worker_directory),
        "MODERATOR_ATTEMPT_MARK": "run-1:T001:2",
        "TMPDIR": str(place.worker_directory),
        "PWD": str(place.working_directory),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
    }
    assert set(environment) >= TASK_VARIABLES


def test_who_wins(place: AttemptContext) -> None:
    base = {"A": "run", "B": "run", "C": "run", "GIT_EDITOR": "vi"}
    task = dataclasses.replace(TASK, env={"A": "task", "TMPDIR": "/elsewhere", "MODERATOR_TASK_ID": "T999"})
    environment = task_environment(task, place, {"A": "fixture", "B": "fixture"}, base)
    assert [environment[name] for name in "ABC"] == ["task", "fixture", "run"]
    assert environment["GIT_EDITOR"] == "true"
    assert environment["TMPDIR"] == "/elsewhere"
    assert environment["MODERATOR_TASK_ID"] == "T001"


def test_a_reduced_attempt(place: AttemptContext) -> None:
    base = {"MAKEFLAGS": "-j8", "JOBS": "8"}
    task = dataclasses.replace(TASK, env={"GOMAXPROCS": "4", "JOBS": "4"})
    whole = dataclasses.replace(place, reductions={"JOBS": "2", "HEAP": "1G"})
    environment = task_environment(task, whole, {}, base)
    assert [environment.get(n) for n in ("MAKEFLAGS", "GOMAXPROCS", "JOBS", "HEAP", "MODERATOR_REDUCED")] == [
        *("-j8", "4", "4", None, "")
    ]
    assert given_names(task, whole, {"F": "1"}) == {"GOMAXPROCS", "JOBS", "F"}
    reduced = dataclasses.replace(whole, reduced=True)
    environment = task_environment(task, reduced, {}, base)
    assert [environment.get(n) for n in ("MAKEFLAGS", "GOMAXPROCS", "JOBS", "HEAP", "MODERATOR_REDUCED")] == [
        *("-j1", "4", "2", "1G", "1")
    ]
    assert given_names(task, reduced) >= {"GOMAXPROCS", "JOBS", "HEAP", "MAKEFLAGS"}


def test_a_pytest_inside_a_task_is_no_worker_of_ours(
    place: AttemptContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "3")
    environment = task_environment(TASK, place)
    left = {name for name in environment if name.startswith("PYTEST_")} - {
        "PYTEST_ARGS"
    }  # that of our Makefile
    assert left == {"PYTEST_XDIST_AUTO_NUM_WORKERS"}


def test_a_run_inside_a_task_chains_the_marks(place: AttemptContext) -> None:
    place = dataclasses.replace(place, run_id="run-1")
    environment = task_environment(TASK, place, base={"MODERATOR_ATTEMPT_MARK": "outer:T9:1"})
    assert environment["MODERATOR_ATTEMPT_MARK"] == "outer:T9:1,run-1:T001:1"


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"NAME": "a\0b"}, "'NAME' has a NUL character"),
        ({"NA=ME": "x"}, "'NA=ME' cannot name"),
        ({"": "x"}, "'' cannot name"),
        ({"A\0": "x"}, "cannot name"),
        ({"PORT": 5432}, "'PORT' is 5432, not text"),
        ({1: "x"}, "1 cannot name"),
    ],
)
def test_what_no_process_can_be_given(place: AttemptContext, added: Any, message: str) -> None:
    with pytest.raises(ModeratorError, match=message):
        task_environment(TASK, place, added)
    with pytest.raises(ModeratorError, match=message):
        task_environment(dataclasses.replace(TASK, env=added), place)
