"""A secret hunted for in everything that sessions leave: files, reports, journal, terminal."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt.written_forms import forms_of
from pytest_moderator.journal import JournalReader

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Project

SECRET = "Tr0ub4dor&3 'is' \"not\" /enough+? é"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----"

TASKS = """
# Tasks

- [ ] T001 Leak in a shell
  - secrets: TOKEN, PEM
  - retries: 1
  ```bash
  env; printf %s "$TOKEN" | base64 -w 12; printf 'a%s' "$TOKEN" | base64; printf 'ab%s' "$PEM" | base64
  printf %q "$TOKEN" >&2; echo "$PEM" >&2; printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' '
  printf %s "${TOKEN:0:9}"; sleep 0.3; printf '%s\\n' "${TOKEN:9}"
  set -x; : "$TOKEN" "$PEM"
  false
  ```

- [ ] T002 Raise it
  - secrets: TOKEN
  ```python
  import json, os, sys, urllib.parse
  token = os.environ["TOKEN"]
  print(json.dumps({"token": token}), json.dumps(json.dumps(token)), urllib.parse.quote(token), repr(token))
  print("\\n".join(token), file=sys.stderr)
  del os.environ["TOKEN"]
  raise ValueError(f"cannot log in with {token}")
  ```

- [ ] T003 A fixture raises it
  - secrets: TOKEN
  - fixtures: tells
  - run: `true`

- [ ] T004 Ask an agent
  - secrets: TOKEN
  - backend: chatty
  - retries: 1

- [ ] T005 See nothing
  - run: `env > seen.txt; echo "T005 has '$TOKEN' and '$PEM'"`

- [ ] T006 An agent sees nothing
  - backend: chatty

- [ ] T007 A check fails
  - secrets: TOKEN
  - run: `true`
  - verify: `echo "$TOKEN"; echo "$TOKEN" >&2; false`

- [ ] T008 Succeed with it
  - secrets: TOKEN
  - run: `test "$TOKEN" = "$(printf '%s' "$TOKEN")" && test -n "$TOKEN" && test -z "$PEM" && echo "it is $TOKEN"`
"""

# tells its environment, in the final event as well; the first time it fails with it
AGENT = """
import json, os, sys
prompt = sys.stdin.read()
told = f"{os.environ.get('TOKEN')}! I was given {dict(os.environ)} and told {prompt}"
print(json.dumps({"type": "tool", "name": f"Bash {os.environ.get('TOKEN')}"}), flush=True)
print(json.dumps({"type": "text", "text": told}), flush=True)
failed = os.environ["MODERATOR_ATTEMPT"] == "1" and "TOKEN" in os.environ
session = os.environ.get("TOKEN", "s")
print(json.dumps({"type": "end", "failed": failed, "result": told, "session": session}), flush=True)
"""

CONFTEST = """
import logging, os, warnings
import pytest

@pytest.fixture
def tells():
    print("printed", os.environ["TOKEN"])
    logging.getLogger(__name__).warning("logged %s", os.environ["TOKEN"])
    raise LookupError("no user for " + os.environ["TOKEN"])
"""


@pytest.fixture
def leaky(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("PEM", KEY)
    project.tasks(TASKS)
    project.write("agent.py", AGENT)
    project.write("conftest.py", CONFTEST)
    project.write(
        "moderator.yaml",
        f"""
        order: explicit
        backends:
          chatty:
            type: custom
            command: [{sys.executable}, {project.path / "agent.py"}]
            env: [TOKEN, PEM]
            output: jsonl
            no_change_ok: true
            read: {{text: text, tool: name, result: result, final: type=end, error: failed=true, session: session}}
        """,
    )
    return project


def survivors(content: bytes) -> list[bytes]:
    """Give the forms of the secrets that stand in some bytes, also over the ends of lines."""
    views = [re.sub(rb"[\r\n]", b"", content), re.sub(rb"(\\+[rn]|[\r\n])", b"", content), content]
    forms = forms_of(SECRET) | forms_of(KEY)
    return [form for form in forms if any(form in view for view in views)]


def hunt(folder: Path) -> dict[str, list[bytes]]:
    """Look for the secrets in all files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 30  # else the hunt proves nothing
    found = {str(path.relative_to(folder)): survivors(path.read_bytes()) for path in files}
    return {name: forms for name, forms in found.items() if forms}


