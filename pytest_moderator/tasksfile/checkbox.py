"""Ticking the boxes of a tasks file while its tasks complete, and while its author may be editing it.

A box is ticked in place: one byte is written over another, and nothing could be gentler to the file. A single byte is
there or it is not, so the file is never torn or missing, whenever this process is killed. It stays the same file:
mode, owner, access lists, symbolic and hard links are what they were (who reads it by another name sees the tick as
well). No other file is made, so none is left over; and one that is write-protected is not replaced all the same.

Whoever saves the file in the very moment keeps what they saved. If they put another file in its place, our byte goes
into the one that is gone, which is noticed, and the new one is ticked. If they write into it in the microseconds
between our last look and the byte, there may be an ``x`` in it that is not theirs; a file that we put in its place
would undo all of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import Counter, defaultdict
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from pytest_moderator.model import Problem, Severity
from pytest_moderator.tasksfile.ids import slug
from pytest_moderator.tasksfile.lines import find_state, is_tick
from pytest_moderator.tasksfile.own_text import own_text
from pytest_moderator.tasksfile.reader import TasksFile, UnreadableError, parse_tasks, read_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pytest_moderator.model import Task

    _Stamp = tuple[int, ...]

_TRIES = 10
_SAVING = 0.1  # seconds that an editor may need between emptying a file and filling it again
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")


class CheckBoxes:
    """Ticks boxes in one tasks file.

    Args:
        tasks_file: the file as it was read at the start of the run; what it holds by now need not be that.
    """

    def __init__(self, tasks_file: TasksFile) -> None:
        """Remember what was read; the file itself is not touched."""
        self._path = tasks_file.path.absolute()
        self._first = self._now = _Content(_bytes_of(tasks_file), tasks_file)
        self._seen: _Stamp | None = None

    def changed(self, completed: Collection[str] = ()) -> bool:
        """Whether somebody else has changed the file since it was read, or removed it.

        Args:
            completed: ids of tasks whose boxes may have been ticked: that says no more than what came of them.
        """
        seen = self._look()[1]
        if self._now is self._first and self._now.is_still(seen):
            return False
        if not completed:
            return True
        now = self._now if self._now.is_still(seen) else self._learn(seen)
        return now.trouble is not None or now.ticked(completed) != self._first.ticked(completed)

    def is_ticked(self, task: Task) -> bool:
        """Whether somebody has ticked the box of a task since the file was read, wherever in it that stands by now.

        As long as the file does not change, it is not read again.

        Args:
            task: one of those that were read; only its id counts.
        """
        stamp = self._stamp()
        if stamp is None or stamp != self._seen:
            _, seen = self._look()
            if not self._now.is_still(seen):
                self._now = self._learn(seen)
            self._seen = stamp
        if self._now is self._first or self._now.trouble or self._why_lost(task):
            return False
        return self._now.by_id[task.id][0].done and not self._first.by_id[task.id][0].done

    def tick(self, task: Task) -> Problem | None:
        """Tick the box of a task that has completed, wherever in the file it stands by now.

        Where the file shows the task more than once, all its boxes are ticked. As long as nobody else changes the
        file, it is not parsed again.

        Args:
            task: one of those that were read; only its id counts.

        Returns:
            ``None`` when it is ticked now, was so already, or is a heading without a box; else a warning, and nothing
            in the file has changed. Warnings about the whole file (it is gone, or write-protected) have no line and
            are equal for all tasks.
        """
        for _ in range(_TRIES):
            stamp, seen = self._look()
            if not self._now.is_still(seen):
                self._now = self._learn(seen)
                if isinstance(self._open_boxes(task), Problem):
                    time.sleep(_SAVING)
                continue
            places = self._open_boxes(task)
            if isinstance(places, Problem):
                return places
            problem = self._write(stamp, places) if places else None
            if problem or not places:
                return problem
        return self._warning(task, "the file keeps changing")

    def _look(self) -> tuple[_Stamp | None, bytes | Problem]:
        """Give what the file holds, or why it cannot be read, and a stamp from before that."""
        stamp = self._stamp()
        try:
            return stamp, read_bytes(self._path)
        except UnreadableError as error:
            return None, self._file_warning(str(error))

    def _stamp(self) -> _Stamp | None:
        try:
            return _stamp_of(self._path.stat())
        except OSError:
            return None  # reading it says why

    def _learn(self, seen: bytes | Problem) -> _Content:
        """Read the file anew, for somebody has changed it."""
        path, display = self._first.file.path, self._first.file.display
        if isinstance(seen, Problem):
            return _Content(None, TasksFile(path, display), seen)
        try:
            return _Content(seen, parse_tasks(seen.decode("utf-8"), path, display))
        except UnicodeDecodeError:
            trouble = self._file_warning("the file is not UTF-8 any more")
            return _Content(seen, TasksFile(path, display), trouble)

    def _open_boxes(self, task: Task) -> list[int] | Problem:
        """Find the bytes to write over; none where nothing is left to tick."""
        if self._now.trouble:
            return self._now.trouble
        if self._now is not self._first and (reason := self._why_lost(task)):
            return self._warning(task, reason)
        places = []
        for start, state in self._now.boxes(task.id):
            if is_tick(state):
                continue
            if len(state.encode()) != 1:
                return self._warning(task, f"it is [{state}]", "write it as [ ]")
            places.append(start)
        return places

    def _why_lost(self, task: Task) -> str:
        """Say why it is not clear any more which task of the file is the one that ran; empty when it is."""
        first, now = self._first, self._now
        found = now.by_id.get(task.id, [])
        if not found:
            return "no task of the file has this id any more"
        before = first.by_id[task.id][0]
        repeats = len(now.file.further_lines.get(task.id, ())) > len(
            first.file.further_lines.get(task.id, ())
        )
        if len(found) > 1 or repeats:
            return "the file shows this id more often than before"
        text = own_text(before)
        if own_text(found[0]) != text:
            return "its text has changed since"
        if _id_from_title(before) and first.texts[text] != now.texts[text]:
            return "the number of tasks with this text has changed"
        return ""

    def _write(self, stamp: _Stamp | None, places: Sequence[int]) -> Problem | None:
        """Write the ticks, unless the file has changed since the stamp."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                if _stamp_of(os.fstat(descriptor)) == stamp:
                    for place in places:
                        os.pwrite(descriptor, b"x", place)
                        self._now.data[place : place + 1] = b"x"
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            return self._file_warning(f"the file cannot be written: {error.strerror}")
        return None

    def _warning(self, task: Task, reason: str, hint: str = "tick it by hand if it is done") -> Problem:
        found = self._now.by_id.get(task.id) or self._first.by_id[task.id]
        message = f"the box of {task.id} was not ticked: {reason}"
        return Problem(Severity.WARNING, "not-ticked", message, hint, self._first.file.display, found[0].line)

    def _file_warning(self, reason: str) -> Problem:
        message = f"boxes were not ticked: {reason}"
        hint = "tick what is done by hand"
        return Problem(Severity.WARNING, "not-ticked", message, hint, self._first.file.display)


