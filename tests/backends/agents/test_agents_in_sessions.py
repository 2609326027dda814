"""Tasks in prose, done by fakes of agents, in whole sessions of pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from stages import FAKES, git

if TYPE_CHECKING:
    from pathlib import Path

SLOW = ("html", "metadata", "hypothesispytest")  # plugins that would cost a session more time than all else


def run(
    folder: Path, *arguments: str, tasks: str = "tasks.md"
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run the tasks of a project, and give the results by id."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    without = [f"-pno:{name}" for name in SLOW]
    command = [sys.executable, "-m", "pytest", "-Werror", *without, "--moderator", tasks]
    done = subprocess.run(
        [*command, "--moderator-json=.moderator/report.json", *arguments],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    report = folder / ".moderator" / "report.json"
    files = json.loads(report.read_text())["files"] if report.exists() else []
    return done, {result["task"]["id"]: result for file in files for result in file["tasks"]}


@pytest.fixture
def project(repository: Path) -> Path:
    (repository / "pytest.ini").write_text("[pytest]\n")
    (repository / "moderator.yaml").write_text(
        f"""
backends:
  claude:
    command: {FAKES / "claude"}
    linger: 1s
  careful:
    type: claude
    command: [{FAKES / "claude"}]
    permission_mode: plan
    no_change_ok: true
    prompt_file: rules.md
default_backend: claude
backend_routing:
  health_timeout: 5m
"""
    )
    (repository / "rules.md").write_text("Write short sentences.\n")
    (repository / "spec.md").write_text("# A service\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Set up")
    return repository


TASKS = """\
# Tasks

## Phase 1: Build

- [ ] T001 Write the model in src/model.py
  - fake: write src/model.py ; done The model is called Order.
- [ ] T002 [P] Write the service in src/service.py (depends on T001)
  - fake: write src/service.py ; done
- [ ] T003 [P] Review the model (depends on T001)
  - backend: careful
  - fake: done It is good.
- [ ] T004 Say what was done
  - run: `ls src`
- [ ] T005 Only say it is done
  - fake: done I have done everything.
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_prose_is_done_by_an_agent(project: Path, workers: tuple[str, ...]) -> None:
    (project / "tasks.md").write_text(TASKS)
    done, results = run(project, *workers)
    assert "Traceback" not in done.stderr
    statuses = {name: result["status"] for name, result in results.items()}
    assert statuses == {
        "T001": "completed",
        "T002": "completed",
        "T003": "completed",
        "T004": "completed",
        "T005": "failed",
    }, done.stdout
    assert {name: result["backend"] for name, result in results.items()} == {
        "T001": "claude",
        "T002": "claude",
        "T003": "careful",
        "T004": "shell",
        "T005": "claude",
    }
    assert results["T001"]["usage"]["cost_usd"] == 0.25
    assert results["T001"]["stdout"] == "The model is called Order."
    assert results["T005"]["category"] == "logic"
    assert "changed no file" in results["T005"]["error_message"]
    folder = next((project / ".moderator" / "runs").iterdir()) / "tasks"
    prompt = (folder / "T003" / "prompt.md").read_text()
    assert prompt.startswith("Write short sentences.\n\n# Task T003: Review the model")
    assert "- spec.md (what is wanted)" in prompt
    assert "The model is called Order." in prompt
    call = json.loads((folder / "T003" / "artifacts" / "call-1.json").read_text())
    assert call["argv"][call["argv"].index("--permission-mode") + 1] == "plan"


def test_agents_on_branches_of_their_own(project: Path) -> None:
    feature = project / "specs" / "001-orders"
    feature.mkdir(parents=True)
    (feature / "plan.md").write_text("# How\n")
    (feature / "tasks.md").write_text(
        """\
- [ ] T001 [P] Write the model in src/model.py
  - fake: write src/model.py ; done It is called Order.
- [ ] T002 [P] Only say it is done
  - fake: done I have done everything.
- [ ] T003 [P] Write the view in src/view.py
  - fake: write src/view.py ; done
- [ ] T004 Use the model in src/use.py (depends on T001)
  - fake: run cat src/model.py >> src/use.py ; done
- [ ] T005 [P] Only tick the boxes
  - fake: run sed -i 's/\\[ ]/[x]/' specs/001-orders/tasks.md ; done I have ticked everything.
"""
    )
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "Plan")
    done, results = run(project, "-n", "2", "--moderator-isolation=full", tasks="specs/001-orders/tasks.md")
    statuses = {name: result["status"] for name, result in results.items()}
    assert statuses == dict.fromkeys(("T001", "T003", "T004"), "completed") | dict.fromkeys(
        ("T002", "T005"), "failed"
    ), done.stdout
    # what the others changed meanwhile, in work trees of their own, is not taken for its work
    assert "changed no file" in results["T002"]["error_message"]
    assert "changed no file" in results["T005"]["error_message"]
    folder = next((project / ".moderator" / "runs").iterdir()) / "tasks"
    prompt = (folder / "T004" / "prompt.md").read_text()
    assert "- specs/001-orders/plan.md (how it is to be built)" in prompt
    assert "It is called Order." in prompt


