from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pytest_moderator.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))

FEATURE = """\
# Tasks: a feature

## Phase 1: Setup

- [x] T001 Create the project
- [ ] T002 [P] Write the "model" in src/model.py
  ```sh
  true
  ```
- [ ] T003 [P] Write the <view> in src/view.py
  - run: `true`
  - optional: true

## Phase 2: User Story 1

- [ ] T004 [US1] Test it in tests/test_it.py (depends on T002)
  - call: json:dumps
  - critical: true
- [ ] T005 [P] [US1] Change src/model.py again
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pytest.ini").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plan(project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(text: str, *options: str) -> tuple[int, str, str]:
        (project / "tasks.md").write_text(text, encoding="utf-8")
        code = main(["plan", "tasks.md", *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def as_json(ran: tuple[int, str, str]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(ran[1])
    jsonschema.validate(data, SCHEMA)
    return data


class TestJson:
    def test_has_everything(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        ran = plan(FEATURE, "--format", "json")
        data = as_json(ran)
        assert ran[0] == 0
        assert (data["version"], data["file"], data["order"], data["problems"]) == (
            1,
            "tasks.md",
            "phases",
            [],
        )
        assert data["phases"] == [
            {"name": "Phase 1: Setup", "line": 3},
            {"name": "Phase 2: User Story 1", "line": 14},
        ]
        tasks = {task["id"]: task for task in data["tasks"]}
        assert tasks["T004"] == {
            "id": "T004",
            "title": tasks["T004"]["title"],
            "line": 16,
            "phase": "Phase 2: User Story 1",
            "done": False,
            "parallel": False,
            "story": "US1",
            "optional": False,
            "critical": True,
            "depends_on": ["T002"],
            "waits_for": ["T002", "T003"],
            "conflicts_with": [],
            "files": ["tests/test_it.py"],
            "backend": "python",
            "backend_reason": "what it carries: a 'call:' key",
            "runnable": True,
            "checkpoint": False,
        }
        assert {task["id"]: task["backend"] for task in data["tasks"]} == {
            "T001": None,
            "T002": "shell",
            "T003": "shell",
            "T004": "python",
            "T005": None,
        }
        assert tasks["T005"]["conflicts_with"] == ["T002"]
        assert not tasks["T005"]["runnable"]
        assert (tasks["T001"]["done"], tasks["T003"]["optional"]) == (True, True)

    def test_is_complete_when_there_are_errors(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        ran = plan(
            "- [ ] T001 A (depends on T002)\n- [ ] T002 B (depends on T001, T009)\n- [ ] T001 C\n",
            "--format=json",
        )
        data = as_json(ran)
        assert ran[0] == 1
        assert [task["id"] for task in data["tasks"]] == ["T001", "T002", "T001"]
        assert {problem["code"] for problem in data["problems"]} >= {
            "cycle",
            "unknown-dependency",
            "duplicate-id",
        }

    @pytest.mark.parametrize("name", ["gone.md", ".", "latin.md"])
    def test_is_printed_for_a_file_that_cannot_be_read(
        self, project: Path, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        (project / "latin.md").write_bytes(b"- [ ] caf\xe9\n")
        assert main(["plan", name, "--format", "json"]) == 1
        data = as_json((1, capsys.readouterr().out, ""))
        assert (data["file"], data["tasks"]) == (name, [])
        assert [problem["severity"] for problem in data["problems"]] == ["error"]

    def test_problems_of_other_files_say_where_they_are(
        self, project: Path, plan: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "moderator.yaml").write_text("order: phases\ntimout: 3\n")
        monkeypatch.setenv("MODERATOR_RETRIES", "x")
        problems = as_json(plan("- [ ] T001 A\n", "--format=json"))["problems"]
        assert [problem["line"] for problem in problems] == [0, 0]
        assert problems[0]["message"].startswith("environment: MODERATOR_RETRIES must be")
        assert problems[1]["message"] == "moderator.yaml:2: unknown key 'timout'"

    def test_checkpoints_are_part_of_the_plan(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        front = "---\nmoderator:\n  phases:\n    Core: {verify: [make check, a.py]}\n---\n"
        text = f"{front}## Core\n- [ ] T001 A\n  - run: `true`\n## Next\n- [ ] T002 B\n  - run: `true`\n"
        tasks = {task["id"]: task for task in as_json(plan(text, "--format=json"))["tasks"]}
        checkpoint = tasks["verify-core"]
        assert (checkpoint["checkpoint"], checkpoint["runnable"], checkpoint["backend"]) == (True, True, None)
        assert checkpoint["waits_for"] == ["T001"]
        assert tasks["T002"]["waits_for"] == ["verify-core"]
        shown = plan(text)[1]
        assert "[ ] verify-core  Checkpoint of Core  (checkpoint)\n" in shown
        assert "after T001 (depends on)\n                   runs make check, a.py\n" in shown
        assert "3 tasks in 2 phases: 0 done, 3 to run, 0 with nothing to run" in shown
        assert "because: it verifies its phase" in plan(text, "--explain", "verify-core")[1]

    def test_front_matter_is_blamed_by_line(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        text = "---\ntitle: x\nmoderator:\n  order: explicit\n  timout: 3\n  grace: -1\n---\n- [ ] T001 A\n"
        data = as_json(plan(text, "--format=json"))
        assert data["order"] == "explicit"
        assert [(problem["line"], problem["code"]) for problem in data["problems"]] == [
            (5, "unknown-key"),
            (6, "bad-value"),
        ]

    def test_keys_said_twice_in_front_matter_are_an_error(
        self, plan: Callable[..., tuple[int, str, str]]
    ) -> None:
        text = "---\nmoderator:\n  retries: 1\n  retries: 2\n---\n- [ ] T001 A\n"
        (problem,) = as_json(plan(text, "--format=json"))["problems"]
        assert (problem["line"], problem["severity"]) == (4, "error")

    def test_the_flag_wins_over_the_front_matter(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        text = "---\nmoderator: {order: explicit}\n---\n- [ ] T001 A\n- [ ] T002 B\n"
        assert as_json(plan(text, "--format=json"))["tasks"][1]["waits_for"] == []
        data = as_json(plan(text, "--format=json", "--order=stories"))
        assert (data["order"], data["tasks"][1]["waits_for"]) == ("stories", ["T001"])

    def test_another_configuration_file(
        self, project: Path, plan: Callable[..., tuple[int, str, str]]
    ) -> None:
        (project / "other.yaml").write_text("order: explicit\n")
        assert (
            as_json(plan("- [ ] T001 A\n", "--format=json", "--config", "other.yaml"))["order"] == "explicit"
        )

    def test_pytests_configuration_counts(
        self, project: Path, plan: Callable[..., tuple[int, str, str]]
    ) -> None:
        (project / "pytest.ini").write_text("[pytest]\nmoderator_order = explicit\nmoderator_retries = x\n")
        data = as_json(plan("- [ ] T001 A\n", "--format=json"))
        assert data["order"] == "explicit"
        assert data["problems"][0]["message"].startswith("pytest.ini: moderator_retries must be")


class TestBackends:
    def test_without_routing_the_default_backend_is_for_all(
        self, plan: Callable[..., tuple[int, str, str]]
    ) -> None:
        section = "gear3: {backend_routing: {enabled: false, default_backend: shell}}"
        text = f"---\nmoderator: {{{section}}}\n---\n- [x] T001 A\n- [x] T002 B\n  - call: a:b\n"
        tasks = as_json(plan(text, "--format=json"))["tasks"]
        assert [task["backend"] for task in tasks] == [None, "shell"]

    def test_an_unknown_default_backend_is_blamed_where_it_is_set(
        self, project: Path, plan: Callable[..., tuple[int, str, str]]
    ) -> None:
        (project / "moderator.yaml").write_text("retries: 1\ndefault_backend: shel\n")
        code, out, _ = plan("- [ ] T001 A\n")
        assert code == 1
        assert "moderator.yaml:2: error unknown-backend: default_backend: " in out
        assert "did you mean 'shell'?" in out

    def test_an_unknown_backend_of_a_task(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        code, out, _ = plan("- [ ] T001 A\n  - backend: shel\n- [x] T002 B\n  - backend: gone\n")
        assert code == 1
        assert "tasks.md:1: error unknown-backend:" in out
        assert "T002" not in out.partition("error")[2]  # what is done does not run

    def test_what_a_backend_finds_is_blamed_on_the_task(
        self, plan: Callable[..., tuple[int, str, str]]
    ) -> None:
        problems = as_json(plan("# A\n\n- [ ] T001 A\n  - backend: shell\n  - call: a:b\n", "--format=json"))[
            "problems"
        ]
        assert [(problem["line"], problem["code"]) for problem in problems] == [(3, "no-command")]

    def test_a_group_has_nothing_to_run_itself(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        text = "- [ ] 1. Do all\n  - [ ] 1.1 Do a part\n    - run: `true`\n"
        tasks = as_json(plan(text, "--format=json"))["tasks"]
        assert [task["runnable"] for task in tasks] == [False, True]
        assert "Do all  (group)" in plan(text)[1]


class TestText:
    def test_shows_levels_reasons_and_the_critical_path(
        self, plan: Callable[..., tuple[int, str, str]]
    ) -> None:
        code, out, err = plan(FEATURE)
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == "tasks.md: 5 tasks, order phases"
        assert "Level 2 (2 at once)" in lines
        assert any(line.startswith("  [x] T001  Create the project") for line in lines)
        assert any(line.startswith("  [ ] T003") and line.endswith("(shell, optional)") for line in lines)
        assert "after T002 (depends on); T003 (phase)" in out
        assert any(line.startswith("Critical path (3 tasks): T002 -> ") for line in lines)
        assert "  file src/model.py: T002, T005" in lines
        assert lines[-1] == "5 tasks in 2 phases: 1 done, 3 to run, 1 with nothing to run"
        assert "\x1b" not in out

    def test_names_a_few_of_many(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        rows = "".join(f"- [ ] T{number:03} [P] Do {number}\n" for number in range(1, 10))
        _, out, _ = plan(f"{rows}- [ ] T010 Last\n")
        assert "after T001, T002, T003, T004 and 5 more (order)" in out

    def test_a_file_without_tasks(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        code, out, _ = plan("# Nothing\n")
        assert code == 1
        assert "Level" not in out
        assert "Critical path" not in out
        assert "tasks.md: error no-tasks" in out or "tasks.md:1: error no-tasks" in out

    def test_cannot_steer_a_terminal(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        _, out, _ = plan("- [ ] T001 Look \x1b]0;here\x07 \x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}now\n")
        assert not {"\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(out)

    def test_is_coloured_on_a_terminal(
        self, plan: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert "\x1b[1mLevel 1\x1b[0m" in plan(FEATURE)[1]
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b" not in plan(FEATURE)[1]


class TestDrawings:
    def test_mermaid(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        code, out, _ = plan(FEATURE, "--format", "mermaid")
        lines = out.splitlines()
        assert (code, lines[0]) == (0, "flowchart TD")
        assert '  subgraph p1["Phase 1: Setup"]' in lines
        assert '    t1["T001: Create the project"]' in lines
        assert "T002: Write the #34;model#34; in" in out
        assert "#60;view#62;" in out
        assert "  t2 --> t4" in lines
        assert "  t2 -.-> t4" not in lines
        assert "  t3 -.-> t4" in lines
        assert "  class t1 done" in lines

    def test_mermaid_without_anything_done(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        assert "done" not in plan("- [ ] T001 A\n", "--format", "mermaid")[1]

    def test_dot(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        code, out, _ = plan(FEATURE, "--format", "dot")
        lines = out.splitlines()
        assert (code, lines[0], lines[-1]) == (0, 'digraph "tasks.md" {', "}")
        assert '    t1 [label="T001: Create the project", style=filled, fillcolor=palegreen];' in lines
        assert 'Write the \\"model\\" in' in out
        assert "  t2 -> t4;" in lines
        assert "  t3 -> t4 [style=dashed];" in lines

    def test_many_after_many_go_through_one_node(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        text = "".join(
            f"## Phase {phase}\n\n"
            + "".join(f"- [ ] {phase}{number:02} [P] Do it\n" for number in range(1, 21))
            + "\n"
            for phase in ("T1", "T2")
        )
        for name, arrow, joint in (("mermaid", "-.->", "  j1(( ))"), ("dot", " -> ", "  j1 [shape=point];")):
            lines = plan(text, "--format", name)[1].splitlines()
            assert joint in lines
            assert sum(arrow in line for line in lines) == 40

    def test_problems_do_not_spoil_the_drawing(self, plan: Callable[..., tuple[int, str, str]]) -> None:
        code, out, err = plan("- [ ] T001 A (depends on T009)\n", "--format", "mermaid")
        assert code == 1
        assert "unknown-dependency" not in out
        assert "tasks.md:1: error unknown-dependency" in err
