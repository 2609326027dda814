"""Ticking boxes: one character and nothing else, in a file that somebody may be editing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.model import Severity
from pytest_moderator.tasksfile import parse_tasks, read_tasks_file
from pytest_moderator.tasksfile.checkbox import CheckBoxes
from pytest_moderator.tasksfile.own_text import own_text

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str | bytes], File]:
    return lambda content: File(tmp_path / "tasks.md", content)


def changes(before: bytes, after: bytes) -> list[tuple[bytes, bytes]]:
    assert len(before) == len(after)
    pairs = zip(before, after, strict=True)
    return [(bytes([old]), bytes([new])) for old, new in pairs if old != new]


def without_marks(file: TasksFile) -> list[object]:
    return [(replace(task, done=False, description="", notes={}), own_text(task)) for task in file.tasks]


class TestDialects:
    @pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS)
    def test_one_character_changes_with_each_tick(self, make: Callable[[str], File], text: str) -> None:
        file = make(text)
        done: set[str] = set()
        assert len(file.read.tasks) > 1
        for task in file.read.tasks:
            before = file.data
            assert file.tick(task.id) is None
            assert [new for _, new in changes(before, file.data)] == [b"x"]
            done.add(task.id)
            assert file.done == done
            assert without_marks(read_tasks_file(file.path, "tasks.md")) == without_marks(file.read)
        assert not file.boxes.changed()

    @pytest.mark.parametrize("text", REPEATS.values(), ids=REPEATS)
    def test_all_boxes_of_one_task_are_ticked(self, make: Callable[[str], File], text: str) -> None:
        """Else the reader would find two tasks of one id, one of them done and the other not."""
        file = make(text)
        before = file.data
        first, second = (task.id for task in file.read.tasks)
        assert file.tick(first) is None
        assert changes(before, file.data) == [(b" ", b"x")] * 2
        assert file.done == {first}
        assert without_marks(read_tasks_file(file.path, "tasks.md")) == without_marks(file.read)
        assert file.tick(second) is None
        assert b"[ ]" not in file.data

    @pytest.mark.parametrize(
        "text", ["### Task 1: One\n- [ ] step\n\n### Task 2: Two [ ]\n", "### T1: a\n- **Status**: open\n"]
    )
    def test_a_heading_without_a_box_has_nothing_to_tick(
        self, make: Callable[[str], File], text: str
    ) -> None:
        file = make(text)
        for task in file.read.tasks:
            assert file.tick(task.id) is None
        assert file.data == text.encode()

    def test_what_is_ticked_stays_as_it_is(self, make: Callable[[str], File]) -> None:
        file = make("- [x] T001 a\n- [X] T002 b\n- [✓] T003 c\n- [✅] T004 d\n")
        before = file.data
        assert [file.boxes.tick(task) for task in file.read.tasks] == [None] * 4
        assert file.data == before

    @pytest.mark.parametrize("box", ["[]", "[☐]", "[\xa0]"])
    def test_a_box_without_room_for_a_tick_is_left_alone(self, make: Callable[[str], File], box: str) -> None:
        file = make(f"- {box} T001 a\n- [ ] T002 b\n")
        before = file.data
        problem = file.tick("T001")
        assert str(problem) == (
            f"tasks.md:1: warning not-ticked: the box of T001 was not ticked: it is {box} (write it as [ ])"
        )
        assert file.data == before
        assert file.tick("T002") is None


AS_SOMEBODY = """
import os, sys
from pathlib import Path
from pytest_moderator.tasksfile import read_tasks_file
from pytest_moderator.tasksfile.checkbox import CheckBoxes
file = read_tasks_file(Path(sys.argv[1]), "tasks.md")
if os.getuid() == 0:
    os.setuid(65534)
