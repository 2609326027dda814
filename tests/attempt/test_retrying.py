"""Which failures are tried again, how often, and when."""

from __future__ import annotations

import dataclasses
import resource
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from waiting import until

from pytest_moderator.attempt import CANCELLED, end_marked_processes, retrying, run_task
from pytest_moderator.attempt.retrying import pause_before, wait
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.backends.limits import LONGEST_WAIT
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.model import Command, Task, TaskResult, TaskStatus, Usage

TASK = Task("T001", "A task", 3)
DONE = TaskResult(TASK)
NOW = datetime(2026, 1, 2, 10, 15, tzinfo=UTC)


def failed(category: str | None, **values: Any) -> TaskResult:
    return TaskResult(TASK, 1, status=TaskStatus.FAILED, error_message="no", category=category, **values)


class Answers(Backend):
    """Answers each try with the next of its answers, and the last for ever."""

    name = "answers"

    def __init__(self, *answers: TaskResult) -> None:
        self.answers = list(answers)

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("category", "stated", "tries"),
    [
        ("transient", None, 4),
        ("transient", 0, 1),
        ("transient", 1, 2),
        ("resource", None, 2),
        *((name, None, 1) for name in ("configuration", "permission", "logic", "verification", "timeout")),
        ("cancelled", None, 1),
        ("configuration", 2, 3),
        (None, None, 1),
    ],
)
def test_how_often(place: AttemptContext, category: str | None, stated: int | None, tries: int) -> None:
    task = dataclasses.replace(TASK, retries=stated)
    told: list[Any] = []
    result = run_task(task, Answers(failed(category)), dataclasses.replace(place, progress=told.append))
    kind = category or "logic"
    assert (result.status, result.attempts, result.category) == (TaskStatus.FAILED, tries, kind)
    assert [(entry.attempt, entry.category, entry.error_message) for entry in result.attempts_log] == [
        (number, kind, "no") for number in range(1, tries)
    ]
    events = [(event["kind"], event["attempt"], event["category"]) for event in told]
    assert events == [("attempt_failed", number, kind) for number in range(1, tries)]
    assert all((event["delay"] > 0) == (kind in ("transient", "resource")) for event in told)
    assert TaskResult.from_dict(result.to_dict()) == result


@pytest.mark.usefixtures("quick")
def test_one_that_ends_well_is_completed(place: AttemptContext) -> None:
    result = run_task(TASK, Answers(failed("resource"), failed("resource"), DONE), place)
    assert (result.status, result.attempts, result.category) == (TaskStatus.FAILED, 2, "resource")
    result = run_task(TASK, Answers(failed("resource"), failed("transient"), DONE), place)
    assert (result.status, result.attempts, result.category, result.hint) == (
        TaskStatus.COMPLETED,
        3,
        None,
        None,
    )
    assert [entry.category for entry in result.attempts_log] == ["resource", "transient"]


@pytest.mark.usefixtures("quick")
def test_each_kind_counts_for_itself(place: AttemptContext) -> None:
    kinds = ("transient", "resource", "transient", "transient", "transient")
    result = run_task(TASK, Answers(*map(failed, kinds), DONE), place)
    assert (result.status, result.attempts) == (TaskStatus.FAILED, 5)
    assert [entry.category for entry in result.attempts_log] == list(kinds[:-1])


def command(script: str, **values: Any) -> Task:
    return dataclasses.replace(TASK, commands=(Command("sh", f"{script}\n", 4),), **values)


@pytest.mark.usefixtures("quick")
def test_what_lacked_resources_has_to_do_with_less(place: AttemptContext) -> None:
    told = 'echo "$MODERATOR_REDUCED/$MAKEFLAGS/$JOBS" >> said; '
    script = f"{told}test $MODERATOR_ATTEMPT = 4 || kill -KILL $$"
    task = command(script, retries=5, env={"JOBS": "8"})
    result = run_task(task, ShellBackend(), dataclasses.replace(place, reductions={"JOBS": "2"}))
    assert (result.status, result.attempts) == (TaskStatus.COMPLETED, 4)
    said = (place.working_directory / "said").read_text().splitlines()
    assert said[1:] == ["1/-j1/2"] * 3
    assert said[0].startswith("/")
    assert said[0].endswith("/8")


