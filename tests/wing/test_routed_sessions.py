"""Which backend does which task, in whole sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from stand_ins import stand_ins

from pytest_moderator.journal import JournalReader

if TYPE_CHECKING:
    from sessions import Project

AGENTS = stand_ins("alpha", "beta", "gamma", does='return TaskResult(task, stdout=f"{self.name} did it")')
TASKS = """
    # Tasks

    ## Phase 1: Setup

    - [ ] T001 [P] Create the project
    - [ ] T002 [P] Write unit tests in tests/test_a.py
    - [ ] T003 [P] Document it
      - backend: alpha
    - [ ] T004 [P] Document it in docs/guide.md
    - [ ] T005 [P] Write a script
      - run: `true`

    ## Phase 2: User Story 1

    - [ ] T006 [US1] Refactor the parser
    - [ ] T007 Add the model
"""
RULES = """
    gear3:
      backend_routing:
        enabled: {enabled}
        default_backend: alpha
        rules:
          - {{task_type: testing, backend: beta}}
          - {{phase: Setup, paths: docs/**, backend: gamma}}
          - {{story: US1, task_type: [refactoring, testing], backend: gamma}}
"""
ROUTED = {
    "T001": ("alpha", "the default backend"),
    "T002": ("beta", "rule 1 (moderator.yaml:6): testing: 'unit tests' in the title"),
    "T003": ("alpha", "its 'backend:' key"),
    "T004": ("gamma", "rule 2 (moderator.yaml:7): phase 'Setup', docs/guide.md matches docs/**"),
    "T005": ("shell", "what it carries: sh at line 11"),
    "T006": ("gamma", "rule 3 (moderator.yaml:8): story US1, refactoring: 'refactor' in the title"),
    "T007": ("alpha", "the default backend"),
}
NOT_ROUTED = dict.fromkeys(ROUTED, ("alpha", "the default backend: routing is off")) | {
    "T003": ROUTED["T003"]
}


@pytest.mark.parametrize("enabled", [True, False], ids=["routing", "default"])
def test_the_four_modes(project: Project, workers: tuple[str, ...], enabled: bool) -> None:
    """In parallel or not, with routing or without."""
    project.write("conftest.py", AGENTS)
    project.write("moderator.yaml", RULES.format(enabled=str(enabled).lower()))
    project.tasks(TASKS)

    session = project.run("tasks.md", "--moderator-events=events.jsonl", *workers)

    expected = ROUTED if enabled else NOT_ROUTED
    assert session.counts == {"passed": 7}
    results = {name: (task["backend"], task["backend_reason"]) for name, task in session.tasks.items()}
    assert results == expected
    events = [json.loads(line) for line in session.lines("events.jsonl")]
    started = {
        event["task_id"]: (event["backend"], event["backend_reason"])
        for event in events
        if event["kind"] == "task_started"
    }
    assert started == expected
    reader = JournalReader(project.path / ".moderator")
    (run,) = reader.runs()
    recorded = [event for event in reader.events(run.id) if event.kind == "task_started"]
    reader.close()
    assert {
        event.task_id: (event.payload["backend"], event.payload["backend_reason"]) for event in recorded
    } == expected


@pytest.mark.parametrize("place", ["moderator.yaml", "tasks.md"])
def test_the_form_of_a_mapping_works_in_both_files(project: Project, place: str) -> None:
    project.write("conftest.py", AGENTS)
    section = "backend_routing: {rules: {testing: beta, refactoring: gamma, general: alpha}}"
    if place == "moderator.yaml":
        project.write(place, section)
    front_matter = "" if place == "moderator.yaml" else f"---\nmoderator:\n  {section}\n---\n"
    project.tasks(f"{front_matter}- [ ] T001 Write tests\n- [ ] T002 Refactor it\n- [ ] T003 Do it\n")
    session = project.run("tasks.md")
    assert {name: task["backend"] for name, task in session.tasks.items()} == {
        "T001": "beta",
        "T002": "gamma",
        "T003": "alpha",
    }


def test_unknown_names_are_refused_before_the_run(project: Project) -> None:
    project.write("conftest.py", AGENTS)
    project.write(
        "moderator.yaml",
        """
        backend_routing:
          rules:
            testing: betta
            general: {backend: alpha, fallback: [gama, shell]}
          fallbacks:
            alfa: [beta, shel]
        """,
    )
    project.tasks("- [ ] T001 Do\n  - run: `touch never`\n")
    session = project.run("tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    place, asks = "moderator.yaml:{}: error unknown-backend: ", "asks for unknown backend"
    known = "there is alpha, beta, ccpm, claude, codex, gamma, gemini, manual, opencode, python, shell)"
    assert [line for line in session.errors.splitlines() if "unknown-backend" in line] == [
        f"{place.format(line)}{who} {asks} {name!r} (did you mean {meant!r}? {known}"
        for line, who, name, meant in (
            (3, "rule 1", "betta", "beta"),
            (4, "rule 2", "gama", "gamma"),
            (5, "backend_routing.fallbacks", "alfa", "alpha"),
            (5, "backend_routing.fallbacks", "shel", "shell"),
        )
    ]
    assert not (project.path / "never").exists()


def test_names_in_rules_do_not_matter_where_routing_is_off(project: Project) -> None:
    project.write("moderator.yaml", "backend_routing: {enabled: false, rules: {testing: gone}}")
    project.tasks("- [ ] T001 Do\n  - run: `true`\n")
    assert project.run("tasks.md").counts == {"passed": 1}


def test_what_is_chosen_is_in_the_log(project: Project) -> None:
    project.tasks("- [ ] T001 Do\n  - run: `true`\n")
    project.run("tasks.md", "--log-file=log.txt", "--log-file-level=INFO")
    log = (project.path / "log.txt").read_text()
    assert "T001: backend shell: what it carries: sh at line 2" in log


UNWELL = stand_ins(
    *("ill", "well", "spare"),
    does="return TaskResult(task)",
    more="""
    def health(self):
        Path(f"{self.name}.asked").touch()
        return Health(ok=self.name != "ill", detail="no key", hint=f"run {self.name} login")
    """,
)


def test_a_fallback_takes_the_place_of_one_that_is_not_well(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.write("conftest.py", UNWELL)
    project.write("moderator.yaml", "backend_routing: {default_backend: ill, fallbacks: {ill: [well]}}")
    project.tasks("- [ ] T001 One\n- [ ] T002 Two\n- [ ] T003 Three\n  - run: `true`\n")
    session = project.run("tasks.md", "--moderator-events=events.jsonl", *workers)
    reason = "the default backend; 'ill' cannot be used: no key"
    assert session.counts == {"passed": 3}
    results = {name: (task["backend"], task["backend_reason"]) for name, task in session.tasks.items()}
    assert results["T001"] == results["T002"] == ("well", reason)
    assert (
        "tasks.md:1: warning unhealthy-backend: backend 'ill' cannot be used, so 'well' does T001 and 1 more: "
        "no key (run ill login)" in session.output
    )
    assert f'"backend": "well", "backend_reason": "{reason}"' in session.lines("events.jsonl")[1]
    assert not (project.path / "spare.asked").exists()


def test_without_a_fallback_nothing_runs(project: Project, workers: tuple[str, ...]) -> None:
    project.write("conftest.py", UNWELL)
    project.tasks("- [ ] T001 One\n  - run: `touch never`\n- [ ] T002 Two\n  - backend: ill\n")
    session = project.run("tasks.md", *workers)
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert (
        "nothing was run:\ntasks.md:3: error unhealthy-backend: backend 'ill' is needed for T002 "
        "and cannot be used: no key (run ill login)" in session.errors
    )
    assert not (project.path / "never").exists()


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("tasks.md::T001",), False),
        (("tasks.md", "-k", "T001"), True),
        (("tasks.md::T001", "."), True),
        (("tasks.md", "--collect-only"), False),
    ],
)
def test_one_that_is_not_well_does_not_matter_to_other_tasks(
    project: Project, arguments: tuple[str, ...], asked: bool
) -> None:
    project.write("conftest.py", UNWELL)
    project.tasks("- [ ] T001 One\n  - run: `true`\n- [ ] T002 Two\n  - backend: ill\n")
    session = project.pytest("--moderator", *arguments)
    assert session.exit_code == (4 if "." in arguments else 0)
    assert (project.path / "ill.asked").exists() == asked


def test_what_a_run_has_completed_before_needs_nobody(project: Project) -> None:
    """The backend of T001 is well at first, and not any more when the run goes on."""
    project.write("conftest.py", UNWELL.replace('self.name != "ill"', 'not Path("tired").exists()'))
    project.tasks("- [ ] T001 One\n  - backend: ill\n- [ ] T002 Two\n  - run: `test -e tired`\n")
    assert project.run("tasks.md").statuses == {"T001": "completed", "T002": "failed"}
    (project.path / "tired").touch()
    session = project.run("tasks.md", "--moderator-resume")
    assert session.exit_code == 0
    assert session.statuses["T002"] == "completed"


BROKEN = """

class Broken(StandIn):
    def {method}(self{arguments}):
        raise ValueError("no idea")


def pytest_moderator_backends():
    return [StandIn("alpha"), Broken("broken")]
"""


@pytest.mark.parametrize("method", ["accepts", "validate"])
def test_who_breaks_when_asked_about_a_task_is_named(
    project: Project, workers: tuple[str, ...], method: str
) -> None:
    project.write("conftest.py", AGENTS + BROKEN.format(method=method, arguments=", task"))
    project.tasks(
        "- [ ] T001 Do it\n- [ ] T002 Do it\n  - backend: broken\n- [ ] T003 Do it\n  - run: `true`\n"
    )
    session = project.pytest("--moderator", *workers, "tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    line, task = (1, "T001") if method == "accepts" else (2, "T002")
    assert (
        f"tasks.md:{line}: error broken-backend: {method}() of backend 'broken' has raised ValueError: no idea when "
        f"it was asked about {task} (repair it)"
    ) in session.errors
    assert "Traceback" not in session.errors


def test_a_hook_that_breaks_when_it_is_to_choose_is_named(project: Project) -> None:
    project.write(
        "conftest.py", "def pytest_moderator_select_backend(task):\n    return task.no_such_thing\n"
    )
    project.tasks("- [ ] T001 Do it\n")
    session = project.pytest("--moderator", "tasks.md")
    assert session.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "tasks.md:1: error broken-backend: the hook pytest_moderator_select_backend has raised Attr" in (
        session.errors
    )


def test_one_that_cannot_be_closed_spoils_nothing(project: Project, workers: tuple[str, ...]) -> None:
    more = '\n\nclass Fine(StandIn):\n    def close(self):\n        Path("closed.txt").touch()\n'
    listed = '\n\ndef pytest_moderator_backends():\n    return [Broken("broken"), Fine("fine")]\n'
    project.write("conftest.py", AGENTS + BROKEN.format(method="close", arguments="") + more + listed)
    project.tasks("- [ ] T001 Do it\n  - backend: broken\n")
    session = project.run(*workers, "tasks.md")
    assert (session.exit_code, session.statuses) == (0, {"T001": "completed"})
    assert (project.path / "closed.txt").exists()
    assert "close() of backend 'broken' has raised ValueError('no idea'): repair it" in session.errors