print(CheckBoxes(file).tick(file.tasks[0]), flush=True)
os._exit(0)
"""


def tick_as_somebody(path: Path) -> str:
    """Tick the first task in a process that may not do everything, and give what came of it."""
    argv = [sys.executable, "-c", AS_SOMEBODY, str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


class TestTheFile:
    def test_it_stays_the_same_file(self, make: Callable[[str], File], tmp_path: Path) -> None:
        file = make(LIST)
        file.path.chmod(0o640)
        hard, soft = tmp_path / "hard.md", tmp_path / "soft.md"
        os.link(file.path, hard)
        soft.symlink_to("tasks.md")
        before = file.path.stat()
        linked = CheckBoxes(read_tasks_file(soft))
        assert linked.tick(file.read.tasks[0]) is None
        after = file.path.stat()
        kept = ("st_ino", "st_mode", "st_uid", "st_gid", "st_nlink", "st_size")
        assert [getattr(before, name) for name in kept] == [getattr(after, name) for name in kept]
        assert soft.is_symlink()
        assert hard.read_bytes() == file.data == LIST.replace("[ ] T001", "[x] T001").encode()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["hard.md", "soft.md", "tasks.md"]

    @pytest.mark.parametrize("rights", [0o755, 0o555])
    def test_its_directory_need_not_be_writable(self, rights: int) -> None:
        with TemporaryDirectory() as directory:
            path = Path(directory, "tasks.md")
            path.write_text(LIST)
            path.chmod(0o666)
            path.parent.chmod(rights)
            assert tick_as_somebody(path) == "None"
            path.parent.chmod(0o755)
            assert path.read_text() == LIST.replace("[ ] T001", "[x] T001")

    def test_a_file_that_is_write_protected(self) -> None:
        with TemporaryDirectory() as directory:
            path = Path(directory, "tasks.md")
            path.write_text(LIST)
            path.chmod(0o444)
            path.parent.chmod(0o777)
            assert tick_as_somebody(path) == (
                "tasks.md: warning not-ticked: boxes were not ticked: the file cannot be written: "
                "Permission denied (tick what is done by hand)"
            )
            assert path.read_text() == LIST

    def test_the_working_directory_may_change(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "tasks.md").write_text(LIST)
        monkeypatch.chdir(tmp_path)
        boxes = CheckBoxes(read_tasks_file(Path("tasks.md")))
        monkeypatch.chdir("/")
        assert boxes.tick(parse_tasks(LIST, Path(), "").tasks[0]) is None
        assert "[x] T001" in (tmp_path / "tasks.md").read_text()

    def test_the_disk_fails(self, make: Callable[[str], File], monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        file = make(LIST)
        monkeypatch.setattr(os, "fsync", fail)
        problem = file.tick("T001")
        assert problem is not None
        assert problem.message == "boxes were not ticked: the file cannot be written: Input/output error"


class TestEdits:
    """What somebody does to the file during the run."""

    def test_the_file_was_not_parsed_again_where_nobody_edits(
        self, make: Callable[[str], File], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = make("".join(f"- [ ] T{number:03} Task {number}\n" for number in range(50)))
        monkeypatch.setattr("pytest_moderator.tasksfile.checkbox.parse_tasks", None)
        for task in file.read.tasks:
            assert file.boxes.tick(task) is None
        assert file.data.count(b"[x]") == 50
        assert not file.boxes.changed()

    @pytest.mark.parametrize("edit", EDITS)
    @pytest.mark.parametrize("ticked_before", [True, False])
    def test_a_task_that_still_says_the_same_is_found(
        self, make: Callable[[str], File], edit: tuple[str, str], ticked_before: bool
    ) -> None:
        file = make(LIST)
        if ticked_before:
            assert file.tick("T004") is None
            edit = (edit[0].replace("[ ] T004", "[x] T004"), edit[1].replace("[ ] T004", "[x] T004"))
        file.edit(*edit)
        assert file.boxes.changed()
        before = file.data
        assert file.tick("T002") is None
        assert changes(before, file.data) == [(b" ", b"x")]
        assert file.done == parse_done(before) | {"T002"}
        assert file.boxes.changed()
        assert file.tick("T002") is None

    @pytest.mark.parametrize(("old", "new", "line", "reason"), LOST)
    def test_a_task_that_cannot_be_found_again(
        self, make: Callable[[str], File], old: str, new: str, line: int, reason: str
    ) -> None:
        file = make(LIST)
        file.edit(old, new)
        before = file.data
        for _ in range(2):
            problem = file.tick("T002")
            assert problem is not None
            assert problem.message == f"the box of T002 was not ticked: {reason}"
            assert (problem.severity, problem.line, problem.path) == (Severity.WARNING, line, "tasks.md")
            assert problem.hint
        assert file.data == before
        assert file.tick("T004") is None

    @pytest.mark.parametrize(
        "edit",
        [
            ("- [ ] Test\n- [ ] Build", "- [ ] Test\n- [ ] Test\n- [ ] Build"),
            ("- [ ] Build\n- [ ] Test\n", "- [ ] Build\n"),
        ],
    )
    def test_ids_from_titles_do_not_tell_twins_apart(
        self, make: Callable[[str], File], edit: tuple[str, str]
    ) -> None:
        file = make("- [ ] Test\n- [ ] Build\n- [ ] Test\n")
        file.edit(*edit)
        before = file.data
        problem = file.tick("test")
        assert problem is not None
        assert problem.message.endswith("the number of tasks with this text has changed")
        assert file.data == before
        assert file.tick("build") is None

    def test_one_of_two_lists_is_removed(self, make: Callable[[str], File]) -> None:
        file = make("- [ ] T001 One\n- [ ] T002 Two\n- [ ] T001 One\n")
        file.edit("- [ ] T002 Two\n- [ ] T001 One\n", "- [ ] T002 Two\n")
        assert file.tick("T001") is None
        assert file.done == {"T001"}

    def test_a_file_that_cannot_be_read_any_more(self, make: Callable[[str], File]) -> None:
        """All tasks give the same warning, so that it can be shown once."""
        file = make(LIST)
        trouble: list[tuple[Callable[[], object], str]] = [
            (file.path.unlink, "there is no such file"),
            (file.path.mkdir, "this is not a regular file"),
            (file.path.rmdir, "there is no such file"),
            (lambda: file.path.write_bytes(b"\xff- [ ] T001 Set up\n"), "the file is not UTF-8 any more"),
        ]
        for make_trouble, reason in trouble:
            make_trouble()
            assert file.boxes.changed()
            problem = file.tick("T001")
            assert problem is not None
            assert str(problem) == (
                f"tasks.md: warning not-ticked: boxes were not ticked: {reason} (tick what is done by hand)"
            )
            assert file.tick("T002") == problem
        file.path.write_text(LIST)
        assert file.tick("T001") is None
        assert file.done == {"T001", "T003"}
        assert file.boxes.changed()

    def test_changed_is_not_us(self, make: Callable[[str], File]) -> None:
        file = make("\ufeff" + LIST)
        assert not file.boxes.changed()
        file.tick("T001")
        assert not file.boxes.changed()
        os.utime(file.path)
        assert not file.boxes.changed()
        file.edit("[x] T003", "[ ] T003")
        assert file.boxes.changed()


def parse_done(data: bytes) -> set[str]:
    return {task.id for task in parse_tasks(data.decode(), Path(), "").tasks if task.done}


class TestTheVeryMoment:
    """Somebody saves the file between two of our steps: nothing of theirs is lost, and the box is ticked."""

    @pytest.mark.parametrize("step", ["open", "fstat", "pwrite", "fsync"])
    def test_another_file_in_its_place(
        self, make: Callable[[str], File], monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        file = make(LIST)
        happened = self.at(step, lambda: file.edit("# Tasks", "# Tasks of mine\n\nwith a note"), monkeypatch)
        assert file.tick("T002") is None
        assert happened
        assert file.data.decode() == LIST.replace("# Tasks", "# Tasks of mine\n\nwith a note").replace(
            "[ ] T002", "[x] T002"
        )

    @pytest.mark.parametrize("step", ["open", "fstat", "fsync"])
    def test_written_into(
        self, make: Callable[[str], File], monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        file = make(LIST)
        note = ("# Tasks", "# Tasks of mine\n\nwith a note")
        happened = self.at(step, lambda: file.edit_in_place(*note), monkeypatch)
        assert file.tick("T002") is None
        assert happened
        assert file.data.decode() == LIST.replace(*note).replace("[ ] T002", "[x] T002")

    def test_emptied_first_and_filled_later(
        self, make: Callable[[str], File], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = make(LIST)
        file.path.write_bytes(b"")
        monkeypatch.setattr("time.sleep", lambda seconds: file.path.write_text(f"New\n\n{LIST}"))
        assert file.tick("T002") is None
        assert file.data.decode() == f"New\n\n{LIST}".replace("[ ] T002", "[x] T002")

    def test_a_file_that_never_rests(
        self, make: Callable[[str], File], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = make(LIST)
        opened = os.open

        def edit_and_open(path: Path, flags: int, *rest: int) -> int:
            if flags & os.O_WRONLY:
                with Path(path).open("ab") as log:
                    log.write(b"more\n")
            return opened(path, flags, *rest)

        monkeypatch.setattr(os, "open", edit_and_open)
        problem = file.tick("T002")
        assert problem is not None
        assert problem.message == "the box of T002 was not ticked: the file keeps changing"
        assert "[x] T002" not in file.data.decode()

    @staticmethod
    def at(step: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Do something just before one of our own steps, once."""
        real = getattr(os, step)
        happened: list[str] = []

        def first(*args: object, **more: object) -> object:
            if not happened:
                happened.append(step)
                monkeypatch.setattr(os, step, real)
                act()
            return real(*args, **more)

        monkeypatch.setattr(os, step, first)
        return happened


