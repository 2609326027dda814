"""Reports: junit, pytest-html, JSON, events, and the summary in the terminal."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project

TASKS = """
    # Tasks: a house

    ## Phase 1: Setup

    - [x] T001 Buy the ground
    - [ ] T002 Build walls
      - run: `printf 'a<b>&\\033[31mred\\000\\377]]>'`

    ## Phase 2: User Story 1 - Colours

    - [ ] T003 [US1] Paint <the> "door"
      - retries: 1
      - run: `echo 'wet & <b>'; printf '\\033[0m\\000\\377'; exit 3`
    - [ ] T004 [US1] Hang the picture (depends on T003)
      - run: `true`
    - [ ] T005 [US1] Polish it, perhaps
      - optional: true
      - run: `exit 4`

    ## Phase 3: Thoughts

    - [ ] T006 Think
"""
COUNTS = {"passed": 1, "failed": 1, "skipped": 2, "xfailed": 1, "done": 1}


def test_junit_has_one_case_a_task_with_what_is_known_of_it(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", "--junitxml=junit.xml", *workers)
    assert session.counts == COUNTS
    suite, cases = session.junit()
    totals = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert totals == {"tests": 6, "failures": 1, "errors": 0, "skipped": 4}
    assert sorted(cases) == ["T001", "T002", "T003", "T004", "T005", "T006"]
    assert {case.attrib["classname"] for case in cases.values()} == {"tasks.md"}

    properties = {
        name: {entry.attrib["name"]: entry.attrib["value"] for entry in case.iter("property")}
        for name, case in cases.items()
    }
    colours = {"phase": "Phase 2: User Story 1 - Colours", "story": "US1"}
    worker = session.tasks["T003"]["worker"]
    assert properties == {
        "T001": {"id": "T001", "phase": "Phase 1: Setup"},
        "T002": {
            "id": "T002",
            "phase": "Phase 1: Setup",
            "backend": "shell",
            "backend_reason": session.tasks["T002"]["backend_reason"],
            "attempts": "1",
            "exit_code": "0",
            "worker": session.tasks["T002"]["worker"],
        },
        "T003": {
            "id": "T003",
            **colours,
            "backend": "shell",
            "backend_reason": session.tasks["T003"]["backend_reason"],
            "attempts": "2",
            "exit_code": "3",
            "worker": worker,
            "category": "logic",
        },
        "T004": {"id": "T004", **colours},
        "T005": {
            "id": "T005",
            **colours,
            "backend": "shell",
            "backend_reason": session.tasks["T005"]["backend_reason"],
            "attempts": "1",
            "exit_code": "4",
            "worker": session.tasks["T005"]["worker"],
            "category": "logic",
        },
        "T006": properties["T006"],
    }
    assert properties["T006"].items() >= {"id": "T006", "phase": "Phase 3: Thoughts"}.items()

    messages = {
        name: child.attrib["message"]
        for name, case in cases.items()
        for child in case
        if child.tag in ("failure", "skipped")
    }
    assert messages == {
        "T001": "already done",
        "T003": "T003 failed: exit code 3",
        "T004": "blocked by T003",
        "T005": "optional task: exit code 4",
        "T006": "nothing to run: no command, and no backend is configured for prose tasks",
    }


class Table(HTMLParser):
    """Gathers the header cells of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.data = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if dict(attrs).get("id") == "data-container":
            self.data = dict(attrs).get("data-jsonblob") or ""


def test_pytest_html_shows_columns_and_links_to_logs(project: Project, workers: tuple[str, ...]) -> None:
    pytest.importorskip("pytest_html")
    project.tasks(TASKS)
    project.write("test_a.py", "def test_a(): pass")
    session = project.run("tasks.md", "test_a.py", "--html=out/page.html", "--self-contained-html", *workers)
    page = (project.path / "out" / "page.html").read_text()
    data = json.loads(Table(page).data)
    rows = {name: tests[-1] for name, tests in data["tests"].items()}
    assert set(rows) == {f"tasks.md::T00{number}" for number in range(1, 7)} | {"test_a.py::test_a"}
    cells = rows["tasks.md::T003"]["resultsTableRow"]
    why = session.tasks["T003"]["backend_reason"]
    assert why.startswith("what it carries: ")
    for value in ("Phase 2: User Story 1 - Colours", "US1", "shell", why, "2", "3"):
        assert f"<td>{value}</td>" in cells
    assert {len(row["resultsTableRow"]) for row in rows.values()} == {len(cells)}
    links = [entry["content"] for entry in rows["tasks.md::T003"]["extras"]]
    assert len(links) == 2
    assert (project.path / "out" / links[0]).read_bytes().endswith(b"\0\xff")
    assert session.counts["passed"] == 2