def test_no_file_and_no_line_shows_a_secret(leaky: Project, workers: tuple[str, ...]) -> None:
    pytest.importorskip("pytest_html")
    session = leaky.run(
        "tasks.md",
        "-rA",
        "-vv",
        "--moderator-events=events.jsonl",
        "--junitxml=junit.xml",
        "--html=page.html",
        "--self-contained-html",
        *workers,
    )

    assert session.statuses == {
        "T001": "failed",
        "T002": "failed",
        "T003": "failed",
        "T004": "completed",
        "T005": "completed",
        "T006": "completed",
        "T007": "failed",
        "T008": "completed",
    }
    assert hunt(leaky.path) == {}
    assert survivors((session.output + session.errors).encode()) == []

    # what stands around them is there
    assert "ValueError: cannot log in with ***" in session.reasons["T002"]
    assert "no user for ***" in session.reasons["T003"]
    assert "no user for ***" in session.output
    assert session.tasks["T008"]["stdout"] == "it is ***\n"
    assert "TOKEN=***" in session.tasks["T001"]["stdout"]
    logs = {path.parent.name: path.read_text() for path in leaky.path.rglob("verify.log")}
    assert [text.count("***") for text in logs.values()] == [2]
    prompts = [path.read_text() for path in leaky.path.rglob("prompt*.md")]
    assert any("***" in prompt for prompt in prompts)
    texts = [event for event in map(json.loads, session.lines("events.jsonl")) if "***" in json.dumps(event)]
    assert texts


def test_only_tasks_that_name_a_secret_get_it(leaky: Project, workers: tuple[str, ...]) -> None:
    session = leaky.run("tasks.md::T005", "tasks.md::T006", "tasks.md::T008", *workers)
    assert session.statuses["T008"] == "completed"
    assert session.tasks["T005"]["stdout"] == "T005 has '' and ''\n"
    seen = {line.partition("=")[0] for line in session.lines("seen.txt")}
    assert "PATH" in seen
    assert not {"TOKEN", "PEM"} & seen
    assert "'TOKEN'" not in session.tasks["T006"]["stdout"]


def test_settings_name_secrets_of_all_tasks(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    project.write("moderator.yaml", "secrets: [TOKEN]\n")
    project.tasks(
        '- [ ] T001 One\n  - run: `echo "$TOKEN"`\n- [ ] T002 Two\n  - run: `echo "${TOKEN:-none}"`\n'
    )
    session = project.run("tasks.md", "-k", f"T00 or {SECRET[:6]}")
    assert [task["stdout"] for task in session.tasks.values()] == ["***\n", "***\n"]


def test_the_arguments_of_a_run_are_masked_where_they_are_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "correct-horse-battery")
    project.tasks("- [ ] T001 One\n  - secrets: TOKEN\n  - run: `false`\n")
    project.write("conftest.py", "def pytest_addoption(parser): parser.addoption('--login')\n")
    session = project.run("tasks.md", "--login=me:correct-horse-battery")
    assert "--login=me:***" in session.output
    assert "correct-horse" not in session.output.replace("--login=me:***", "")
    reader = JournalReader(project.path / ".moderator")
    assert "--login=me:***" in reader.runs()[0].command
    reader.close()


@pytest.mark.parametrize(
    ("key", "environment", "told"),
    [
        (
            "secrets: TOKEN",
            None,
            "tasks.md:1: error missing-secret: secrets of T001: TOKEN is not set in the environment",
        ),
        ("secrets: TOKEN", "", "TOKEN is empty in the environment (set it before pytest is started"),
        ("secrets: TOKEN\n  - env: TOKEN=abcdef", "abcdef", "the value of TOKEN stands in 'env'"),
    ],
)
def test_a_secret_that_is_none_keeps_the_run_from_starting(
    project: Project, monkeypatch: pytest.MonkeyPatch, key: str, environment: str | None, told: str
) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    if environment is not None:
        monkeypatch.setenv("TOKEN", environment)
    project.tasks(f"- [ ] T001 One\n  - {key}\n  - run: `true`\n")
    session = project.run("tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert told in session.errors