class _Content:
    """What the file held when it was read, and where its boxes are.

    Attributes:
        data: its bytes, with our own ticks in it; ``None`` when it could not be read.
        file: what the reader made of it.
        trouble: why nothing in it can be ticked.
    """

    def __init__(self, data: bytes | None, file: TasksFile, trouble: Problem | None = None) -> None:
        self.data = bytearray(data or b"")
        self.file = file
        self.trouble = trouble
        self._is_read = data is not None

    def is_still(self, seen: bytes | Problem) -> bool:
        """Whether nobody has changed the file, going by what was just seen of it."""
        return seen == (self.data if self._is_read else self.trouble)

    def boxes(self, task_id: str) -> Iterator[tuple[int, str]]:
        """Yield for each box of a task at which byte its state stands, and the state."""
        text, (characters, positions) = self.file.text, self._lines
        further = self.file.further_lines.get(task_id, ())
        for line in (self.by_id[task_id][0].line, *further):
            span = find_state(text, characters[line - 1], of_status=line in further)
            if span is not None:
                place = positions[line - 1] + len(text[characters[line - 1] : span[0]].encode())
                width = len(text[slice(*span)].encode())
                yield place, self.data[place : place + width].decode()

    def ticked(self, ids: Collection[str]) -> bytes:
        """Give its bytes as they were if all boxes of these tasks were ticked."""
        data = bytearray(self.data)
        boxes = (box for task_id in ids if task_id in self.by_id for box in self.boxes(task_id))
        for place, state in sorted(boxes, reverse=True):  # what is before a place stays where it is
            data[place : place + len(state.encode())] = b"x"
        return bytes(data)

    @cached_property
    def by_id(self) -> dict[str, list[Task]]:
        """The tasks by id, twins together."""
        found: defaultdict[str, list[Task]] = defaultdict(list)
        for task in self.file.tasks:
            found[task.id].append(task)
        return dict(found)

    @cached_property
    def texts(self) -> Counter[tuple[str, ...]]:
        """How many tasks say the very same."""
        return Counter(own_text(task) for task in self.file.tasks)

    @cached_property
    def _lines(self) -> tuple[list[int], list[int]]:
        """Where each line starts: at which character of the text, at which byte of the file."""
        lines = _LINE_END.split(self.file.text)
        mark = len(_BOM) if self.data.startswith(_BOM) else 0
        in_bytes = accumulate((len(line.encode()) for line in lines), initial=mark)
        return list(accumulate(map(len, lines), initial=0)), list(in_bytes)


def _bytes_of(tasks_file: TasksFile) -> bytes:
    """Give the bytes that a file was read from: its text is without a byte order mark."""
    data = tasks_file.text.encode("utf-8", "surrogatepass")
    return data if hashlib.sha256(data).hexdigest() == tasks_file.digest else _BOM + data


def _stamp_of(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _id_from_title(task: Task) -> bool:
    return bool(re.fullmatch(re.escape(slug(task.title)) + r"(?:-\d+)?", task.id))
