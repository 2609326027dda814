"""Claude Code: how it is called, what it tells, and how it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from stages import RESETS, SECONDS

from pytest_moderator.model import ErrorCategory, Task, TaskStatus, Usage

if TYPE_CHECKING:
    from stages import Stage


def arguments(stage: Stage, call: int = 0) -> list[str]:
    given: list[str] = stage.calls[call]["argv"][1:]
    return given


def after(stage: Stage, flag: str, call: int = 0) -> str:
    given = arguments(stage, call)
    return given[given.index(flag) + 1]


def test_a_task_is_done(stage: Stage) -> None:
    result = stage.play("write src/service.py ; say I wrote it ; done All is there.")
    assert (result.status, result.error_message, result.exit_code) == (TaskStatus.COMPLETED, None, 0)
    assert result.stdout == "All is there."
    assert result.backend == "claude"
    assert result.usage == Usage(0.25, 150, 40, 2, after(stage, "--session-id"))
    assert result.category is None
    assert (stage.repository / "src" / "service.py").exists()
    assert stage.left("answer.md").read_text() == "All is there."


def test_the_prompt_comes_from_standard_input_and_is_kept(stage: Stage) -> None:
    stage.play("write a ; ask ; done")
    [call] = stage.calls
    assert call["prompt"] == stage.left("prompt.md").read_text()
    assert call["prompt"].startswith("# Task T001: Write the service\n")
    assert call["prompt"] not in call["argv"]
    assert {"kind": "text", "text": "got ''"} in stage.told


def test_it_may_edit_files_and_nothing_is_skipped_by_default(stage: Stage) -> None:
    stage.play("write a ; done")
    assert after(stage, "--permission-mode") == "acceptEdits"
    assert after(stage, "--output-format") == "stream-json"
    given = arguments(stage)
    assert not any("dangerously" in argument or "bypass" in argument for argument in given)
    assert "--settings" not in given


def test_settings_become_arguments(stage: Stage) -> None:
    stage.play(
        "write a ; done",
        permission_mode="plan",
        sandbox=True,
        model="opus",
        max_turns=7,
        max_cost=1.5,
        args=["--add-dir", "/x"],
    )
    for flag, value in {"--permission-mode": "plan", "--model": "opus", "--max-turns": "7"}.items():
        assert after(stage, flag) == value
    assert after(stage, "--max-budget-usd") == "1.5"
    assert json.loads(after(stage, "--settings"))["sandbox"]["enabled"] is True
    assert arguments(stage)[-2:] == ["--add-dir", "/x"]


def test_what_it_does_is_told_while_it_runs(stage: Stage) -> None:
    stage.play("write src/a.py ; run true ; say Nearly there ; done")
    session = after(stage, "--session-id")
    assert {"kind": "session", "session_id": session} in stage.told
    assert {"kind": "tool", "tool": "Write", "detail": "src/a.py"} in stage.told
    assert {"kind": "tool", "tool": "Bash", "detail": "true"} in stage.told
    assert {"kind": "text", "text": "Nearly there"} in stage.told
    used = [event for event in stage.told if event["kind"] == "usage"]
    assert [event["output_tokens"] for event in used] == [3, 6, 9, 40]
    assert used[-1]["cost_usd"] == 0.25


FAILURES: list[tuple[str, ErrorCategory, str]] = [
    ("error API Error: 529 overloaded_error", ErrorCategory.TRANSIENT, "found its service overloaded"),
    (
        "error Claude AI usage limit reached|SECONDS",
        ErrorCategory.TRANSIENT,
        "hit a limit, until DAY",
    ),
    ("error You've hit your session limit", ErrorCategory.TRANSIENT, "hit a limit: You've hit"),
    ("error Not logged in · Please run /login", ErrorCategory.PERMISSION, "log in with"),
    ("error Credit balance is too low", ErrorCategory.CONFIGURATION, "top up"),
    ("error Prompt is too long", ErrorCategory.LOGIC, "make the task smaller"),
    ("error I could not do it", ErrorCategory.LOGIC, "claude failed: I could not do it"),
    ("status 429 Whatever", ErrorCategory.TRANSIENT, "hit a limit"),
    ("status 503 Whatever", ErrorCategory.TRANSIENT, "overloaded"),
    ("status 401 Whatever", ErrorCategory.PERMISSION, "log in"),
    ("status 418 Whatever", ErrorCategory.LOGIC, "Whatever (HTTP status 418)"),
    ("subtype error_max_turns", ErrorCategory.CONFIGURATION, "raise the limit"),
    ("subtype error_max_budget_usd", ErrorCategory.CONFIGURATION, "raise the limit"),
    ("subtype error_during_execution", ErrorCategory.LOGIC, "error_during_execution"),
]


@pytest.mark.parametrize(("actions", "category", "message"), FAILURES)
def test_its_own_word_of_failure_counts(
    stage: Stage, actions: str, category: ErrorCategory, message: str
) -> None:
    result = stage.play(f"write a ; {actions}".replace("SECONDS", str(SECONDS)))
    assert result.status is TaskStatus.FAILED
    assert result.category == category
    assert message.replace("DAY", f"{RESETS:%Y-%m-%d}") in str(result.error_message)
    assert result.exit_code == 1


def test_a_limit_says_when_it_ends(stage: Stage) -> None:
    result = stage.play(f"refused {SECONDS} ; error You've hit your limit")
    assert result.resets_at == RESETS.isoformat(timespec="milliseconds")
    assert f"until {RESETS:%Y-%m-%d %H:%M:%S} UTC" in str(result.error_message)
    assert {"kind": "limit", "resets_at": RESETS.isoformat()} in stage.told


def test_a_limit_without_an_end(stage: Stage) -> None:
    result = stage.play("error 5-hour limit reached")
    assert (result.category, result.resets_at) == ("transient", None)


def test_a_limit_that_is_only_near_is_none(stage: Stage) -> None:
    assert stage.play(f"near {SECONDS} ; write a ; done").success


def test_what_it_tells_of_limits_is_no_limit(stage: Stage) -> None:
    result = stage.play(
        f"say API Error: 429 rate limit exceeded, usage limit reached|{SECONDS} ; write a ; done Fixed."
    )
    assert result.success


def test_what_it_tells_of_limits_before_it_crashes_is_no_limit(stage: Stage) -> None:
    result = stage.play(f"say rate limit exceeded, usage limit reached|{SECONDS} ; exit 3")
    assert (result.category, result.resets_at) == ("logic", None)
    assert result.error_message == "claude ended with exit code 3"


def test_a_refused_tool_is_named(stage: Stage) -> None:
    result = stage.play("denied Bash")
    assert result.category == "permission"
    assert result.error_message == (
        "claude said that it had finished, but changed no file; "
        "it was not allowed to use Bash: see permission_mode"
    )


def test_a_further_attempt_continues_the_session(stage: Stage) -> None:
    result = stage.play("fake 1: write a ; error Overloaded\nfake 2: write b ; done", retries=1)
    assert (result.success, result.attempts) == (True, 2)
    first = after(stage, "--session-id")
    assert after(stage, "--resume", 1) == first
    assert "--session-id" not in arguments(stage, 1)
    again: dict[str, Any] = stage.calls[1]
    assert "## This is attempt 2" in again["prompt"]
    assert "claude found its service overloaded: Overloaded" in again["prompt"]
    assert stage.left("prompt.1.md").exists()
    assert result.usage is not None
    assert result.usage.cost_usd == 0.5


def test_a_session_that_is_gone_is_begun_afresh(stage: Stage) -> None:
    result = stage.play("fake 1: say no-such-session ; exit 3\nfake 2: write b ; done", retries=1)
    assert (result.success, result.attempts) == (True, 2)
    assert len(stage.calls) == 3
    assert after(stage, "--resume", 1) == after(stage, "--session-id", 0)
    assert after(stage, "--session-id", 2) != after(stage, "--session-id", 0)
    assert json.loads(stage.left("session.json").read_text())["session"] == after(stage, "--session-id", 2)


def test_a_budget_limits_what_an_attempt_may_cost(stage: Stage) -> None:
    task = Task("T001", "Write it", 3, budget="$0.60", description="Write it\nfake: error I cannot")
    result = stage.run(task, retries=5, max_cost=0.4)
    assert (result.status, result.attempts) == (TaskStatus.FAILED, 3)
    assert result.error_message == (
        "claude failed: I cannot; not tried again, as its budget of $0.60 is spent ($0.75)"
    )
    assert [after(stage, "--max-budget-usd", call) for call in range(3)] == ["0.4", "0.35", "0.1"]


@pytest.mark.parametrize(
    ("told", "amounts"),
    [
        ('{"usd": 1.0, "tokens": null, "spent": {"cost_usd": 0.625}}', ["0.375", "0.125"]),
        ('{"usd": 9.0, "tokens": null, "spent": {}}', ["0.6", "0.35", "0.1"]),
        ('{"usd": null, "tokens": 300, "spent": {"input_tokens": 10}}', ["0.6", "0.35"]),
        ("nonsense", ["0.6", "0.35", "0.1"]),
    ],
)
def test_the_budget_of_a_run_limits_it_too(stage: Stage, told: str, amounts: list[str]) -> None:
    purse = stage.repository.parent / "budget.json"
    purse.write_text(told)
    stage.place = replace(stage.place, purse=purse)
    task = Task("T001", "Write it", 3, budget="$0.60", description="Write it\nfake: error I cannot")
    result = stage.run(task, retries=5)
    assert [after(stage, "--max-budget-usd", call) for call in range(result.attempts)] == amounts
    assert "; not tried again, as " in str(result.error_message)


def test_a_budget_of_tokens_is_no_amount_of_money(stage: Stage) -> None:
    stage.run(Task("T001", "Write it", 3, budget="1k tokens", description="fake: write a ; done"))
    assert "--max-budget-usd" not in arguments(stage)
