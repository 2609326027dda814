"""Codex, Gemini CLI, OpenCode and Claude Code PM: how they are called, what they tell, and how they fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from stages import FAKES

from pytest_moderator.model import ErrorCategory, Task, TaskStatus, Usage

if TYPE_CHECKING:
    from stages import Stage

KINDS = ("codex", "gemini", "opencode")


def arguments(stage: Stage, call: int = 0) -> list[str]:
    given: list[str] = stage.calls[call]["argv"][1:]
    return given


@pytest.mark.parametrize(
    ("kind", "usage"),
    [
        ("codex", Usage(None, 100, 40, None, "0199a213-81c0-7800")),
        ("gemini", Usage(None, 100, 40, None, "b7c1-gemini")),
        ("opencode", Usage(0.25, 32, 8, 2, "ses_1")),
    ],
)
def test_a_task_is_done(stage: Stage, kind: str, usage: Usage) -> None:
    result = stage.play("say I begin. ; write src/a.py ; ask ; done All is there.", kind)
    assert (result.status, result.error_message) == (TaskStatus.COMPLETED, None)
    assert result.stdout.strip().endswith("All is there.")
    assert result.usage == usage
    [call] = stage.calls
    assert call["prompt"] == stage.left("prompt.md").read_text()
    assert call["prompt"] not in call["argv"]
    tools = [event["detail"] for event in stage.told if event["kind"] == "tool"]
    assert tools == ["src/a.py"]
    said = "".join(str(event["text"]) for event in stage.told if event["kind"] == "text")
    assert "I begin." in said
    assert "got ''" in said  # its standard input has ended


@pytest.mark.parametrize("kind", KINDS)
def test_a_further_attempt_continues_the_session(stage: Stage, kind: str) -> None:
    result = stage.play("fake 1: write a ; exit 3\nfake 2: write b ; done ok", kind, retries=1)
    assert (result.success, result.attempts) == (True, 2)
    flag = {"codex": "resume", "gemini": "--resume", "opencode": "--session"}[kind]
    assert flag not in arguments(stage)
    assert result.usage is not None
    assert arguments(stage, 1)[arguments(stage, 1).index(flag) + 1] == result.usage.session_id


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ("write a ; say Working ; exit 0", "ended without saying that it had finished (exit code 0)"),
        ("write a ; die", "ended with exit code 139 (SIGSEGV)"),
        ("done I did everything.", "said that it had finished, but changed no file"),
        ("write a ; say rate limit exceeded, 429 ; exit 3", "ended with exit code 3"),
    ],
)
def test_what_is_no_success(stage: Stage, kind: str, actions: str, message: str) -> None:
    result = stage.play(actions, kind)
    assert result.status is TaskStatus.FAILED
    assert message in str(result.error_message)
    assert result.resets_at is None


@pytest.mark.parametrize("kind", KINDS)
def test_time_limits(stage: Stage, kind: str) -> None:
    result = stage.play("write a ; hang well", kind, idle_timeout=1.0)
    assert (result.exit_code, result.category) == (124, "timeout")
    result = stage.play("write a ; done ok ; hang well", kind, linger=0.3)
    assert (result.status, result.exit_code) == (TaskStatus.COMPLETED, 0)


@pytest.mark.parametrize(
    ("kind", "actions", "category", "message", "resets"),
    [
        (
            "codex",
            "error You've hit your usage limit. Try again at Mar 10th, 2126 3:39 AM.",
            None,
            "codex hit a limit: ",
            False,
        ),
        (
            "codex",
            "error You've hit your usage limit. Upgrade or try again in 2 hours 13 minutes",
            ErrorCategory.TRANSIENT,
            "codex hit a limit, until ",
            True,
        ),
        (
            "codex",
            "error exceeded retry limit, last status: 429 Too Many Requests",
            ErrorCategory.TRANSIENT,
            "hit a limit: ",
            False,
        ),
        (
            "codex",
            "error Selected model is at capacity. Please try a different model.",
            ErrorCategory.TRANSIENT,
            "overloaded",
            False,
        ),
        (
            "codex",
            "error stream disconnected before completion",
            ErrorCategory.TRANSIENT,
            "codex failed: stream",
            False,
        ),
        (
            "codex",
            "error your refresh token has expired. Please log out and sign in again.",
            ErrorCategory.PERMISSION,
            "log in with",
            False,
        ),
        ("codex", "fail-without-words", None, "codex failed: it says so without a reason", False),
        (
            "codex",
            "whine Rate limit exceeded ; fail-without-words",
            ErrorCategory.TRANSIENT,
            "codex hit a limit: Rate limit exceeded",
            False,
        ),
        (
            "codex",
            "whine Warning: old version ; reconnect Service Unavailable ; fail-without-words",
            ErrorCategory.TRANSIENT,
            "codex found its service overloaded: Service Unavailable",
            False,
        ),
        (
            "codex",
            "reconnect Reconnecting... 1/5 ; reconnect stream disconnected ; exit 1",
            ErrorCategory.TRANSIENT,
            "stream disconnected",
            False,
        ),
        (
            "codex",
            "whine Not inside a trusted directory and --skip-git-repo-check was not specified. ; exit 1",
            ErrorCategory.CONFIGURATION,
            "let the agent trust this directory",
            False,
        ),
        ("codex", "interrupted", None, "codex ended with exit code 143 (SIGTERM)", False),
        (
            "gemini",
            "error Please retry in 34.07s: Resource exhausted",
            ErrorCategory.TRANSIENT,
            "gemini hit a limit, until ",
            True,
        ),
        ("gemini", "error ", None, "gemini failed: TerminalQuotaError", False),
        (
            "gemini",
            "whine Please set an Auth method ; exit 41",
            ErrorCategory.PERMISSION,
            "exit code 41: it is not logged in",
            False,
        ),
        ("gemini", "exit 42", ErrorCategory.CONFIGURATION, "it does not accept its input", False),
        ("gemini", "exit 53", ErrorCategory.CONFIGURATION, "its limit of turns", False),
        ("gemini", "exit 55", ErrorCategory.CONFIGURATION, "does not trust", False),
        ("gemini", "trouble Overloaded ; exit 1", ErrorCategory.TRANSIENT, "overloaded", False),
        ("opencode", "error Rate limit reached", ErrorCategory.TRANSIENT, "opencode hit a limit", False),
        ("opencode", "error Something broke", ErrorCategory.TRANSIENT, "overloaded: Something broke", False),
        ("opencode", "finish length", None, "its answer was cut short: length", False),
        (
            "opencode",
            "blocked bash ; done I could not.",
            ErrorCategory.PERMISSION,
            "it was not allowed to use bash",
            False,
        ),
    ],
)
def test_failures(
    stage: Stage, kind: str, actions: str, *, category: ErrorCategory | None, message: str, resets: bool
) -> None:
    result = stage.play(actions, kind)
    assert result.status is TaskStatus.FAILED
    assert message in str(result.error_message)
    assert category is None or result.category == category
    assert (result.resets_at is not None) is resets


def test_codex_is_in_a_sandbox_that_can_write(stage: Stage) -> None:
    stage.play("write a ; done", "codex", model="gpt-5", args=["-c", "x=y"])
    assert arguments(stage) == [
        *("exec", "--json", "--sandbox", "workspace-write", "--model", "gpt-5", "-c", "x=y", "-")
    ]
    stage.play("write b ; done", "codex", sandbox="danger-full-access")
    assert "danger-full-access" in arguments(stage, -1)


def test_codex_that_connects_again_goes_on(stage: Stage) -> None:
    assert stage.play("reconnect stream disconnected ; call search ; write a ; done ok", "codex").success
    assert {"kind": "tool", "tool": "search", "detail": "x"} in stage.told
    assert {"kind": "error", "text": "stream disconnected"} in stage.told


def test_codex_that_is_refused_a_command(stage: Stage) -> None:
    result = stage.play("declined rm -r / ; done I could not.", "codex")
    assert (result.category, "not allowed to use shell" in str(result.error_message)) == ("permission", True)


def test_events_that_are_of_no_use_do_no_harm(stage: Stage) -> None:
    odd = [
        '{"type": "item.completed", "item": {"type": "reasoning", "text": "hm"}}',
        '{"type": "item.started", "item": {"type": "reasoning"}}',
        '{"type": "item.completed"}',
        '{"type": "later.invented"}',
        '{"type": "text", "part": 7}',
        '{"type": "tool_use"}',
        '{"type": "error", "severity": "warning"}',
        "{}",
    ]
    for kind in ("codex", "gemini"):
        assert stage.play(f"raw {' ; raw '.join(odd)} ; write {kind} ; done ok", kind).success


def test_gemini_may_edit_files(stage: Stage) -> None:
    stage.play("write a ; done", "gemini", model="pro", args=["--x"])
    assert arguments(stage) == [
        *("--output-format", "stream-json", "--approval-mode", "auto_edit", "--model", "pro", "--x")
    ]
    stage.play("write b ; done", "gemini", permission_mode="plan", sandbox=True)
    assert "plan" in arguments(stage, -1)
    assert "--sandbox" in arguments(stage, -1)


def test_what_gemini_says_comes_in_pieces(stage: Stage) -> None:
    result = stage.play(
        "say One two. ; write a ; warn Careful ; whole Three. ; say Four five. ; done", "gemini"
    )
    assert result.stdout == "Four five. "
    assert [event["text"] for event in stage.told if event["kind"] == "text"] == [
        *("One two. ", "Three.", "Four five. ")
    ]


def test_gemini_is_no_success_for_ending_with_0_when_it_is_ended(stage: Stage) -> None:
    result = stage.play("write a ; hang", "gemini", timeout=2.0)
    assert (result.exit_code, result.error_message) == (124, "timed out after 2 s")


@pytest.mark.parametrize(
    ("mode", "edit", "bash"),
    [
        (None, "allow", "deny"),
        ("read", "deny", "deny"),
        ("edit", "allow", "deny"),
        ("full", "allow", "allow"),
    ],
)
def test_opencode_is_told_what_it_may_do(stage: Stage, mode: str | None, edit: str, bash: str) -> None:
    stage.play("write a ; done", "opencode", **({"permission_mode": mode} if mode else {}))
    allowed = json.loads(stage.calls[0]["env"]["OPENCODE_CONFIG_CONTENT"])["permission"]
    assert (allowed["edit"], allowed["bash"]) == (edit, bash)
    assert "ask" not in allowed.values()


def test_opencode_with_a_configuration_of_its_own(stage: Stage) -> None:
    stage.play("write a ; done", "opencode", permission_mode="config", model="anthropic/x")
    assert "OPENCODE_CONFIG_CONTENT" not in stage.calls[0]["env"]
    assert arguments(stage) == ["run", "--format", "json", "--model", "anthropic/x"]


def test_a_step_of_opencode_after_its_last_one(stage: Stage) -> None:
    result = stage.play("write a ; finish stop ; again ; hang", "opencode", idle_timeout=3.0, linger=1.5)
    assert result.error_message == "opencode was ended: it told nothing for 3 s"


ISSUE = Task("42", "Implement it", 3, description="fake: write a ; done ok")


def test_an_issue_is_worked_on_by_a_command_of_the_project(stage: Stage) -> None:
    commands = stage.repository / ".claude" / "commands" / "pm"
    commands.mkdir(parents=True)
    (commands / "issue-start.md").touch()
    assert stage.run(ISSUE, "ccpm").success
    assert stage.calls[0]["prompt"].startswith("/pm:issue-start 42\n\n# Task 42: Implement it\n")


@pytest.mark.parametrize(
    ("notes", "task_id", "issue"),
    [
        ({}, "42", "42"),
        ({"Issue": "#7"}, "T1", "7"),
        ({"github": "https://github.com/a/b/issues/9"}, "T1", "9"),
    ],
)
def test_an_issue_without_the_command(stage: Stage, notes: dict[str, str], task_id: str, issue: str) -> None:
    task = Task(task_id, "Implement it", 3, description="fake: write a ; done ok", notes=notes)
    assert stage.run(task, "ccpm").success
    assert stage.calls[0]["prompt"].startswith(
        f"Use the ccpm skill: start working on issue {issue}.\n\n# Task"
    )


def test_what_is_no_issue(stage: Stage) -> None:
    stage.play("write a ; done ok", "ccpm")
    assert stage.calls[0]["prompt"].startswith("This project is managed with Claude Code PM")
    assert stage.calls[0]["argv"][0] == str(FAKES / "claude")
