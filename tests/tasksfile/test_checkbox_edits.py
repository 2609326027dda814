"""Ticking boxes in a file that somebody edits, before a tick or in its very moment."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from boxes import EDITS, LIST, LOST, File, changes, without_marks
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.model import Severity
from pytest_moderator.tasksfile import parse_tasks, read_tasks_file
from pytest_moderator.tasksfile.own_text import own_text

if TYPE_CHECKING:
    from collections.abc import Callable


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

    @pytest.mark.parametrize(
        ("edit", "step"),
        [
            *((File.edit, step) for step in ("open", "fstat", "pwrite", "fsync")),
            *((File.edit_in_place, step) for step in ("open", "fstat", "fsync")),
        ],
    )
    def test_saved_between_two_steps(
        self,
        make: Callable[[str], File],
        monkeypatch: pytest.MonkeyPatch,
        edit: Callable[[File, str, str], None],
        step: str,
    ) -> None:
        file = make(LIST)
        note = ("# Tasks", "# Tasks of mine\n\nwith a note")
        happened = self.at(step, lambda: edit(file, *note), monkeypatch)
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