class Forbidden(Backend):
    """Is not allowed to, as long as a file is not there."""

    name = "forbidden"

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        return DONE if (context.working_directory / "allowed").exists() else failed("permission")


@pytest.mark.parametrize("stated", [None, 3])
def test_a_right_is_refreshed_once(place: AttemptContext, stated: int | None) -> None:
    told: list[Any] = []
    task = dataclasses.replace(TASK, retries=stated, env={"NAME": "allowed"})
    there = dataclasses.replace(place, refresh='echo "now $NAME"; touch "$NAME"', progress=told.append)
    result = run_task(task, Forbidden(), there)
    assert (result.status, result.attempts) == (TaskStatus.COMPLETED, 2)
    assert [entry.category for entry in result.attempts_log] == ["permission"]
    log = (place.directory / "refresh.log").read_text()
    assert log == '$ echo "now $NAME"; touch "$NAME"\nnow allowed\n'
    assert told[0] == {"kind": "attempt_refreshed", "attempt": 1, "exit_code": 0, "log": "refresh.log"}
    assert told[1]["kind"] == "attempt_failed"


def test_a_refresh_that_helps_nothing(place: AttemptContext) -> None:
    there = dataclasses.replace(place, refresh="echo x >> asked")
    result = run_task(TASK, Forbidden(), there)
    assert (result.status, result.attempts, result.error_message) == (TaskStatus.FAILED, 2, "no")
    assert (place.working_directory / "asked").read_text() == "x\n"
    result = run_task(dataclasses.replace(TASK, retries=0), Forbidden(), there)
    assert result.attempts == 1
    assert (place.working_directory / "asked").read_text() == "x\n"


def test_a_refresh_that_fails(place: AttemptContext) -> None:
    result = run_task(TASK, Forbidden(), dataclasses.replace(place, refresh="echo why; exit 3"))
    assert result.attempts == 1
    message = "no; not tried again, as its refresh command failed: exit code 3; see refresh.log"
    assert result.error_message == message
    assert (place.directory / "refresh.log").read_text() == "$ echo why; exit 3\nwhy\n"
    slow = dataclasses.replace(place, refresh="sleep 60", timeout=0.2, directory=place.directory / "slow")
    result = run_task(TASK, Forbidden(), slow)
    assert "refresh command failed: timed out after 0.2 s" in str(result.error_message)


def test_a_refresh_whose_log_cannot_be_written(place: AttemptContext) -> None:
    (place.directory / "refresh.log").mkdir(parents=True)
    result = run_task(TASK, Forbidden(), dataclasses.replace(place, refresh="true"))
    assert (result.attempts, result.status) == (1, TaskStatus.FAILED)
    assert "refresh command failed: [Errno 21]" in str(result.error_message)


def test_a_refresh_whose_output_finds_no_room(place: AttemptContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-value")
    task = dataclasses.replace(TASK, secrets=("TOKEN",))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        there = dataclasses.replace(place, refresh="head -c 100000 /dev/zero")
        result = run_task(task, Forbidden(), there)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "refresh command failed: [Errno 27]" in str(result.error_message)


def test_no_secret_in_what_a_refresh_prints(place: AttemptContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-value")
    task = dataclasses.replace(TASK, secrets=("TOKEN",))
    run_task(task, Forbidden(), dataclasses.replace(place, refresh="echo $TOKEN s3cr3t-value"))
    log = (place.directory / "refresh.log").read_text()
    assert "s3cr3t-value" not in log
    assert log.count("echo") == 1


def test_pauses_grow() -> None:
    for tries, longest in enumerate((2, 6, 18, 54, 60, 60), 1):
        pauses = [pause_before(failed("transient"), tries) for _ in range(50)]
        assert all(pause is not None and longest / 2 <= pause <= longest for pause in pauses)
        assert len(set(pauses)) > 1
    assert pause_before(failed("resource"), 10_000) <= 60  # type: ignore[operator]
    assert pause_before(failed("logic"), 3) == 0


@pytest.mark.parametrize(
    ("text", "shortest", "longest"),
    [
        ("2026-01-02T10:16:00.000+00:00", 60.5, 61),
        ("2026-01-02T10:16:00", 60.5, 61),
        ("2026-01-02T09:00:00Z", 0.5, 1),
        ("soon", 1, 2),
        ("", 1, 2),
    ],
)
def test_a_limit_that_ends(text: str, shortest: float, longest: float) -> None:
    pause = pause_before(failed("transient", resets_at=text), 1, NOW)
    assert pause is not None
    assert shortest <= pause <= longest


@pytest.mark.parametrize("stated", [None, 5])
def test_a_limit_that_lasts(place: AttemptContext, stated: int | None) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=LONGEST_WAIT + 60)).isoformat()
    task = dataclasses.replace(TASK, retries=stated)
    result = run_task(task, Answers(failed("transient", resets_at=ends)), place)
    assert (result.attempts, result.attempts_log) == (1, ())
    assert result.error_message == f"no; not tried again, as it would fail until {ends}"


