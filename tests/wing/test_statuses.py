"""What can come of a task, and that it is the same with and without workers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sessions import Project, Session

NOTHING = "nothing to run: no command, and no backend is configured for prose tasks"


def test_every_status_with_its_reason(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        """
        - [x] T001 Done before
        - [ ] T002 Fine (depends on T001)
          - run: `true`
        - [ ] T003 Fails
          - run: `exit 3`
        - [ ] T004 Needs it (depends on T003)
          - run: `true`
        - [ ] T005 Needs that (depends on T004)
          - run: `true`
        - [ ] T006 Needs two (depends on T003, T005, T002)
          - run: `true`
        - [ ] T007 Not that important
          - optional: true
          - run: `exit 4`
        - [ ] T008 Needs that (depends on T007)
          - run: `true`
        - [ ] T009 Only words
        - [ ] T010 Needs words (depends on T009)
          - run: `true`
        """
    )
    session = project.run("tasks.md", "-q", *workers)
    assert session.exit_code == 1
    assert session.counts == {"passed": 2, "failed": 1, "skipped": 5, "xfailed": 1, "done": 1}
    assert session.reasons == {
        "T001": "already done",
        "T003": "exit code 3",
        "T004": "blocked by T003",
        "T005": "blocked by T004, because of T003",
        "T006": session.reasons["T006"],
        "T007": "exit code 4",
        "T009": NOTHING,
        "T010": f"blocked by T009 ({NOTHING})",
    }
    assert "T003" in session.reasons["T006"]
    assert {name for name, task in session.tasks.items() if task["success"]} == {"T001", "T002", "T008"}
    assert session.tasks["T003"]["exit_code"] == 3
    assert session.tasks["T006"]["blocked_by"] == ["T003"]
    assert {
        name: task["attempts"] for name, task in session.tasks.items() if task["attempts"]
    } == dict.fromkeys(("T002", "T003", "T007", "T008"), 1)
    assert sorted(count for count in session.report["files"][0]["counts"].values() if count) == [
        1,
        1,
        1,
        2,
        5,
    ]


def test_only_an_optional_failure_ends_well(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("- [x] T001 Before\n- [ ] T002 Perhaps\n  - optional: true\n  - run: `exit 4`\n")
    session = project.run("tasks.md", *workers)
    assert session.exit_code == 0
    assert session.counts == {"xfailed": 1, "done": 1}


def test_all_done_before_is_a_run_with_nothing_to_do(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("- [x] T001 Before\n- [x] T002 Before\n")
    session = project.run("tasks.md", *workers)
    assert session.exit_code == 0
    assert session.counts == {"done": 2}


def test_the_failure_of_a_critical_task_stops_the_run(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        """
        - [ ] T001 Fine
          - run: `echo T001 >> ran.txt`
        - [ ] T002 Must not fail
          - critical: true
          - run: `exit 9`
        - [ ] T003 Independent
          - run: `echo T003 >> ran.txt`
        - [ ] T004 Needs it (depends on T002)
          - run: `echo T004 >> ran.txt`
        """
    )
    project.write("test_a.py", "import pytest\n@pytest.mark.depends_on('T003')\ndef test_a(): pass\n")
    session = project.run("tasks.md", "test_a.py", "-rs", *workers)
    assert session.exit_code == 1
    assert session.lines() == ["T001"]
    assert session.counts == {"passed": 1, "failed": 1, "skipped": 3}
    assert session.reasons == {
        "T002": "exit code 9",
        "T003": "not started: critical task T002 failed",
        "T004": "blocked by T002",
    }
    session.result.stdout.fnmatch_lines(["SKIPPED *: not started: critical task T002 failed"])


def test_a_task_fails_by_its_output_never(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        """
        - [ ] T001 Prints anything
          ```python
          import sys
          sys.stdout.buffer.write(bytes(range(256)) * 300 + b"\\x1b[2J\\x1b]0;title\\x07\\r\\n")
          sys.stderr.buffer.write(b"\\xff" * 100000 + b"]]>" + b"<&" + b"\\0")
          ```
        - [ ] T002 Prints anything, and fails
          - run: `head -c 5000 /dev/zero; printf '\\033[31m<b>]]>\\377'; exit 5`
        """
    )
    session = project.run("tasks.md", "--junitxml=junit.xml", "-rA", *workers)
    assert session.statuses == {"T001": "completed", "T002": "failed"}
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in session.output)
    _, cases = session.junit()
    assert set(cases) == {"T001", "T002"}
    assert cases["T002"].find("failure") is not None


def random_file(seed: int) -> str:
    """Make up tasks of all kinds that need each other.

    None needs two that keep it from starting: the one that ends first blocks it, and with workers that is luck.
    """
    chance = random.Random(seed)
    ids = [f"T{number:03}" for number in range(1, 11)]
    lines: list[str] = []
    blocking: set[str] = set()
    for place, name in enumerate(ids):
        if place % 4 == 0:
            lines += ["", f"## Phase {place // 4 + 1}: Some", ""]
        needs = chance.sample(ids[:place], min(place, chance.choice([0, 0, 1, 2])))
        if len(blocking.intersection(needs)) > 1:
            del needs[1:]
        box = chance.choice("   x")
        mark = chance.choice(["", "[P] "])
        lines.append(f"- [{box}] {name} {mark}Work" + (f" (depends on {', '.join(needs)})" if needs else ""))
        keys = [key for key, odds in (("optional", 0.2), ("critical", 0.1)) if chance.random() < odds]
        lines += [f"  - {key}: true" for key in keys]
        code = chance.choice([0, 0, 0, 0, 1]) if chance.random() < 0.85 else None
        if code is not None:
            lines.append(f"  - run: `echo {name} >> ran.txt; exit {code}`")
        fails = code != 0 and "optional" not in keys
        if box == " " and (fails or blocking.intersection(needs)):
            blocking.add(name)
    return "\n".join(lines) + "\n"


def outcome(session: Session) -> dict[str, object]:
    """What has to be the same: all but what ended while others ran."""
    return {name: (task["status"], task["error_message"]) for name, task in session.tasks.items()}


@pytest.mark.parametrize("order", ["phases", "explicit"])
def test_workers_change_nothing_of_what_comes_out(project: Project, order: str) -> None:
    for seed in range(8):
        project.tasks(random_file(seed).replace("critical", "urgent"), f"some/{seed}.md")
    files = [f"some/{seed}.md" for seed in range(8)]
    alone = project.run(*files, f"--moderator-order={order}")
    ran = sorted(alone.lines())
    (project.path / "ran.txt").unlink()
    parallel = project.run(*files, f"--moderator-order={order}", "-n", "2")
    assert outcome(parallel) == outcome(alone)
    assert sorted(parallel.lines()) == ran
    assert parallel.counts == alone.counts
    assert parallel.exit_code == alone.exit_code


def test_one_worker_changes_nothing_where_tasks_are_critical(project: Project) -> None:
    for seed in (3, 5):
        project.tasks(random_file(seed).replace("optional", "critical"))
        alone = project.run("tasks.md")
        parallel = project.run("tasks.md", "-n", "1")
        assert outcome(parallel) == outcome(alone)
        assert parallel.exit_code == alone.exit_code
