"""What files set for backends: checked by name, key and value, each with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.backends.agents.options import AgentOptions
from pytest_moderator.settings import load_settings
from pytest_moderator.settings.backends import _OF_ALL, _OF_TYPE, AGENT_TYPES

if TYPE_CHECKING:
    from pytest_moderator.model import Problem


def load(tmp_path: Path, text: str, front_matter: Any = None) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    (tmp_path / "moderator.yaml").write_text(text)
    settings, problems = load_settings(
        command_line={},
        environ={},
        front_matter=front_matter or {},
        front_matter_path="tasks.md",
        front_matter_line=2,
        ini={},
        rootdir=tmp_path,
    )
    return dict(settings.backends), problems


def test_all_keys(tmp_path: Path) -> None:
    text = """
backends:
  claude:
    command: claude
    model: opus
    args: [--add-dir, /x, 3]
    env: MY_KEY, AWS_*
    prompt_file: rules.md
    idle_timeout: 10m
    linger: 5
    max_output: 1MiB
    no_change_ok: yes
    permission_mode: plan
    sandbox: on
    max_turns: 20
    max_cost: 2.5
"""
    backends, problems = load(tmp_path, text)
    assert problems == ()
    assert backends == {
        "claude": {
            "type": "claude",
            "command": ["claude"],
            "model": "opus",
            "args": ["--add-dir", "/x", "3"],
            "env": ["MY_KEY", "AWS_*"],
            "prompt_file": str(tmp_path / "rules.md"),
            "idle_timeout": 600.0,
            "linger": 5.0,
            "max_output": 1024 * 1024,
            "no_change_ok": True,
            "permission_mode": "plan",
            "sandbox": True,
            "max_turns": 20,
            "max_cost": 2.5,
        }
    }
    options = AgentOptions.of(backends["claude"])
    assert options.args == ("--add-dir", "/x", "3")
    assert options.prompt_file == tmp_path / "rules.md"


def test_a_name_of_its_own(tmp_path: Path) -> None:
    backends, problems = load(
        tmp_path, "backends:\n  my-agent: {type: codex, sandbox: read-only}\n  gemini:\n"
    )
    assert problems == ()
    assert backends == {"my-agent": {"type": "codex", "sandbox": "read-only"}, "gemini": {"type": "gemini"}}


def test_limits_are_for_any_backend(tmp_path: Path) -> None:
    limits = {"rate_limit": "10/min", "max_concurrent": 2, "breaker": {"failures": 3, "pause": "1m"}}
    text = "{rate_limit: 10/min, max_concurrent: 2, breaker: {failures: 3, pause: 1m}}"
    backends, problems = load(tmp_path, f"backends:\n  shell: {text}\n  claude: {text}\n")
    assert problems == ()
    assert backends == {"shell": limits, "claude": {"type": "claude", **limits}}
    _, problems = load(tmp_path, "backends:\n  shell:\n    rate_limit: often\n    max_concurrent: 0\n")
    assert [(problem.line, problem.message.partition(" must ")[0]) for problem in problems] == [
        (3, "backends.shell.rate_limit"),
        (4, "backends.shell.max_concurrent"),
    ]


def test_each_name_is_an_option_by_itself(tmp_path: Path) -> None:
    text = "backends: {claude: {model: opus}, codex: {model: gpt}}\n"
    backends, problems = load(tmp_path, text, {"backends": {"codex": {"sandbox": "read-only"}}})
    assert problems == ()
    assert backends == {
        "claude": {"type": "claude", "model": "opus"},
        "codex": {"type": "codex", "sandbox": "read-only"},
    }


CUSTOM = "backends:\n  mine:\n    type: custom\n"


def test_a_custom_agent(tmp_path: Path) -> None:
    text = f"""{CUSTOM}    command: [agent, --prompt, "{{prompt}}", --session, "{{session}}"]
    resume: [agent, --resume, "{{session}}"]
    output: jsonl
    read: {{final: type=result, error: is_error, cost: usage.cost}}
