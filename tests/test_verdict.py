"""From pytest's reports of an item to what came of it, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.handout import FileHandout
from pytest_moderator.model import ErrorCategory, Task, TaskResult, TaskStatus, Usage
from pytest_moderator.verdict import Verdict, describe, pack, reports_of_skip, unpack

TASK = Task("T1", "Do", 4, phase="Setup", story="US1")


def report(when, outcome="passed", longrepr=None, **more):
    made = pytest.TestReport("tasks.md::T1", ("tasks.md", 3, "T1"), {}, outcome, longrepr, when)
    vars(made).update(more)
    return made


def verdict_of(*reports):
    verdict = Verdict()
    for entry in reports:
        verdict.add(entry)
    return verdict


def data(**values):
    return pack(TaskResult(TASK, **values))


@given(
    st.builds(
        TaskResult,
        task=st.just(TASK),
        exit_code=st.integers(0, 255),
        stdout=st.text(max_size=9),
        duration_seconds=st.floats(0, 1e6),
        artifacts_path=st.none() | st.just(Path("a/b")),
        error_message=st.none() | st.text(min_size=1, max_size=9),
        status=st.sampled_from(TaskStatus),
        attempts=st.integers(0, 9),
        max_rss_bytes=st.none() | st.integers(0, 2**40),
        usage=st.none() | st.builds(Usage, st.none() | st.floats(0, 1e6), st.none() | st.integers(0, 2**40)),
        category=st.none() | st.sampled_from(list(map(str, ErrorCategory))),
    )
)
def test_results_travel_as_one_text(result):
    assert unpack(pack(result), TASK) == result


SETUP, TEARDOWN = report("setup"), report("teardown")


@pytest.mark.parametrize(
    ("reports", "success", "failed"),
    [
        ([SETUP, report("call"), TEARDOWN], True, False),
        ([SETUP, report("call", "failed"), TEARDOWN], False, True),
        ([SETUP, report("call", "skipped"), TEARDOWN], False, False),
        ([SETUP, report("call", "skipped", wasxfail="flaky"), TEARDOWN], True, False),
        ([report("setup", "failed"), TEARDOWN], False, True),
        ([report("setup", "skipped"), TEARDOWN], False, False),
        ([SETUP, report("call"), report("teardown", "failed")], False, True),
        ([report("???", "failed", "worker 'gw0' crashed")], False, True),
        ([], False, False),
    ],
)
def test_success_and_failure(reports, success, failed):
    verdict = verdict_of(*reports)
    assert (verdict.success, verdict.failed) == (success, failed)
    assert verdict.lost == any(entry.when == "???" for entry in reports)


def test_a_new_set_up_starts_over():
    failed = report("call", "failed", moderator=data(status=TaskStatus.FAILED, exit_code=1))
    verdict = verdict_of(SETUP, failed, TEARDOWN, SETUP, report("call", moderator=data()), TEARDOWN)
    assert verdict.success
    assert verdict.result_of(TASK, "gw1", 1.0) == TaskResult(TASK, worker="gw1")


def test_the_result_is_what_the_reports_carry():
    carried = data(exit_code=3, status=TaskStatus.FAILED, stdout="out", attempts=2)
    verdict = verdict_of(SETUP, report("call", "failed", moderator=carried), TEARDOWN)
    expected = TaskResult(TASK, 3, "out", status=TaskStatus.FAILED, attempts=2, worker="main")
    assert verdict.result_of(TASK, "main", 1.0) == expected


def test_a_process_that_died():
    crash = report("???", "failed", "worker 'gw0' crashed")
    result = verdict_of(SETUP, crash).result_of(TASK, "gw0", 2.5)
    assert (result.status, result.exit_code) == (TaskStatus.FAILED, 137)
    assert (result.error_message, result.worker) == ("worker 'gw0' crashed", "gw0")
    assert result.duration_seconds == 2.5


@pytest.mark.parametrize(
    "end",
    [report("???", "failed", "worker 'gw0' crashed"), report("teardown", "failed")],
    ids=["lost", "messy"],
)
def test_what_is_over_waits_for_no_further_attempt(end):
    waited = data(
        status=TaskStatus.PAUSED, again_at="2026-01-02T11:00:00Z", category="transient", hint="wait"
    )
    result = verdict_of(SETUP, report("later", moderator=waited), end).result_of(TASK, "gw0", 1.0)
    assert (result.status, result.again_at, result.category, result.hint) == (TaskStatus.FAILED, *[None] * 3)


@pytest.mark.parametrize(
    ("carried", "message"),
    [
        (data(), "a fixture failed in its tear-down"),
        (data(status=TaskStatus.FAILED, exit_code=2, error_message="exit code 2"), "exit code 2"),
    ],
)
def test_a_fixture_that_fails_in_its_tear_down(carried, message):
    verdict = verdict_of(SETUP, report("call", moderator=carried), report("teardown", "failed"))
    result = verdict.result_of(TASK, "main", 1.0)
    assert (result.status, result.error_message) == (TaskStatus.FAILED, message)


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        (report("setup", "skipped", ("tasks.md", 4, "Skipped: no GPU")), "no GPU"),
        (report("setup", "skipped", "told otherwise"), "it did not run"),
    ],
)
def test_an_item_that_was_skipped_before_it_ran(setup, reason):
    result = verdict_of(setup, TEARDOWN).result_of(TASK, "main", 1.0)
    assert (result.status, result.attempts, result.error_message) == (TaskStatus.SKIPPED, 0, reason)


def file_of(*tasks):
    return FileHandout("tasks.md", Path("tasks.md"), tasks, frozenset(), None, False, 1.0, 1)


def test_reports_of_a_task_that_never_starts():
    setup, teardown = reports_of_skip("tasks.md::T1", (file_of(TASK), TASK), "blocked by T0")
    assert (setup.when, setup.outcome, setup.longrepr) == (
        "setup",
        "skipped",
        ("tasks.md", 4, "Skipped: blocked by T0"),
    )
    assert (teardown.when, teardown.outcome) == ("teardown", "passed")
    assert setup.location == ("tasks.md", 3, "T1 Do")
    assert not hasattr(setup, "moderator_done")
    verdict = verdict_of(setup, teardown)
    assert not verdict.success
    assert verdict.result_of(TASK, None, 1.0).error_message == "blocked by T0"


def test_reports_of_a_task_that_was_done_before():
    done = Task("T1", "Do", 4, done=True)
    setup, _ = reports_of_skip("tasks.md::T1", (file_of(done), done), "already done")
    assert setup.moderator_done


def test_reports_of_an_ordinary_test():
    setup, _ = reports_of_skip("test_a.py::test_b", None, "blocked by T1")
    assert setup.location == ("test_a.py", None, "test_b")


def test_what_every_reporter_can_show():
    before, after = report("setup"), report("call")
    describe(before, TASK, None)
    done_by = {"backend": "shell", "backend_reason": "the default", "worker": "gw1"}
    describe(after, TASK, TaskResult(TASK, 2, stdout="out\n", attempts=3, **done_by))
    of_task = [("id", "T1"), ("phase", "Setup"), ("story", "US1")]
    assert before.user_properties == of_task
    assert before.sections == []
    of_result = [
        *(("backend", "shell"), ("backend_reason", "the default")),
        *(("attempts", "3"), ("exit_code", "2"), ("worker", "gw1")),
    ]
    assert after.user_properties == [*of_task, *of_result]
    assert after.sections == [("Captured stdout call", "out\n")]
