"""What becomes of the answer to a task that was done elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_moderator.attempt import run_task
from pytest_moderator.attempt.secrecy import masker_of
from pytest_moderator.backends.elsewhere import ANSWER, ElsewhereBackend
from pytest_moderator.backends.manual import ManualBackend
from pytest_moderator.model import Answer, Task, TaskStatus

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext

TASK = Task("T001", "Look at the page", 1)


def answered(place: AttemptContext, answer: str) -> AttemptContext:
    place.directory.mkdir(parents=True, exist_ok=True)
    (place.directory / ANSWER).write_text(answer)
    return place


def test_done(place: AttemptContext) -> None:
    answer = Answer(yes=True, by="alice@laptop", why="it is fine", output="a\nb\n")
    result = run_task(TASK, ManualBackend(), answered(place, answer.to_json()))
    assert (result.status, result.exit_code, result.error_message) == (TaskStatus.COMPLETED, 0, None)
    assert result.stdout == place.stdout_log.read_text() == "done (alice@laptop): it is fine\na\nb\n"
    assert result.notes == ("done (alice@laptop): it is fine",)


@pytest.mark.parametrize(("why", "message"), [("ugly", "ugly"), ("", "failed (alice@laptop)")])
def test_failed(place: AttemptContext, why: str, message: str) -> None:
    answer = Answer(yes=False, by="alice@laptop", why=why, category="timeout")
    result = run_task(TASK, ManualBackend(), answered(place, answer.to_json()), retries=0)
    assert (result.status, result.exit_code) == (TaskStatus.FAILED, 1)
    assert (result.error_message, result.category) == (message, "timeout")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"yes": true}', '{"yes": true, "by": "a", "x": 1}'])
def test_what_is_no_answer_is_a_failure(place: AttemptContext, text: str) -> None:
    result = run_task(TASK, ManualBackend(), answered(place, text))
    assert result.status is TaskStatus.FAILED
    assert (result.error_message or "").startswith("nobody has answered T001: ")


def test_without_an_answer_it_fails(place: AttemptContext) -> None:
    result = run_task(TASK, ManualBackend(), place)
    assert (result.error_message or "").startswith("nobody has answered T001: ")


def test_the_log_keeps_no_secrets(place: AttemptContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "a-secret-of-some-length")
    task = Task("T001", "Look", 1, secrets=("KEY",))
    assert masker_of(task.secrets)
    answer = Answer(yes=True, by="alice", output="it was a-secret-of-some-length")
    result = run_task(task, ManualBackend(), answered(place, answer.to_json()))
    assert "a-secret" not in place.stdout_log.read_text() + result.stdout


def test_nothing_is_accepted_and_nothing_answered_by_itself(place: AttemptContext) -> None:
    backend = ElsewhereBackend.__new__(ElsewhereBackend)
    assert not backend.accepts(TASK)
    assert backend.look(TASK, place) is None
    assert ManualBackend().health().ok


@given(st.booleans(), st.text(), st.text(), st.text(), st.none() | st.text())
def test_an_answer_is_read_as_it_was_written(
    yes: bool, by: str, why: str, output: str, category: str | None
) -> None:
    answer = Answer(yes, by, why, output, category)
    assert Answer.from_json(answer.to_json()) == answer