"""
    backends, problems = load(tmp_path, text)
    assert problems == ()
    assert backends["mine"]["read"] == {"final": "type=result", "error": "is_error", "cost": "usage.cost"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("backends: claude\n", 1, "backends must be a mapping of names of backends to their settings"),
        ("backends:\n  claude: opus\n", 2, "backends.claude must be a mapping of keys to values"),
        ("backends:\n  My Agent: {type: claude}\n", 2, "'My Agent' cannot name a backend (use lower-case"),
        ("backends:\n  mine: {}\n", 2, "backends.mine needs a type (there is ccpm, claude"),
        ("backends:\n  claud: {}\n", 2, "backends.claud needs a type (did you mean 'claude'? there is"),
        (
            "backends:\n  mine:\n    type: codx\n",
            3,
            "backends.mine.type: 'codx' is no type of backend (did you",
        ),
        ("backends:\n  mine:\n    type: [x]\n", 3, "is no type of backend"),
        (
            "backends:\n  claude:\n    modle: x\n",
            3,
            "unknown key 'backends.claude.modle' (did you mean 'model'?)",
        ),
        ("backends:\n  codex:\n    max_turns: 3\n", 3, "(that is for ccpm, claude; known for codex: args, "),
        ("backends:\n  codex:\n    zzz: 3\n", 3, "(known for codex: args, "),
        (
            "backends:\n  codex:\n    sandbox: yes\n",
            3,
            "must be one of read-only, workspace-write, danger-full",
        ),
        (
            "backends:\n  claude:\n    permission_mode: yolo\n",
            3,
            "must be one of default, manual, acceptEdits",
        ),
        ("backends:\n  claude:\n    command: claude -p\n", 3, "must be a list, one entry an argument, not"),
        ("backends:\n  claude:\n    command: []\n", 3, "must name a program"),
        ("backends:\n  claude:\n    args: --x\n", 3, "must be a list of arguments such as"),
        ("backends:\n  claude:\n    args: [{a: b}]\n", 3, "must be a list of arguments such as"),
        ("backends:\n  claude:\n    env: [A-B]\n", 3, "must be names of environment variables"),
        ("backends:\n  claude:\n    model: 3\n", 3, "must be a text, not 3"),
        ("backends:\n  claude:\n    max_cost: 0\n", 3, "must be a number of US dollars above 0, not 0"),
        ("backends:\n  claude:\n    linger: soon\n", 3, "must be a time above 0"),
        (CUSTOM, 2, "backends.mine needs a command (such as [my-agent, --prompt"),
        (f"{CUSTOM}    command: [a, '--p={{prompt}}']\n", 4, "must have {prompt} as an argument of its own"),
        (f"{CUSTOM}    command: [a, '{{promt}}']\n", 4, "must not have {promt}: there is {prompt}, "),
        (f"{CUSTOM}    command: [a, '{{model}}']\n", 4, "has {model}, but there is no model: beside it"),
        (
            f"{CUSTOM}    command: a\n    resume: [a, '{{session}}']\n",
            5,
            "resume has no session to continue (put",
        ),
        (f"{CUSTOM}    command: a\n    read: {{result: x}}\n", 5, "read needs output: json or output: jsonl"),
        (f"{CUSTOM}    command: a\n    output: jsonl\n", 5, "needs to know which event is the last (add a"),
        (f"{CUSTOM}    command: a\n    output: json\n    fail_on: x\n", 6, "fail_on is for output: text"),
        (f"{CUSTOM}    command: a\n    fail_on: [3]\n", 5, "must be a text or a list of texts, not [3]"),
        (f"{CUSTOM}    command: a\n    output: json\n    read: x\n", 6, "must be a mapping such as"),
        (
            f"{CUSTOM}    command: a\n    output: json\n    read: {{resutl: x}}\n",
            6,
            "must have keys out of cost,",
        ),
        (
            f"{CUSTOM}    command: a\n    output: json\n    read: {{cost: a=b}}\n",
            6,
            "a path such as usage.cost at",
        ),
        (
            f"{CUSTOM}    command: a\n    output: json\n    read: {{error: ' '}}\n",
            6,
            "a condition such as type=",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    _, problems = load(tmp_path, text)
    assert len(problems) == 1
    assert message in str(problems[0])
    assert (problems[0].path, problems[0].line) == ("moderator.yaml", line)


def test_a_wrong_value_spoils_no_other(tmp_path: Path) -> None:
    backends, problems = load(tmp_path, "backends: {claude: {linger: x, model: opus}, codex: {type: x}}\n")
    assert len(problems) == 2
    assert backends == {"claude": {"type": "claude", "model": "opus"}}


def test_a_program_with_a_space_in_its_name(tmp_path: Path) -> None:
    program = tmp_path / "my agent"
    program.touch()
    backends, problems = load(tmp_path, f"backends: {{claude: {{command: '{program}'}}}}\n")
    assert problems == ()
    assert backends["claude"]["command"] == [str(program)]


DOCUMENT = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_documentation(tmp_path: Path, example: str) -> None:
    backends, problems = load(tmp_path, example)
    assert problems == ()
    assert backends


def test_the_documentation_names_every_key() -> None:
    assert len(EXAMPLES) == 7
    for key in {*_OF_ALL, *(key for keys in _OF_TYPE.values() for key in keys)}:
        assert f"`{key}`" in DOCUMENT
    for kind in AGENT_TYPES:
        assert f"`{kind}`" in DOCUMENT
