"""Tasks files with boxes that tests tick, and what may be done to such files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile import read_tasks_file
from pytest_moderator.tasksfile.checkbox import CheckBoxes
from pytest_moderator.tasksfile.own_text import own_text

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model import Problem
    from pytest_moderator.tasksfile import TasksFile


LIST = """# Tasks

- [ ] T001 Set up
- [ ] T002 Build
  - run: `make`
- [x] T003 Plan
- [ ] T004 Ship (depends on T002)
"""

# All of these are open, and each tick must make exactly one done.
DIALECTS = {
    "spec-kit": "## Phase 1: Setup\n- [ ] T001 [P] [US1] One in a.py\n- [ ] **T002** Two\n* [ ] T003: Three\n",
    "kiro": "- [ ] 1. One\n  - [ ] 1.1 In it\n  - [ ]* 1.2 Optional\n- [-] 2. Started\n- [~] 3. Half\n",
    "openspec": "## 1. First\n- [ ] 1.1 One\n- [ ] 1.2 Two\n## 2. Second\n- [ ] 2.1 Three\n",
    "ordered": "1. [ ] Write\n2. [ ] Read\n3) [ ] Think\n",
    "bullets": "* [ ] a\n* [ ] b\n\n+ [ ] c\n",
    "ccpm": "- [ ] #425 - One (parallel: true)\n- [ ] #426 - Two (depends: #425)\n",
    "bmad": "- [ ] Task 1: One (AC: 1)\n  - [ ] step\n  - [ ] step\n- [ ] Task 2: Two\n",
    "spec-kitty": "## Work Package WP01: Base\n- [ ] T001 One\n\n## Work Package WP02: More\n- [ ] T002 Two\n",
    "bold": "- **[ ]** T001 One\n- [ ]** T002 Two**\n- __[ ]__ T003 Three\n",
    "nested on one line": "- - [ ] T001 One\n- 1. [ ] T002 Two\n",
    "bullet alone": "-\n  [ ] T001 One\n-\n  [ ] T002 Two\n",
    "tabs": "-\t[ ]\tT001 One\n\t- [ ] T002 Two\n",
    "wide spaces": "- \u3000[ ] T001 One\n- \xa0[ ] T002 Two\n",
    "other marks": "- [!] T001 One\n- [_] T002 Two\n- [\t] T003 Three\n- [/] T004 Four\n",
    "keys": "- [ ] One\n  - id: first\n- [ ] Two\n  - id: second\n  - depends on: first\n",
    "same titles": "- [ ] Test\n- [ ] Test\n- [ ] Test\n",
    "headings with boxes": "### [ ] Task 1: One\n\n### [ ] Task 2: Two\n\n### \\[ \\] Task 3: Three\n",
    "underlined headings": "[ ] Task 1: One\n===\n\n[ ] Task 2: Two\n===\n",
    "a status below headings": "### T1: One\n- **Status**: [ ]\n\n### T2: Two\n**Status**: [ ] open\n",
    "beside fences": "```\n- [ ] T001 One\n```\n- [ ] T001 One\n  ```\n  - [ ] T001 One\n  ```\n- [ ] T002 Two\n",
    "beside comments": "<!--\n- [ ] T001 One\n-->\n- [ ] T001 One\n- [ ] T002 Two `- [ ] T001 One`\n",
    "beside quotes": "> - [ ] T001 One\n\n- [ ] T001 One\n- [ ] T002 Two\n",
    "front matter": "---\nnote: '- [ ] T001 One'\n---\n- [ ] T001 One\n- [ ] T002 Two\n",
    "other scripts": "- [ ] T001 写模型 在 模型.py\n- [ ] T002 Написать 🎯\n  - файл\n- [ ] T003 Ça\n",
    "mixed line ends": "- [ ] T001 One\r\n- [ ] T002 Two\r- [ ] T003 Three\n\r\n- [ ] T004 Four",
    "marks of bytes": "\ufeff- [ ] T001 One\n- [ ] T002 \x00 Two\n- [ ] T003 \u2028 \x0c \x85 Three\n",
}  # fmt: skip
REPEATS = {
    "a list twice": "## Overview\n- [ ] T001 a\n- [ ] T002 b\n\n## Tasks\n- [ ] T001 One\n- [ ] T002 Two\n",
    "a task twice": "- [ ] T001 One\n- [ ] T002 Two\n- [ ] T001 One\n- [ ] T002 Two\n",
    "a summary": "### [ ] Task 1: One\n### [ ] Task 2: Two\n## Summary\n- [ ] Task 1: One\n- [ ] Task 2: Two\n",
    "headings twice": "### [ ] Task 1: One\n### [ ] Task 2: Two\n### [ ] Task 1: One\n### [ ] Task 2: Two\n",
}
EDITS = [
    ("- [ ] T001", "Some words.\n\n- [ ] T000 New\n- [ ] T001"),
    ("- [ ] T001 Set up\n", ""),
    ("- [ ] T004 Ship (depends on T002)\n", "- [x] T004 Ship (depends on T002)\n- [ ] T005 é\n"),
    ("- [ ] T001 Set up\n- [ ] T002 Build\n  - run: `make`\n", "- [ ] T002 Build\n  - run: `make`\n- [ ] T001\n"),
    ("# Tasks\n", "\ufeff# Tasks\r\n"),
    ("- [ ] T002 Build\n  - run", "## Phase\n\n* [ ] T002 [P] [US1] Build\n\n    - run"),
    ("T002 Build\n", "T002 Build\n\n  - [ ] T002.1 More\n"),
    ("\n", "\r\n"),
]  # fmt: skip
LOST = [
    ("T002 Build", "T022 Build", 4, "no task of the file has this id any more"),
    ("T002 Build", "T002 Build it", 4, "its text has changed since"),
    ("`make`", "`make all`", 4, "its text has changed since"),
    (
        "- [ ] T002",
        "- [ ] T002 Something\n- [ ] T002",
        4,
        "the file shows this id more often than before",
    ),
    ("- [x] T003", "- [ ] T002 Build\n- [x] T003", 4, "the file shows this id more often than before"),
    ("- [ ] T002", "- [☐] T002", 4, "it is [☐]"),
    ("- [ ] T002 Build", "```\n- [ ] T002 Build\n```", 4, "no task of the file has this id any more"),
]


class File:
    """A tasks file that is being run."""

    def __init__(self, path: Path, content: str | bytes) -> None:
        self.path = path
        self.path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.read = read_tasks_file(path, "tasks.md")
        self.boxes = CheckBoxes(self.read)

    def tick(self, task_id: str) -> Problem | None:
        return self.boxes.tick(next(task for task in self.read.tasks if task.id == task_id))

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @property
    def done(self) -> set[str]:
        return {task.id for task in read_tasks_file(self.path).tasks if task.done}

    def edit(self, old: str, new: str) -> None:
        """Change it as an editor does that writes another file and puts it in the place of this one."""
        assert old in self.data.decode()
        other = self.path.with_suffix(".new")
        other.write_bytes(self.data.decode().replace(old, new).encode())
        other.replace(self.path)

    def edit_in_place(self, old: str, new: str) -> None:
        assert old in self.data.decode()
        self.path.write_bytes(self.data.decode().replace(old, new).encode())


def changes(before: bytes, after: bytes) -> list[tuple[bytes, bytes]]:
    assert len(before) == len(after)
    pairs = zip(before, after, strict=True)
    return [(bytes([old]), bytes([new])) for old, new in pairs if old != new]


def without_marks(file: TasksFile) -> list[object]:
    return [(replace(task, done=False, description="", notes={}), own_text(task)) for task in file.tasks]
