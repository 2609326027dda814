"""What a task with secrets tells, in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt import run_task, task_environment
from pytest_moderator.attempt.secrecy import masked_arguments, masked_result, masker_of, with_masker
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.model import Task, TaskResult, TaskStatus, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = "correct-horse-battery"
TASK = Task("T001", "Log in", 1, secrets=("TOKEN",))


class Leaky(Backend):
    """Tells its secret in every way that it can."""

    name = "leaky"

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        secret = context.environment["TOKEN"]
        assert context.progress is not None
        context.progress({"kind": "text", "text": secret, secret: [{"a": secret}]})
        if context.attempt == 1:
            raise RuntimeError(secret)
        assert secret not in context.feedback
        return TaskResult(
            task,
            exit_code=1,
            status=TaskStatus.FAILED,
            stdout=f"{secret}\n",
            stderr=secret,
            error_message=f"no: {secret}",
            notes=(secret,),
            backend_reason=secret,
            usage=Usage(turns=1, session_id=secret),
        )


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)


@pytest.mark.usefixtures("token")
def test_results_and_what_is_told_meanwhile_are_masked(place: AttemptContext) -> None:
    told: list[Mapping[str, object]] = []
    result = run_task(TASK, Leaky(), replace(place, progress=told.append), retries=1)
    assert SECRET not in str(result.to_dict())
    assert SECRET not in str(told)
    assert (result.stdout, result.error_message, result.notes) == ("***\n", "no: ***", ("***",))
    assert result.usage == Usage(turns=1, session_id="***")
    assert told[0] == {"kind": "text", "text": "***", "***": [{"a": "***"}]}
    assert told[1] == {
        "kind": "attempt_failed",
        "attempt": 1,
        "error": "backend 'leaky' raised RuntimeError: ***",
        "category": "logic",
        "delay": 0.0,
    }


@pytest.mark.usefixtures("token")
def test_what_fixtures_put_in_place_of_a_secret_is_masked_too(place: AttemptContext) -> None:
    masker = with_masker(TASK, place, {"TOKEN": "of a fixture"}).masker
    assert masker is not None
    assert masker.mask(f"{SECRET} or of a fixture") == "*** or ***"


@pytest.mark.usefixtures("token")
def test_a_place_has_one_masker_and_that_of_a_task_without_secrets_none(place: AttemptContext) -> None:
    masked = with_masker(TASK, place)
    assert with_masker(TASK, masked) is masked
    plain = Task("T002", "Look on", 2)
    assert with_masker(plain, place) is place
    assert place.filter is None
    result = TaskResult(plain, stdout=SECRET)
    assert masked_result(result, place.masker) is result


@pytest.mark.usefixtures("token")
def test_a_task_does_not_see_what_is_withheld_from_it(place: AttemptContext) -> None:
    assert task_environment(TASK, place)["TOKEN"] == SECRET
    assert "TOKEN" not in task_environment(TASK, replace(place, withheld=frozenset({"TOKEN"})))


@pytest.mark.usefixtures("token")
def test_arguments_are_masked_where_there_are_secrets() -> None:
    assert masked_arguments(["TOKEN"], ["-k", f"me:{SECRET}"]) == ["-k", "me:***"]
    assert masked_arguments([], ["-k", f"me:{SECRET}"]) == ["-k", f"me:{SECRET}"]
    assert masker_of([]) is None
