"""Agents that are known from settings alone."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stages import FAKES

from pytest_moderator.backends.agents import AgentBackend
from pytest_moderator.backends.agents.adapter import Call
from pytest_moderator.backends.agents.custom import Custom, holds, look_up
from pytest_moderator.backends.agents.events import NO_REASON
from pytest_moderator.backends.agents.options import AgentOptions
from pytest_moderator.model import Task, TaskStatus, Usage
from pytest_moderator.routes import make_router
from pytest_moderator.settings import load_settings

if TYPE_CHECKING:
    from stages import Stage

PLAIN = str(FAKES / "plain")
READ = {
    "error": "ok=false",
    "message": "why",
    "result": "answer",
    "session": "id",
    "cost": "used.usd",
    "input_tokens": "used.in",
    "output_tokens": "used.out",
    "turns": "used.turns",
}
EVENTS: dict[str, Any] = {
    "command": [PLAIN, "events"],
    "output": "jsonl",
    "read": {**READ, "final": "kind=end", "text": "body.text", "tool": "name"},
}
DOCUMENT: dict[str, Any] = {"command": [PLAIN, "document"], "output": "json", "read": READ}
TEXT: dict[str, Any] = {"command": [PLAIN, "text"]}


@pytest.mark.parametrize("settings", [EVENTS, DOCUMENT, {**DOCUMENT, "command": [PLAIN, "list"]}])
def test_json_is_read_as_the_settings_say(stage: Stage, settings: dict[str, Any]) -> None:
    result = stage.play("write a ; done All is there.", "custom", **settings)
    assert (result.status, result.error_message) == (TaskStatus.COMPLETED, None)
    assert result.stdout == "All is there."
    assert result.usage == Usage(0.5, 7, 3, 2, "s-1")
    [call] = stage.calls
    assert call["prompt"] == stage.left("prompt.md").read_text()


@pytest.mark.parametrize("settings", [EVENTS, DOCUMENT])
def test_an_error_is_read_as_the_settings_say(stage: Stage, settings: dict[str, Any]) -> None:
    result = stage.play("write a ; error Rate limit exceeded, retry in 2 hours", "custom", **settings)
    assert result.category == "transient"
    assert "custom hit a limit, until" in str(result.error_message)
    assert result.resets_at is not None


def test_events_are_told_while_it_runs(stage: Stage) -> None:
    stage.play("write a ; say Nearly there ; done ok", "custom", **EVENTS)
    assert {"kind": "tool", "tool": "Write", "detail": ""} in stage.told
    assert {"kind": "text", "text": "Nearly there"} in stage.told


def test_text_is_judged_by_how_it_ends(stage: Stage) -> None:
    result = stage.play("write a ; say Done", "custom", **TEXT)
    assert (result.status, result.stdout) == (TaskStatus.COMPLETED, "[Write]\nDone\n")
    result = stage.play("write b ; exit 3", "custom", **TEXT)
    assert result.error_message == "custom ended with exit code 3: [Write]"
    result = stage.play("write c ; whine Not logged in ; exit 1", "custom", **TEXT)
    assert result.category == "permission"
    result = stage.play("run true", "custom", **TEXT)
    assert "changed no file" in str(result.error_message)
    result = stage.play("exit 0", "custom", **TEXT)
    assert result.error_message == "custom printed nothing (exit code 0)"


def test_text_that_means_failure(stage: Stage) -> None:
    settings = {**TEXT, "fail_on": ["litellm.", "API Error"]}
    result = stage.play(
        "write a ; raw litellm.RateLimitError: rate limit exceeded ; exit 0", "custom", **settings
    )
    assert (result.category, result.exit_code) == ("transient", 1)
    assert result.error_message == "custom hit a limit: litellm.RateLimitError: rate limit exceeded"
    assert stage.play("write b ; say rate limit exceeded", "custom", **settings).success


def test_silence_of_an_agent_without_events_means_nothing(stage: Stage) -> None:
    waits = "write a ; wait-for go ; done ok"
    (stage.repository / "go").touch()
    assert stage.play(waits, "custom", **DOCUMENT).success
    result = stage.play("hang", "custom", **DOCUMENT, idle_timeout=1.0)
    assert result.error_message == "custom was ended: it told nothing for 1 s"


def test_placeholders_are_whole_arguments(stage: Stage) -> None:
    command = [PLAIN, "text", "--prompt", "{prompt}", "--model", "{model}", "--session", "{session}"]
    settings = {
        "command": [*command, "{directory}", "{task_id}"],
        "model": "m $(touch hacked)",
        "args": ["-v"],
    }
    assert stage.play("write a ; ask ; say ok", "custom", **settings).success
    [call] = stage.calls
    *_, session, directory, task_id, last = call["argv"]
    assert call["argv"][3] == stage.left("prompt.md").read_text()
    assert call["argv"][5] == "m $(touch hacked)"
    assert (directory, task_id, last) == (str(stage.repository), "T001", "-v")
    assert len(session) == 36
    assert not (stage.repository / "hacked").exists()


def test_a_file_for_the_prompt(stage: Stage) -> None:
    settings = {"command": [PLAIN, "text", "--prompt-file", "{prompt_file}"]}
    assert stage.play("write a ; ask ; say ok", "custom", **settings).success
    assert stage.calls[0]["prompt"] == stage.left("prompt.md").read_text()


def test_a_prompt_that_begins_with_a_list_is_no_option(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "rules.md").write_text("- Write short sentences.\n")
    code = "import sys; open('seen', 'w').write(sys.argv[1]); print('ok')"
    settings = {
        "command": [sys.executable, "-c", code, "{prompt}"],
        "prompt_file": str(tmp_path / "rules.md"),
    }
    assert stage.run(Task("T1", "Do it", 1), "custom", **settings).success
    assert (stage.repository / "seen").read_text() == "\n" + stage.left("prompt.md").read_text()


def test_a_prompt_that_is_too_long_for_an_argument(stage: Stage) -> None:
    code = "import sys; open('seen', 'w').write(sys.argv[1]); print('ok')"
    task = Task("T1", "Do it", 1, description="é" * 60_000)
    assert stage.run(task, "custom", command=[sys.executable, "-c", code, "{prompt}"]).success
    seen = (stage.repository / "seen").read_text()
    assert seen == f"Read the file {stage.left('prompt.md')} and do the task that it describes."


def test_a_session_is_continued_by_its_own_command(stage: Stage) -> None:
    resume = [*EVENTS["command"], "--session", "{session}"]
    actions = "fake 1: write a ; error no\nfake 2: write b ; done ok"
    assert stage.play(actions, "custom", retries=1, resume=resume, **EVENTS).success
    assert stage.calls[1]["argv"][-2:] == ["--session", "s-1"]


def test_a_session_is_not_continued_without_one(stage: Stage) -> None:
    stage.play("fake 1: write a ; error no\nfake 2: write b ; done ok", "custom", retries=1, **EVENTS)
    assert stage.calls[1]["argv"] == EVENTS["command"]


@pytest.mark.parametrize("broken", ["raw {broken", "raw [", "half x", "raw 7"])
def test_a_document_that_is_none(stage: Stage, broken: str) -> None:
    result = stage.play(f"write a ; {broken}", "custom", **DOCUMENT)
    assert result.error_message == "custom ended without saying that it had finished (exit code 0)"
    assert "passed over 1 lines" in result.stderr


def test_a_document_behind_other_lines(stage: Stage) -> None:
    assert stage.play(
        'write a ; raw npm notice ; raw {"ok": true, "answer": "ok"}', "custom", **DOCUMENT
    ).success


def test_a_tool_that_cannot_start(stage: Stage) -> None:
    result = stage.run(Task("T1", "Do it", 1), "custom", command=["no-such-agent"], output="json")
    assert (result.exit_code, result.category) == (127, "configuration")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("type=result", True),
        ("type=other", False),
        ("type!=result", False),
        ("deep.list.1.x=7", True),
        ("deep.list.9.x=7", False),
        ("flag", True),
        ("flag=true", True),
        ("off", False),
        ("off=false", True),
        ("nothing", False),
        ("nothing=null", True),
        ("missing=null", True),
        ("number=1", True),
        ("number=true", False),
        ("deep=x", False),
        ("deep!=x", True),
        ("", False),
    ],
)
def test_conditions(condition: str, expected: bool) -> None:
    event = {
        "type": "result",
        "flag": True,
        "off": False,
        "nothing": None,
        "number": 1,
        "deep": {"list": [0, {"x": 7}]},
    }
    assert holds(condition, event) is expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text("ab", max_size=2), json_values), st.lists(st.sampled_from(["a", "b", "0", "1"]))
)
def test_looking_into_anything_never_fails(event: dict[str, Any], path: list[str]) -> None:
    look_up(".".join(path), event)
    holds(f"{'.'.join(path)}=a", event)


GUIDE = Path(__file__).parents[3] / "docs" / "agents.md"
EXAMPLES = re.findall(
    r"^### ([^\n]+)\n\n```yaml\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


def test_there_are_examples_of_other_agents() -> None:
    assert [name for name, _ in EXAMPLES] == [
        "Aider",
        "Goose",
        "GitHub Copilot",
        "Cursor",
        "Amp",
        "Qwen Code",
    ]


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_examples_of_other_agents_can_be_used(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "moderator.yaml").write_text(text)
    nothing: dict[str, Any] = {"command_line": {}, "environ": {}, "front_matter": {}, "ini": {}}
    settings, problems = load_settings(
        **nothing, front_matter_path="tasks.md", front_matter_line=0, rootdir=tmp_path
    )
    assert not problems
    [(backend, values)] = settings.backends.items()
    adapter = Custom(AgentOptions.of(values))
    call = Call(Task("T001", name, 1), tmp_path, "Do it.", tmp_path / "prompt.md", "s-1")
    for start in (call, replace(call, resumes=adapter.continues)):
        argv = adapter.argv(start)
        assert argv[0] == values["command"][0]
        assert not any(re.fullmatch(r"\{\w+\}", argument) for argument in argv)
        assert adapter.takes_stdin() or {"Do it.", str(tmp_path / "prompt.md")} & set(argv)
    assert make_router([AgentBackend(backend, values)], settings)[1] == ()


def test_an_event_that_says_nothing_of_errors_is_none() -> None:
    adapter = Custom(
        AgentOptions("custom", read={"final": "type=result", "error": "exitCode!=0"}, output="jsonl")
    )
    told = [
        next(iter(adapter.read(event)))
        for event in (
            {"type": "assistant.message", "data": {}},
            {"type": "tool", "exitCode": 1},
            {"type": "result", "exitCode": 0},
            {"type": "result"},
        )
    ]
    assert [(bool(event.error), event.final, event.failed) for event in told] == [
        (False, False, False),
        (True, False, False),
        (False, True, False),
        (True, True, True),
    ]
    assert told[1].error == NO_REASON  # a number says nothing