def test_a_further_attempt_of_a_task(project: Path) -> None:
    (project / "tasks.md").write_text(
        "- [ ] T001 Write it\n  - retries: 1\n  - fake 1: exit 3\n  - fake 2: write a ; done\n"
    )
    _, results = run(project, "-n", "1")
    assert (results["T001"]["status"], results["T001"]["attempts"]) == ("completed", 2)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_run_that_goes_on_tells_what_failed(project: Path, workers: tuple[str, ...]) -> None:
    (project / "tasks.md").write_text(
        "- [ ] T001 Write it\n  - fake 1: write a wrong ; done\n  - fake 2: write a right ; done\n"
        "  - verify: `echo it is $(cat a); grep right a`\n"
    )
    _, results = run(project, *workers)
    assert (results["T001"]["category"], results["T001"]["attempts"]) == ("verification", 1)
    _, results = run(project, *workers, "--moderator-resume")
    assert (results["T001"]["status"], results["T001"]["attempts"]) == ("completed", 2)
    folder = next((project / ".moderator" / "runs").iterdir()) / "tasks" / "T001"
    prompt = (folder / "prompt.md").read_text()
    assert "## This is attempt 2" in prompt
    assert "it is wrong" in prompt
    first, second = (
        json.loads((folder / "artifacts" / f"call-{n}.json").read_text())["argv"] for n in (1, 2)
    )
    assert second[second.index("--resume") + 1] == first[first.index("--session-id") + 1]


def test_what_is_missing_is_said_before_the_run(project: Path) -> None:
    (project / "moderator.yaml").write_text("backends:\n  claude:\n    command: no-such-program\n")
    (project / "tasks.md").write_text("- [ ] T001 Write it\n  - backend: claude\n")
    done, results = run(project)
    assert done.returncode == 4
    assert "tasks.md:1: error unhealthy-backend: backend 'claude' is needed for T001" in done.stderr
    assert (
        "'no-such-program' is not installed (install it, or name it with backends.claude.command)"
        in done.stderr
    )
    assert [result["attempts"] for result in results.values()] in ([], [0])


def test_front_matter_can_set_an_agent(project: Path) -> None:
    (project / "tasks.md").write_text(
        "---\nmoderator:\n  default_backend: mine\n  backends:\n    mine:\n      type: claude\n"
        f"      command: {FAKES / 'claude'}\n---\n- [ ] T001 Write it\n  - fake: write a ; done\n"
    )
    _, results = run(project)
    assert (results["T001"]["status"], results["T001"]["backend"]) == ("completed", "mine")


def test_mistakes_in_settings_are_named_with_their_line(project: Path) -> None:
    (project / "tasks.md").write_text("- [ ] T001 Write it\n")
    (project / "moderator.yaml").write_text(
        "backends:\n  claude:\n    modle: opus\n    linger: soon\n  shell: {}\n  codx:\n    type: codx\n"
    )
    done, _ = run(project)
    assert done.returncode == 4
    errors = [line for line in done.stderr.splitlines() if "moderator.yaml" in line]
    assert errors[0].endswith(
        "moderator.yaml:3: error unknown-key: unknown key 'backends.claude.modle' (did you mean 'model'?)"
    )
    assert "moderator.yaml:4: error bad-value: backends.claude.linger must be a time" in errors[1]
    assert "moderator.yaml:5: error unknown-type: backends.shell needs a type (there is ccpm," in errors[2]
    assert (
        "moderator.yaml:7: error unknown-type: backends.codx.type: 'codx' is no type of backend" in errors[3]
    )
    assert "did you mean 'codex'?" in errors[3]


def test_a_plugin_may_bring_a_backend_of_the_same_name(project: Path) -> None:
    (project / "moderator.yaml").unlink()
    (project / "tasks.md").write_text("- [ ] T001 Write it\n  - backend: codex\n")
    (project / "conftest.py").write_text(
        """
from pytest_moderator import Backend, TaskResult

class Mine(Backend):
    name = "codex"

    def accepts(self, task):
        return False

    def execute(self, task, context):
        return TaskResult(task, stdout="mine")

def pytest_moderator_backends():
    return [Mine()]
"""
    )
    _, results = run(project, "-n", "1")
    assert (results["T001"]["status"], results["T001"]["stdout"]) == ("completed", "mine")


def test_any_backend_may_have_limits(project: Path) -> None:
    (project / "tasks.md").write_text("- [ ] T001 Do it\n  - run: `true`\n")
    (project / "moderator.yaml").write_text("backends: {shell: {max_concurrent: 1}}\n")
    _, results = run(project)
    assert results["T001"]["status"] == "completed"
    (project / "moderator.yaml").write_text("backends: {shel: {max_concurrent: 1}}\n")
    done, _ = run(project)
    assert "backends: there is no backend 'shel' (give it a type, or correct its name)" in done.stderr


def test_a_name_that_is_taken_is_refused(project: Path) -> None:
    (project / "tasks.md").write_text("- [ ] T001 Write it\n")
    (project / "moderator.yaml").write_text("backends:\n  shell:\n    type: claude\n")
    done, _ = run(project)
    assert "backends: 'shell' is no coding agent and takes no type (use another name)" in done.stderr