def test_the_execution_report_names_everything(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", *workers)
    assert session.report["version"] == 1
    assert session.report["exit_code"] == 1
    assert session.report["workers"] == (2 if workers else 1)
    task = session.tasks["T003"]
    assert task["stdout"].startswith("wet & <b>\n")
    assert (task["attempts"], task["exit_code"], task["success"]) == (2, 3, False)
    assert task["started_at"] <= task["finished_at"]
    assert (project.path / task["artifacts_path"]).is_dir()


def test_the_events_tell_the_run_as_it_went(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", "--moderator-events=events.jsonl", *workers)
    events = [json.loads(line) for line in session.lines("events.jsonl")]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["run_id"] for event in events} == {session.report["run_id"]}
    told = [(event["kind"], event.get("task_id")) for event in events]
    assert told[0] == ("run_started", None)
    assert told[-1] == ("run_ended", None)
    assert events[-1]["exit_code"] == 1
    ended = [name for kind, name in told if kind == "task_ended"]
    assert sorted(ended) == ["T001", "T002", "T003", "T004", "T005", "T006"]
    started = [name for kind, name in told if kind == "task_started"]
    assert sorted(started) == ["T002", "T003", "T005", "T006"]
    assert all(told.index(("task_started", name)) < told.index(("task_ended", name)) for name in started)


def test_the_summary_goes_by_phase(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", *workers)
    session.result.stdout.fnmatch_lines(
        [
            "*= tasks =*",
            "Phase 1: Setup: 1 completed, 1 done",
            "Phase 2: User Story 1 - Colours: 1 failed, 1 failed (optional), 1 skipped",
            "  T003 failed: exit code 3, 2 attempts (.moderator/runs/*/tasks/T003)",
            "  T004 skipped: blocked by T003",
            "  T005 failed (optional): exit code 4 (.moderator/runs/*/tasks/T005)",
            "Phase 3: Thoughts: 1 skipped",
            "  T006 skipped: nothing to run: *",
            "tasks.md: 1 completed, 1 done, 1 failed, 1 failed (optional), 2 skipped in *",
            "logs: .moderator/runs/*",
        ]
    )
    state = project.path / ".moderator"
    assert (state / ".gitignore").read_text() == "*\n"
    (run,) = (state / "runs").iterdir()
    assert run.stat().st_mode & 0o777 == 0o700
    assert (run / "tasks" / "T003" / "stdout.log").read_bytes().endswith(b"\0\xff")


@pytest.mark.parametrize("option", ["--moderator-json", "--moderator-events"])
def test_a_report_that_cannot_be_written_is_told(project: Project, option: str) -> None:
    project.tasks("- [ ] T001 One\n  - run: `true`\n")
    (project.path / "folder").mkdir()
    session = project.pytest("--moderator", "tasks.md", f"{option}=folder")
    assert session.exit_code != 0
    assert "folder" in session.errors + session.output


def test_who_was_kept_apart_and_why(project: Project) -> None:
    project.tasks(
        "- [ ] T001 [P] a\n  - files: src/a.py\n  - run: `true`\n"
        "- [ ] T002 [P] b\n  - files: src/a.py\n  - run: `true`\n"
        "- [x] T003 [P] c\n  - files: src/a.py, src/b.py\n  - run: `true`\n"
        "- [ ] T004 [P] d\n  - files: src/b.py\n  - run: `true`\n"
    )
    session = project.run("-n2", "tasks.md")
    assert session.report["files"][0]["kept_apart"] == {"file src/a.py": ["T001", "T002"]}
    assert "  never at once, because of file src/a.py: T001, T002" in session.output
    assert project.run("tasks.md").report["files"][0]["kept_apart"] == {}
