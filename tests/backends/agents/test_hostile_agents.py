"""Agents that behave as badly as they can, whichever they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from stages import SECONDS

from pytest_moderator.attempt.masking import Masker
from pytest_moderator.backends.agents.claude import ClaudeCode
from pytest_moderator.backends.agents.events import Transcript
from pytest_moderator.backends.agents.follow import Follower
from pytest_moderator.backends.agents.options import AgentOptions
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stages import Stage

KINDS = ["claude", "ccpm", "codex", "gemini", "opencode"]
every_kind = pytest.mark.parametrize("kind", KINDS)
END = (
    '{"type": "result", "subtype": "success", "is_error": false, "total_cost_usd": 0.25, "result": "ok", %s}'
)


@every_kind
def test_half_a_line_and_then_death(stage: Stage, kind: str) -> None:
    result = stage.play('write a ; half {"type": "result", "sub ; die', kind)
    assert result.status is TaskStatus.FAILED
    assert "SIGSEGV" in str(result.error_message)


@every_kind
def test_it_ends_well_and_has_told_nothing(stage: Stage, kind: str) -> None:
    result = stage.play("write a ; exit 0", kind)
    assert (result.status, result.category) == (TaskStatus.FAILED, "transient")
    assert "ended without saying that it had finished" in str(result.error_message)


@every_kind
def test_it_is_done_twice(stage: Stage, kind: str) -> None:
    result = stage.play("write a ; done One. ; done Two.", kind)
    assert (result.success, result.stdout.strip()) == (True, "Two.")


@every_kind
def test_it_is_there_still_after_it_is_done(stage: Stage, kind: str) -> None:
    for how in ("stubbornly", "well"):
        result = stage.play(f"write {how} ; done Good. ; hang {how}", kind, linger=0.3)
        assert result.success, result.error_message


@every_kind
def test_what_it_tells_of_limits_is_none(stage: Stage, kind: str) -> None:
    told = "say rate limit exceeded, try again in 3 hours"
    assert stage.play(f"write a ; {told} ; done usage limit reached|{SECONDS}", kind).success
    result = stage.play(f"write b ; {told} ; exit 3", kind)
    assert (result.category, result.resets_at) == ("logic", None)


@every_kind
def test_a_line_of_fifty_megabytes(stage: Stage, kind: str) -> None:
    result = stage.play("write a ; wide 50 ; done All is well.", kind)
    assert (result.success, result.stdout.strip()) == (True, "All is well.")
    assert "passed over 1 lines that were no events" in result.stderr


@every_kind
def test_an_error_of_many_megabytes(stage: Stage, kind: str) -> None:
    result = stage.play("write a ; essay 8", kind)
    assert result.status is TaskStatus.FAILED
    assert len(str(result.error_message)) < 1000


@every_kind
def test_bytes_that_are_no_text(stage: Stage, kind: str) -> None:
    assert stage.play("write a ; bytes fffec3280a ; done Good.", kind).success


@every_kind
def test_only_what_nobody_keeps_is_changed(stage: Stage, kind: str) -> None:
    result = stage.play(f"write ignored ; write {stage.place.tasks_file} ; done I changed it.", kind)
    assert result.category == "logic"
    assert "changed no file" in str(result.error_message)


def test_success_with_an_error_flag_and_zero(stage: Stage) -> None:
    flagged = (END % '"is_error": true, "result": "API Error: 529"').replace('"is_error": false, ', "")
    result = stage.play(f"write a ; raw {flagged}")
    assert (result.status, result.category) == (TaskStatus.FAILED, "transient")


def test_success_with_an_error_flag_and_no_word(stage: Stage) -> None:
    flagged = '{"type": "result", "subtype": "success", "is_error": true, "errors": [], "result": ""}'
    result = stage.play(f"write a ; raw {flagged} ; exit 1")
    assert result.error_message == "claude failed: it says so without a reason"
    told = flagged.replace('"errors": []', '"api_error_status": 529')
    assert stage.play(f"write b ; raw {told} ; exit 1").category == "transient"


def test_what_is_told_last_counts(stage: Stage) -> None:
    result = stage.play('write a ; done fine ; raw {"type": "result", "subtype": "error", "is_error": true}')
    assert result.status is TaskStatus.FAILED


def test_a_broken_character_spoils_no_event(stage: Stage) -> None:
    line = (END % '"a": 1').replace("ok", "cut \udcc3 here").encode("utf-8", "surrogateescape") + b"\n"
    result = stage.play(f"write a ; bytes {line.hex()}")
    assert result.success, result.error_message
    assert result.stdout == "cut \ufffd here"


@pytest.mark.parametrize(
    "more",
    [
        '"result": "a \\ud800 b \\u0000 c \\u001b[31m"',
        '"result": {"a": 1}',
        '"total_cost_usd": NaN',
        '"total_cost_usd": -1e400',
        '"total_cost_usd": true',
        '"num_turns": 1e308',
        '"usage": [1]',
        '"usage": {"input_tokens": "9", "output_tokens": 99999999999999999999999999}',
        '"permission_denials": {"a": 1}',
        '"permission_denials": [1, null, {"tool_name": 7}]',
        '"errors": [1, {"a": 2}]',
        '"api_error_status": "x"',
    ],
)
def test_odd_things_in_its_last_event(stage: Stage, more: str) -> None:
    result = stage.play(f"write a ; raw {END % more}")
    assert result.success, result.error_message
    told = json.dumps([result.to_dict(), stage.told], allow_nan=False, ensure_ascii=False)
    assert told.encode()


@pytest.mark.parametrize(
    "name",
    [
        '"--dangerously-skip-permissions"',
        '"\\u0000"',
        '"\\ud800"',
        f'"{"x" * 5000}"',
        '{"a": 1}',
        '"a b"',
        "7",
    ],
)
def test_what_names_no_session_becomes_no_argument(stage: Stage, name: str) -> None:
    odd = END % f'"session_id": {name}'
    result = stage.play(f"fake 1: write a ; raw {odd} ; exit 3\nfake 2: write b ; done", retries=1)
    assert (result.success, result.attempts) == (True, 2)
    first, second = (call["argv"] for call in stage.calls)
    assert second[second.index("--resume") + 1] == first[first.index("--session-id") + 1]


def test_nobody_puts_an_argument_into_the_notes_of_a_session(stage: Stage) -> None:
    noted = stage.left("session.json")
    forge = f'run sed -i s/session\\":..*,/session\\":\\ \\"--yolo\\",/ {noted}'
    result = stage.play(f"fake 1: write a ; {forge} ; exit 3\nfake 2: write b ; done", retries=1)
    assert result.success
    assert not any("--yolo" in call["argv"] for call in stage.calls)


def test_lines_that_are_json_and_no_events(stage: Stage) -> None:
    lines = ["[1, 2]", "null", '"x"', '{"type": 5}', '{"type": "assistant", "message": "x"}']
    lines.append('{"type": "assistant", "message": {"content": "x", "id": 7, "usage": 7}}')
    told = " ; ".join(f"raw {line}" for line in lines)
    assert stage.play(f"write a ; {told} ; deep 100000 ; done").success


def test_a_secret_in_pieces_is_masked_before_these_become_one_line(tmp_path: Path) -> None:
    """And also where a written-out end of a line hides it in the log: behind a backslash of its own."""
    secret = "back\\slash and \u00fcber"
    pieces = "\n".join(secret[at : at + 5] for at in range(0, len(secret), 5))
    call = {"type": "tool_use", "name": "Bash", "input": {"command": f"echo {pieces}"}}
    log = tmp_path / "stdout.log"
    log.write_text(json.dumps({"type": "assistant", "message": {"content": [call]}}) + "\n")
    told: list[Mapping[str, object]] = []
    adapter = ClaudeCode(AgentOptions("claude"))
    Follower(log, adapter, Transcript(), told.append, Masker([secret])).finish()
    assert told == [{"kind": "tool", "tool": "Bash", "detail": "echo *** *** *** ***"}]
