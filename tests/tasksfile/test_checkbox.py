"""Ticking boxes: one character and nothing else. And seeing what somebody else has ticked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from boxes import DIALECTS, EDITS, LIST, LOST, REPEATS, File, changes, without_marks

from pytest_moderator.tasksfile import parse_tasks, read_tasks_file
from pytest_moderator.tasksfile.checkbox import CheckBoxes

if TYPE_CHECKING:
    from collections.abc import Callable


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
