"""What a process leaves to the one that tries a task after it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import run_task, tries_before
from pytest_moderator.attempt.tries import FILE, Tries
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.clock import seconds_until
from pytest_moderator.model import Attempt, Task, TaskResult, TaskStatus, Usage

if TYPE_CHECKING:
    from pathlib import Path

TASK = Task("T001", "A task", 3)
SPENT = Usage(cost_usd=1.0, input_tokens=10, session_id="one")


class Noting(Backend):
    """Notes what it is told, and gives the next of its answers."""

    name = "noting"

    def __init__(self, *answers: TaskResult) -> None:
        self.answers = list(answers)
        self.told: list[AttemptContext] = []

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        self.told.append(context)
        return self.answers.pop(0)


def failed(category: str, error: str = "no", seconds: float | None = None, **values: Any) -> TaskResult:
    until = None if seconds is None else (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    return TaskResult(
        TASK, 1, status=TaskStatus.FAILED, error_message=error, category=category, resets_at=until, **values
    )


def done(**values: Any) -> TaskResult:
    return TaskResult(TASK, **values)


WHOLE: dict[str, Any] = {
    "goes_on": True,
    "last": 1,
    "feedback": "",
    "log": [],
    "duration": 1.0,
    "cpu": None,
    "max_rss": None,
    "usage": None,
    "started_at": "",
}


def in_another_process(place: AttemptContext) -> AttemptContext:
    return dataclasses.replace(place, attempt=1 + tries_before(place.directory))


@pytest.fixture
def held(place: AttemptContext) -> AttemptContext:
    return dataclasses.replace(place, patience=5.0)


def test_a_limit_is_for_others_to_wait_for_however_short_it_is(held: AttemptContext) -> None:
    backend = Noting(failed("transient", "limit", 100), failed("transient", "limit", -5), done())
    held = dataclasses.replace(held, patience=1000.0)
    result = run_task(TASK, backend, held)
    assert (result.status, result.attempts, result.error_message) == (TaskStatus.PAUSED, 1, "limit")
    assert 0 < (seconds_until(result.again_at) or 0) <= 101
    second = run_task(TASK, backend, in_another_process(held))  # where it is over, nobody else needs to know
    assert (second.status, second.attempts) == (TaskStatus.COMPLETED, 3)


def test_a_long_pause_is_for_others_to_wait_for(held: AttemptContext) -> None:
    backend = Noting(failed("transient", "limit", 1000, usage=SPENT, cpu_seconds=1.0, max_rss_bytes=9))
    result = run_task(TASK, backend, held)
    assert (result.status, result.attempts, result.error_message) == (TaskStatus.PAUSED, 1, "limit")
    assert 500 < (seconds_until(result.again_at) or 0) <= 1001
    assert [(entry.attempt, entry.category) for entry in result.attempts_log] == [(1, "transient")]

    backend = Noting(failed("transient", "again", 1000), done(usage=SPENT, cpu_seconds=2.0, max_rss_bytes=5))
    second = run_task(TASK, backend, in_another_process(held))
    assert (second.status, second.attempts, second.error_message) == (TaskStatus.PAUSED, 2, "again")
    third = run_task(TASK, backend, in_another_process(held))
    assert (third.status, third.attempts, third.again_at, third.error_message) == (
        *(TaskStatus.COMPLETED, 3, None, None),
    )
    assert [entry.error_message for entry in third.attempts_log] == ["limit", "again"]
    assert (third.cpu_seconds, third.max_rss_bytes) == (3.0, 9)
    assert third.usage == Usage(cost_usd=2.0, input_tokens=20, session_id="one")
    assert third.started_at == result.started_at
    assert third.duration_seconds >= second.duration_seconds >= result.duration_seconds > 0
    assert [context.feedback for context in backend.told] == ["limit", "again"]
    assert backend.told[0].used == SPENT
    assert not (held.directory / FILE).exists()


def test_short_pauses_are_waited_for(held: AttemptContext) -> None:
    backend = Noting(failed("transient", seconds=0), done())
    result = run_task(TASK, backend, held)
    assert (result.status, result.attempts) == (TaskStatus.COMPLETED, 2)


def test_tries_are_counted_over_all_processes(held: AttemptContext) -> None:
    backend = Noting(*(failed("transient", seconds=600) for _ in range(4)))
    statuses = [run_task(TASK, backend, in_another_process(held)).status for _ in range(4)]
    assert statuses == [TaskStatus.PAUSED] * 3 + [TaskStatus.FAILED]
    task = dataclasses.replace(TASK, retries=1)
    place = dataclasses.replace(held, directory=held.directory / "stated")
    backend = Noting(*(failed("transient", seconds=600) for _ in range(2)))
    statuses = [run_task(task, backend, in_another_process(place)).status for _ in range(2)]
    assert statuses == [TaskStatus.PAUSED, TaskStatus.FAILED]


def test_what_lacked_resources_does_with_less_in_another_process(held: AttemptContext) -> None:
    backend = Noting(failed("resource", seconds=600), done())
    run_task(TASK, backend, held)
    run_task(TASK, backend, in_another_process(held))
    assert [context.reduced for context in backend.told] == [False, True]


def test_feedback_of_a_task_that_had_failed(place: AttemptContext) -> None:
    task = dataclasses.replace(TASK, verify=("echo not yet; exit 3",))
    backend = Noting(done(), done(), failed("logic", "odd"), done())
    result = run_task(task, backend, place)
    assert (result.status, result.category, result.attempts) == (TaskStatus.FAILED, "verification", 1)
    result = run_task(task, backend, in_another_process(place))
    assert (result.attempts, result.attempts_log) == (2, ())
    feedback = backend.told[1].feedback
    assert feedback.startswith("the backend said done, verification failed: exit code 3")
    assert feedback.endswith("not yet\n")
    given = dataclasses.replace(in_another_process(place), feedback="a conflict")
    run_task(TASK, backend, given)
    assert backend.told[2].feedback == "a conflict"
    run_task(TASK, backend, in_another_process(place))
    assert backend.told[3].feedback == "odd"


def test_a_first_attempt_knows_of_none(place: AttemptContext) -> None:
    place.directory.mkdir(parents=True)
    Tries(3, "of another").keep(place.directory, goes_on=True)
    backend = Noting(done())
    assert run_task(TASK, backend, place).attempts_log == ()
    assert backend.told[0].feedback == ""


def test_what_is_kept_is_found(tmp_path: Path) -> None:
    tries = Tries(2, "why", [Attempt(1, "transient", "no", 0.5)], 1.5, 0.25, 7, SPENT, "2026-01-02T10:15:00Z")
    tries.keep(tmp_path, goes_on=True)
    assert Tries.before(tmp_path) == tries
    tries.keep(tmp_path, goes_on=False)
    assert Tries.before(tmp_path) == Tries(2, "why")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    (tmp_path / FILE).write_text(json.dumps(WHOLE))
    assert Tries.before(tmp_path) == Tries(1, duration=1.0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", "\udcff"),
        '{"goes_on": true}',
        '{"goes_on": false, "last": "x", "feedback": ""}',
        '{"goes_on": true, "log": 3, "usage": 1}',
        json.dumps({**WHOLE, "log": [{}]}),
        json.dumps({**WHOLE, "usage": 1}),
        json.dumps({**WHOLE, "duration": "long"}),
    ],
)
def test_what_somebody_has_changed_is_as_good_as_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert Tries.before(tmp_path).last == 0


def test_what_cannot_be_written_is_not_known(tmp_path: Path) -> None:
    Tries(1, "why").keep(tmp_path / "nowhere", goes_on=True)
    Tries.forget(tmp_path / "nowhere")
    assert Tries.before(tmp_path / "nowhere") == Tries()
    (tmp_path / "folder" / FILE).mkdir(parents=True)
    Tries.forget(tmp_path / "folder")


def test_no_secret_is_kept(place: AttemptContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-value")
    task = dataclasses.replace(TASK, secrets=("TOKEN",), verify=("echo s3cr3t-value; exit 1",))
    run_task(task, Noting(done()), place)
    assert "verification failed" in (place.directory / FILE).read_text()
    assert "s3cr3t-value" not in (place.directory / FILE).read_text()


class Destructive(Noting):
    """Removes its own folder, as somebody does who cleans up too much; and puts a file in its place if told so."""

    in_the_way = False

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        shutil.rmtree(context.directory)
        if self.in_the_way:
            context.directory.touch()
        return super().execute(task, context)


@pytest.mark.parametrize("retries", [None, 2])
def test_who_removes_what_is_known_of_it_is_not_tried_for_ever(
    held: AttemptContext, retries: int | None
) -> None:
    backend = Destructive(*[failed("transient", "limit", 600)] * 9)
    results = [run_task(TASK, backend, held, retries=retries)]
    while results[-1].status is TaskStatus.PAUSED:
        results.append(run_task(TASK, backend, in_another_process(held), retries=retries))
    assert [result.attempts for result in results] == [1, 2, 3, 4][: 1 + (3 if retries is None else retries)]


def test_nothing_waits_whose_attempts_nobody_could_count(held: AttemptContext) -> None:
    backend = Destructive(failed("transient", "limit", 600))
    backend.in_the_way = True
    result = run_task(TASK, backend, held)
    assert (result.status, result.attempts) == (TaskStatus.FAILED, 1)
    assert (result.error_message or "").startswith(
        "limit; not tried again, as nobody could count its attempts: "
    )


def test_a_failure_for_good_needs_no_record(held: AttemptContext) -> None:
    backend = Destructive(failed("logic", "wrong"))
    backend.in_the_way = True
    result = run_task(TASK, backend, held)
    assert (result.status, result.error_message) == (TaskStatus.FAILED, "wrong")
