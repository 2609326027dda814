"""Fingerprints of tasks: what of a text changes them, and what does not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import MappingProxyType

import pytest
from plans import prints_of

from pytest_moderator.fingerprint import fingerprint
from pytest_moderator.model import Command, IsolationLevel, Task

TEXT = """## Phase 1: Setup

- [ ] T001 Set up src/a.py
  - run: `make setup`

## Phase 2: Core

- [ ] T002 [P] [US1] Build it (depends on T001)
  - timeout: 10m
  - env: A=1
  - Owner: me
  - Acceptance:
    - [ ] it is fast
    - [ ] it is small

  Some words.
  ```sh
  make all
  ```
- [ ] T003 Test it
"""


class TestFingerprint:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("- [ ] T002", "- [x] T002"),
            ("- [ ] T002", "* [-] T002"),
            ("- [ ] it is fast", "- [x] it is fast"),
            ("- [ ] it is fast", "- [~] it is fast"),
            ("- [ ] T002", "\n\nWords\n\n- [ ] T002"),
            ("- [ ] T001", "- [ ] T000 new\n- [ ] T001"),
            ("T002 [P] [US1] Build", "T002 Build"),
            ("T002 [P] [US1] Build", "T002 [US2] Build"),
            ("## Phase 2: Core\n", ""),
            ("## Phase 2: Core\n", "## Phase 2: Core ✅\n"),
            ("  Some words.", "    Some words.   "),
            ("  Some words.", "\n  Some words.\n"),
            ("  - Owner: me\n", "  - Owner: me\n  - Status: in progress\n"),
            ("- [ ] T003 Test it\n", "- [x] T003 Test it\n"),
            ("\n", "\r\n"),
        ],
    )
    def test_what_makes_no_difference(self, old: str, new: str) -> None:
        assert old in TEXT
        before, after = prints_of(TEXT), prints_of(TEXT.replace(old, new))
        assert before.items() <= after.items()

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("Build it", "Build all"),
            ("T002 [P]", "T022 [P]"),
            ("- [ ] T002", "- [ ]* T002"),
            ("depends on T001", "depends on T003"),
            ("timeout: 10m", "timeout: 11m"),
            ("env: A=1", "env: A=2"),
            ("Owner: me", "Owner: you"),
            ("it is fast", "it is faster"),
            ("    - [ ] it is fast\n", ""),
            ("Some words", "Some other words"),
            ("make all", "make  all"),
            ("```sh", "```bash"),
            ("  - timeout: 10m\n", ""),
            ("  - timeout: 10m\n", "  - timeout: 10m\n  - critical: yes\n"),
            ("- [ ] T003 Test it\n", "- [ ] T003 Test it\n\n## Dependencies\n\n- T003 blocks T002\n"),
        ],
    )
    def test_what_makes_one(self, old: str, new: str) -> None:
        assert old in TEXT
        before, after = prints_of(TEXT), prints_of(TEXT.replace(old, new))
        assert before["T001"] == after["T001"]
        assert before["T003"] == after["T003"]
        assert before["T002"] != after.get("T002")
        assert before["T002"] not in after.values()

    GROUP = "- [ ] 1. All\n  - words\n  - [ ] 1.1 One\n    - run: `a`\n\n  - [ ] 1.2 Two\n    - run: `b`\n"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("[ ] 1.1", "[x] 1.1"),
            ("1.2 Two", "1.2 Three"),
            ("  - [ ] 1.2 Two\n    - run: `b`\n", ""),
            ("  - [ ] 1.2", "  - [ ] 1.3 Three\n  - [ ] 1.2"),
        ],
    )
    def test_sub_tasks_are_no_part_of_their_parent(self, old: str, new: str) -> None:
        before, after = prints_of(self.GROUP), prints_of(self.GROUP.replace(old, new))
        assert before["1"] == after["1"]
        assert before["1.1"] == after["1.1"]

    TABLE = "| Key | Value |\n|-|-|\n| **Status** | open |\n\n"
    BODY = f"{TABLE}**Status**: open\n\n- [ ] step\n\n#### More\n\nwords\n"
    HEADINGS = f"### Task 1: One\n\n{BODY}\n### Task 2: Two\n\nwords\n"

    @pytest.mark.parametrize(
        ("old", "new", "changed"),
        [
            ("Task 1: One", "Task 1: One ✅", False),
            ("Task 1: One", "[x] Task 1: One", False),
            ("Task 1: One", "Task 1: One [DONE]", False),
            ("**Status**: open", "**Status**: completed", False),
            ("| open |", "| done |", False),
            ("- [ ] step", "- [x] step", False),
            ("#### More", "#### More ✅", False),
            ("- [ ] step", "- [ ] other step", True),
            ("#### More", "#### Less", True),
            ("Task 1: One", "Task 1: Some", True),
        ],
    )
    def test_headings(self, old: str, new: str, changed: bool) -> None:
        before, after = prints_of(self.HEADINGS), prints_of(self.HEADINGS.replace(old, new))
        assert (before["1"] != after["1"]) is changed
        assert before["2"] == after["2"]

    def test_a_task_whose_line_has_no_title(self) -> None:
        text = '- [ ] task\n  - id: a\n  - title: "One"\n  - words\n- [ ]\n  - id: b\n  - words\n'
        before = prints_of(text)
        assert prints_of(text.replace("[ ]", "[x]")) == before
        assert prints_of(text.replace("One", "Two"))["a"] != before["a"]
        assert not prints_of(text.replace("words", "other words")).items() & before.items()

    @pytest.mark.parametrize(
        "change",
        [
            {"id": "T9"}, {"title": "Other"}, {"description": "Title\nmore"}, {"optional": True}, {"critical": True},
            {"depends_on": ("T9",)}, {"files": ("b.py",)}, {"commands": (Command("sh", "b\n", 3),)}, {"call": "a:b"},
            {"commands": (Command("bash", "a\n", 3),)}, {"backend": "shell"}, {"verify": ("true",)}, {"timeout": 5.0},
            {"retries": 0}, {"approve": False}, {"isolation": IsolationLevel.FULL}, {"env": {"A": "2"}},
            {"secrets": ("A",)}, {"fixtures": ("a",)}, {"resources": ("a",)}, {"memory": 1}, {"estimate": 1.0},
            {"budget": "1"}, {"refresh": "true"}, {"reduced": {"A": "1"}}, {"notes": {"Owner": "you"}},
        ],
    )  # fmt: skip
    def test_every_field_that_a_task_says_counts(self, change: dict[str, object]) -> None:
        task = Task(
            "T1", "Title", 1, description="T1 Title", commands=(Command("sh", "a\n", 3),), env={"A": "1"},
            files=("a.py",), notes={"Owner": "me"},
        )  # fmt: skip
        assert fingerprint(replace(task, **change)) != fingerprint(task)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "change",
        [
            {"line": 9}, {"end_line": 9}, {"phase": "B"}, {"phase_line": 7}, {"parent": "T0"}, {"done": True},
            {"parallel": True}, {"story": "US1"}, {"wave": 2}, {"commands": (Command("sh", "a\n", 30),)},
            {"depends_on": ("T2", "T3", "T2")}, {"env": MappingProxyType({"B": "2", "A": "1"})},
            {"notes": {"Owner": "me", "Status": "done"}},
        ],
    )  # fmt: skip
    def test_no_field_that_others_say_does(self, change: dict[str, object]) -> None:
        task = Task(
            "T1", "Title", 1, commands=(Command("sh", "a\n", 3),), depends_on=("T3", "T2"),
            env={"A": "1", "B": "2"}, notes={"Owner": "me"},
        )  # fmt: skip
        assert fingerprint(replace(task, **change)) == fingerprint(task)  # type: ignore[arg-type]

    def test_it_never_changes(self) -> None:
        """These were written down once: journals keep them."""
        assert prints_of(TEXT) == {
            "T001": "d4cb7d8b79bf94e9",
            "T002": "1e8a6cfc83834ece",
            "T003": "be197de167def777",
        }

    def test_it_is_the_same_in_every_process(self) -> None:
        code = (
            "import sys; from pathlib import Path; from pytest_moderator.tasksfile import parse_tasks\n"
            "from pytest_moderator.fingerprint import fingerprint\n"
            "print(*map(fingerprint, parse_tasks(sys.argv[1], Path(), '').tasks))"
        )
        found = [
            subprocess.run(
                [sys.executable, "-c", code, TEXT],
                env={"PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
            ).stdout.decode()
            for seed in ("1", "2")
        ]
        assert [out.split() for out in found] == [list(prints_of(TEXT).values())] * 2