def test_a_pause_ends_with_its_run(place: AttemptContext) -> None:
    over = threading.Event()

    def end() -> None:
        until(lambda: end_marked_processes(place.run_id, place.name or TASK.id))
        over.set()

    ending = threading.Thread(target=end)
    ending.start()
    assert not wait(600.0, TASK, place)
    ending.join()
    assert over.is_set()


def test_a_cancelled_pause_is_the_end(place: AttemptContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "wait", lambda *_: False)
    result = run_task(TASK, Answers(failed("transient")), place)
    assert (result.attempts, result.error_message) == (1, "no; the wait for another try was ended")

    def cancel(*_: object) -> bool:
        (place.directory / CANCELLED).touch()
        return True

    monkeypatch.setattr(retrying, "wait", cancel)
    result = run_task(TASK, Answers(failed("transient")), place)
    assert (result.attempts, result.error_message) == (1, "no")


def test_a_pause_passes(place: AttemptContext) -> None:
    assert wait(0.05, TASK, place)


def used(cost: float | None, tokens: int | None = None) -> Usage:
    return Usage(cost_usd=cost, input_tokens=tokens)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("budget", "usages", "tries", "told"),
    [
        ("$1", [used(0.5)], 2, "no; not tried again, as its budget of $1.00 is spent ($1.00)"),
        ("$1", [used(1.25)], 1, "no; not tried again, as its budget of $1.00 is spent ($1.25)"),
        (
            "1k tokens",
            [used(9, 400)],
            3,
            "no; not tried again, as its budget of 1,000 tokens is spent (1,200 tokens)",
        ),
        (
            "$9, 1k tokens",
            [used(9.5)],
            1,
            "no; not tried again, as its budget of $9.00, 1,000 tokens is spent",
        ),
        ("$9", [used(None, 4000)], 4, "no"),
        ("$9", [None], 4, "no"),
        ("$2", [used(1), None, used(1)], 3, "no; not tried again, as its budget"),
    ],
)
def test_a_budget_that_is_spent_ends_it(
    place: AttemptContext, budget: str, usages: list[Usage | None], tries: int, told: str
) -> None:
    task = dataclasses.replace(TASK, retries=3, budget=budget)
    result = run_task(task, Answers(*(failed("logic", usage=usage) for usage in usages)), place)
    assert (result.status, result.attempts) == (TaskStatus.FAILED, tries)
    assert str(result.error_message).startswith(told)


def test_without_further_tries_a_budget_is_not_spoken_of(place: AttemptContext) -> None:
    task = dataclasses.replace(TASK, retries=0, budget="$1")
    assert run_task(task, Answers(failed("logic", usage=used(5))), place).error_message == "no"


@pytest.mark.usefixtures("quick")
def test_a_success_that_was_too_dear_says_so(place: AttemptContext) -> None:
    task = dataclasses.replace(TASK, budget="$1")
    answers = failed("transient", usage=used(0.5)), dataclasses.replace(DONE, usage=used(0.75))
    result = run_task(task, Answers(*answers), place)
    assert (result.status, result.attempts) == (TaskStatus.COMPLETED, 2)
    assert result.notes == ("its budget of $1.00 is spent ($1.25)",)
    cheap = dataclasses.replace(DONE, usage=used(0.75))
    assert run_task(task, Answers(cheap), dataclasses.replace(place, attempt=3)).notes == ()
