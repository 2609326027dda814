"""Tasks as items: their names, titles, lines, marks and words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from terminals import Terminal

if TYPE_CHECKING:
    from sessions import Project

TASKS = """
    # Tasks: a house

    ## Phase 1: Setup

    - [x] T001 Buy the ground
    - [ ] T002 Build the walls
      - run: `printf 'out\\033[31mred\\000\\377\\n'`

    ## Phase 2: User Story 1 - Colours

    - [ ] T003 [P] [US1] Paint the door red (depends on T002)
      - run: `echo wet paint; echo careful >&2; exit 3`
    - [ ] T004 [US1] Hang the *picture* (depends on T003)
      - run: `true`
    - [ ] T005 [US1] Polish it, perhaps
      - optional: true
      - run: `exit 4`
    - [ ] T006 Think about 色
"""
TITLES = {
    "T001": "Buy the ground",
    "T002": "Build the walls",
    "T003": "Paint the door red",
    "T004": "Hang the",
    "T005": "Polish it, perhaps",
    "T006": "Think about 色",
}
WORDS = {
    "T001": "DONE",
    "T002": "PASSED",
    "T003": "FAILED",
    "T004": "SKIPPED",
    "T005": "XFAIL",
    "T006": "SKIPPED",
}


def test_verbose_lines_show_the_title_of_every_task_however_it_ends(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", "-v", *workers)
    shown = session.output.partition("= FAILURES =")[0].splitlines()
    for name, title in TITLES.items():
        lines = [line for line in shown if WORDS[name] in line and f"::{name} " in line]
        assert len(lines) == 1
        assert title in lines[0]


def test_a_task_whose_fixture_fails_is_shown_with_its_title_too(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks("- [ ] T001 Use it\n  - fixtures: broken\n  - run: `true`\n")
    project.write("conftest.py", "import pytest\n@pytest.fixture\ndef broken(): raise OSError('no disk')\n")
    session = project.run("tasks.md", "-v", *workers)
    assert any(
        "Use it" in line for line in session.output.splitlines() if " ERROR" in line and "::T001" in line
    )


def test_without_options_tasks_have_lines_of_their_own(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", *workers)
    worker = "gw?" if workers else "main"
    session.result.stdout.fnmatch_lines(
        [
            "*T002 started Build the walls",
            f"*/6[]] T002 completed in * [[]{worker}]",
            "*T003 started Paint the door red*",
            f"*/6[]] T003 failed in *: exit code 3 [[]{worker}]",
            "*/6[]] T004 skipped blocked by T003",
        ]
    )
    session.result.stdout.fnmatch_lines(["*/6[]] T005 failed (optional) in *: exit code 4*"])
    session.result.stdout.fnmatch_lines(["*/6[]] T006 skipped nothing to run: no command*"])
    assert "::T002" not in session.output.partition("short test summary")[0]


@pytest.mark.parametrize("beside", [(), ("test_a.py",)])
def test_lines_of_tasks_stand_alone_at_a_terminal(
    project: Project, workers: tuple[str, ...], beside: tuple[str, ...]
) -> None:
    project.tasks("- [ ] T001 [P] One\n  - run: `true`\n- [ ] T002 [P] Two\n  - run: `true`\n")
    project.write("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")
    terminal = Terminal(project.path, *beside, *workers)
    assert terminal.end() == 0
    shown = terminal.output.partition("= tasks =")[0].split("\n")
    assert [line for line in shown if re.search(r"T00\d (started|completed)", line)] == [
        line for line in shown if re.match(r"      T00\d started \w+$|\[\d/2\] T00\d completed in ", line)
    ]
    assert sum(" T00" in line for line in shown) == 4


def test_quiet_runs_show_letters(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", "-q", *workers)
    session.result.stdout.re_match_lines([r"d\.Fs(xs|sx) .*100%"])
    session.result.stdout.fnmatch_lines(["1 failed, 1 passed, 2 skipped, 1 xfailed, 1 done in *"])


def test_collecting_only_lists_ids_and_titles_and_leaves_nothing_behind(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", "--co", "-q", *workers)
    assert session.exit_code == 0
    assert [line for line in session.output.splitlines() if "::" in line] == [
        f"tasks.md::{i}" for i in TITLES
    ]
    assert not (project.path / ".moderator").exists()
    verbose = project.run("tasks.md::T003", "--co", "-v", *workers)
    verbose.result.stdout.fnmatch_lines(
        ["*<TasksModule tasks.md>", "*<TaskItem T003>", "*Paint the door red*"]
    )
    assert not (project.path / "report.json").exists()


def test_a_failure_shows_the_title_what_was_printed_and_no_traceback(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tasks(TASKS)
    session = project.run("tasks.md", "-rA", "--durations=3", *workers)
    session.result.stdout.fnmatch_lines(["*__ T003 Paint the door red*", "*T003 failed: exit code 3"])
    for text in ("wet paint", "careful", "outred"):
        assert text in session.output
    assert ".py:" not in session.output.partition("= FAILURES =")[2]
    for line in (
        "PASSED tasks.md::T002",
        "FAILED tasks.md::T003 - *exit code 3",
        "SKIPPED [[]1] tasks.md:13: blocked by T003",
        "SKIPPED [[]1] tasks.md:18: nothing to run: no command, and no backend is configured for prose tasks",
        "XFAIL tasks.md::T005 - optional task: exit code 4",
        "*slowest 3 durations*",
    ):
        session.result.stdout.fnmatch_lines([line])
    assert not any(control in session.output for control in "\0\x1b")


@pytest.mark.parametrize("shown", ["--co", "-rA"])
def test_no_title_steers_the_terminal(project: Project, workers: tuple[str, ...], shown: str) -> None:
    project.tasks("- [ ] T001 Paint it \x1b[31mred\x07 \u202eback\n  - run: `exit 3`\n")
    session = project.run("tasks.md", "-v", shown, *workers)
    assert "Paint it red back" in session.output
    assert not any(control in session.output for control in "\x1b\x07\u202e")


def test_strict_markers_know_ours(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TASKS)
    project.write("test_a.py", "import pytest\n@pytest.mark.depends_on('T002')\ndef test_a(): pass\n")
    session = project.run("--strict-markers", "--strict-config", "tasks.md", "test_a.py", *workers)
    assert session.counts["passed"] == 2


def test_every_item_has_its_marks_its_words_and_its_place(project: Project) -> None:
    project.tasks(TASKS)
    project.write(
        "conftest.py",
        """
        def pytest_collection_modifyitems(items):
            for item in items:
                task = item.get_closest_marker("task").kwargs
                needs = [mark.args for mark in item.iter_markers("depends_on")]
                path, line, title = item.reportinfo()
                print(item.name, path.name, line, task["phase"], task["story"], task["parallel"], needs)
                print(sorted(item.extra_keyword_matches))
        """,
    )
    session = project.run("tasks.md", "--co", "-s")
    session.result.stdout.fnmatch_lines(
        [
            "T001 tasks.md 4 Phase 1: Setup None False []",
            "T003 tasks.md 10 Phase 2: User Story 1 - Colours US1 True [[]('T002',)]",
            "*'Colours'*'Paint'*'T003'*'US1'*'red'*",
            "T004 tasks.md 12 *US1 False [[]('T003',)]",
        ]
    )