TITLES = st.sampled_from(["Build", "Test", "Über 任务", "Ship `a.py`", "a [ ] b"])


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[str, int, str]]:
    kinds = st.sampled_from(
        ["tick", "tick", "tick", "insert", "note", "move", "rename", "remove", "toggle", "ends"]
    )
    return draw(st.lists(st.tuples(kinds, st.integers(0, 99), TITLES), max_size=15))


def edited(text: str, kind: str, number: int, title: str) -> str:
    """Change a text of one line a task the way an author might."""
    lines = text.splitlines(keepends=True)
    place = number % (len(lines) or 1)
    if kind == "insert":
        lines.insert(place, f"- [ ] N{number:03} {title}\n")
    elif kind == "note":
        lines.insert(place, f"\n{title}\n\n")
    elif kind == "ends":
        lines = [line.rstrip("\r\n") + ("\r\n", "\n", "\r")[number % 3] for line in lines]
    elif lines and kind == "move":
        lines.insert(number % 7, lines.pop(place))
    elif lines and kind == "rename":
        lines[place] = lines[place].rstrip("\r\n") + f" {title}\n"
    elif lines and kind == "remove":
        del lines[place]
    elif lines and kind == "toggle":
        lines[place] = (
            lines[place].replace("[ ]", "[x]") if number % 2 else lines[place].replace("[x]", "[ ]")
        )
    return "".join(lines)


