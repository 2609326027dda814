"""A secret hunted for in all that runs of agents leave, whatever the agents do with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from branched import commit
from test_secrets import SECRET, hunt, survivors

if TYPE_CHECKING:
    from sessions import Project


FAKES = Path(__file__).parents[1] / "fakes"
KINDS = ("claude", "codex", "gemini", "opencode", "ccpm")

SETTINGS = "backends:\n" + "".join(
    f"  {kind}: {{command: {FAKES / kind.replace('ccpm', 'claude')}}}\n" for kind in KINDS
)

TASKS = """
# Tasks

## Phase 1: Build

- [ ] T001 [P] Fails with it, and then succeeds
  - backend: claude
  - secrets: TOKEN
  - retries: 3
  - verify: `printf '%s' "$TOKEN" | base64; echo "$TOKEN" >&2; sh check.sh`
  - fake: leak ; write one.txt ; leak done
  - fake 1: leak error
- [ ] T002 [P] Tells it as its answer
  - backend: codex
  - secrets: TOKEN
  - fake: write two.txt ; leak done
- [ ] T003 [P] Dies with half of it
  - backend: gemini
  - secrets: TOKEN
  - fake: write three.txt ; leak ; half {{"type": "message", "content": " ; die
- [ ] T004 [P] Fails with it
  - backend: opencode
  - secrets: TOKEN
  - retries: 1
  - fake: write four.txt ; leak error
- [ ] T005 [P] Was not given it, and finds it all the same
  - backend: ccpm
  - fake: write five.txt ; leak done

## Phase 2: Go on

- [ ] T006 Is told of it (depends on T001, T002, T005)
  - backend: claude
  - fake: write six.txt ; done Good.
"""

# fails twice, and tells it each time
CHECK = """
echo x >> "$MODERATOR_ARTIFACTS/checks"
echo "checked with $TOKEN"
test "$(wc -l < "$MODERATOR_ARTIFACTS/checks")" -ge 3
"""


@pytest.mark.parametrize("level", ["none", "full"])
def test_no_file_shows_the_secret_of_an_agent(
    project: Project, git, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    pytest.importorskip("pytest_html")
    monkeypatch.setenv("TOKEN", SECRET)
    project.write("moderator.yaml", f"isolation: {level}\n{SETTINGS}")
    project.write("check.sh", CHECK)
    project.tasks(TASKS.format())
    commit(git)
    session = project.run(
        *("-n", "4", "tasks.md", "-rA", "-vv", "--moderator-events=events.jsonl", "--junitxml=junit.xml"),
        *("--html=page.html", "--self-contained-html"),
    )
    assert session.statuses == {
        "T001": "completed",
        "T002": "completed",
        "T003": "failed",
        "T004": "failed",
        "T005": "completed",
        "T006": "completed",
    }, session.output
    assert hunt(project.path) == {}
    assert survivors((session.output + session.errors).encode()) == []
    assert survivors(git("log", "--all", "--format=%B%n%an%n%D").encode()) == []
    assert session.tasks["T001"]["attempts"] == 4
    assert "This is ***" in session.tasks["T002"]["stdout"]
    assert "This is ***" in session.tasks["T005"]["stdout"]
    assert "This is ***" in session.reasons["T004"]
    prompts = {path.parent.name: path.read_text() for path in project.path.rglob("prompt.md")}
    assert "This is ***" in prompts["T006"]
    assert "checked with ***" in prompts["T001"]
    # the same session all the time
    folder = next(project.path.glob(".moderator/runs/*/tasks/T001/artifacts"))
    assert len(list(folder.glob("call-*.json"))) == 4