@settings(max_examples=150, deadline=None)
@given(st.lists(TITLES, min_size=1, max_size=5), edits(), st.booleans())
def test_whatever_is_edited_in_between(
    titles: list[str], steps: list[tuple[str, int, str]], own_ids: bool
) -> None:
    ids = [f"T{number:03} " if own_ids else "" for number in range(len(titles))]
    text = "".join(f"- [ ] {task_id}{title}\n" for task_id, title in zip(ids, titles, strict=True))
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr("pytest_moderator.tasksfile.checkbox._SAVING", 0)
        file = File(Path(directory) / "tasks.md", text)
        ours = file.data
        for kind, number, title in steps:
            before = file.data
            if kind == "tick":
                task = file.read.tasks[number % len(file.read.tasks)]
                check_tick(file, before, task.id)
                ours = file.data
            else:
                file.path.write_bytes(edited(before.decode(), kind, number, title).encode())
                assert file.boxes.changed() or file.data == ours


def check_tick(file: File, before: bytes, task_id: str) -> None:
    """A tick changes one byte, for the task that it is meant for; with a warning it changes nothing."""
    task = next(task for task in file.read.tasks if task.id == task_id)
    was = parse_tasks(before.decode(), file.path, "tasks.md")
    here = [other for other in was.tasks if other.id == task_id]
    problem = file.tick(task_id)
    if problem is None:
        assert [own_text(other) for other in here] == [own_text(task)]
        assert [new for _, new in changes(before, file.data)] == ([] if here[0].done else [b"x"])
        now = read_tasks_file(file.path, "tasks.md")
        assert without_marks(now) == without_marks(was)
        assert [other.done for other in now.tasks] == [o.done or o.id == task_id for o in was.tasks]
    else:
        assert file.data == before
        likes = [[own_text(other) for other in f.tasks].count(own_text(task)) for f in (file.read, was)]
        assert (
            [own_text(other) for other in here] != [own_text(task)]
            or likes[0] != likes[1]
            or was.further_lines
        )


class TestTicksOfOthers:
    """Somebody else ticks a box, which says that the task is done."""

    @pytest.mark.parametrize("text", [*DIALECTS.values(), *REPEATS.values()], ids=[*DIALECTS, *REPEATS])
    def test_each_is_seen(self, tmp_path: Path, text: str) -> None:
        file = File(tmp_path / "tasks.md", text)
        for task in file.read.tasks:
            assert not file.boxes.is_ticked(task)
            assert CheckBoxes(read_tasks_file(file.path)).tick(task) is None
            assert file.boxes.is_ticked(task)

    @pytest.mark.parametrize(("old", "new"), EDITS)
    def test_wherever_the_task_stands_by_now(self, tmp_path: Path, old: str, new: str) -> None:
        file = File(tmp_path / "tasks.md", LIST)
        build, ship = file.read.tasks[1], file.read.tasks[3]
        file.edit(old, new)
        assert not file.boxes.is_ticked(build)
        file.edit("[ ] T002", "[x] T002")
        assert file.boxes.is_ticked(build)
        assert file.boxes.is_ticked(ship) == ("T004" in file.done)

    @pytest.mark.parametrize(("old", "new"), [entry[:2] for entry in LOST if "[☐]" not in entry[1]])
    def test_not_where_it_may_be_another_one(self, tmp_path: Path, old: str, new: str) -> None:
        file = File(tmp_path / "tasks.md", LIST)
        build = file.read.tasks[1]
        file.edit(old, new)
        file.path.write_bytes(file.data.replace(b"[ ] ", b"[x] "))
        assert not file.boxes.is_ticked(build)

    def test_what_cannot_be_read_is_no_answer(self, tmp_path: Path) -> None:
        file = File(tmp_path / "tasks.md", LIST)
        file.path.unlink()
        assert not file.boxes.is_ticked(file.read.tasks[0])
        file.path.write_bytes(b"- [x] T001 Set up \xff\n")
        assert not file.boxes.is_ticked(file.read.tasks[0])
        file.path.write_text(LIST.replace("[ ] T001", "[x] T001"))
        assert file.boxes.is_ticked(file.read.tasks[0])

    def test_an_unchanged_file_is_not_read_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = File(tmp_path / "tasks.md", LIST)
        assert not file.boxes.is_ticked(file.read.tasks[0])
        monkeypatch.setattr("pytest_moderator.tasksfile.checkbox.read_bytes", None)
        assert not file.boxes.is_ticked(file.read.tasks[0])

    def test_a_tick_of_what_has_completed_is_no_change(self, tmp_path: Path) -> None:
        file = File(tmp_path / "tasks.md", LIST)
        file.edit("[ ] T001", "[✓] T001")
        file.edit("[ ] T002", "[X] T002")
        assert file.boxes.changed()
        assert file.boxes.changed({"T001"})
        assert not file.boxes.changed({"T001", "T002", "T009"})
        file.edit("# Tasks", "# Task")
        assert file.boxes.changed({"T001", "T002"})
        file.path.unlink()
        assert file.boxes.changed({"T001", "T002"})
