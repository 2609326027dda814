"""SIGKILL while boxes are ticked, and somebody who saves the file all the time: nothing is torn, nothing is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from waiting import until

from pytest_moderator.tasksfile import read_tasks_file
from pytest_moderator.tasksfile.checkbox import CheckBoxes

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 600  # so many that it is killed before it comes to the end
KILLS = 5
TICKER = """
import sys
from pathlib import Path
from pytest_moderator.tasksfile import read_tasks_file
from pytest_moderator.tasksfile.checkbox import CheckBoxes
file = read_tasks_file(Path(sys.argv[1]))
boxes = CheckBoxes(file)
for task in file.tasks:
    assert boxes.tick(task) is None
"""


def lines(count: int) -> list[str]:
    return [f"- [ ] T{number:03} Task {number}, é\r\n  - run: `true`\n" for number in range(count)]


def test_killed_at_random_moments(tmp_path: Path) -> None:
    path = tmp_path / "tasks.md"
    path.write_bytes("".join(lines(COUNT)).encode())
    size, inode = path.stat().st_size, path.stat().st_ino
    for _ in range(KILLS):
        ticked = path.read_bytes().count(b"[x]")
        more = min(ticked + random.randint(1, 20), COUNT)
        process = subprocess.Popen([sys.executable, "-c", TICKER, str(path)])
        until(lambda more=more: path.read_bytes().count(b"[x]") >= more)
        process.kill()
        assert process.wait() in (-signal.SIGKILL, 0)  # 0: on a machine that is too busy to kill
        ticked = path.read_bytes().count(b"[x]")
        expected = [line.replace("[ ]", "[x]") if i < ticked else line for i, line in enumerate(lines(COUNT))]
        assert path.read_bytes() == "".join(expected).encode()
    subprocess.run([sys.executable, "-c", TICKER, str(path)], check=True)
    assert path.read_bytes() == "".join(lines(COUNT)).replace("[ ]", "[x]").encode()
    assert (path.stat().st_size, path.stat().st_ino) == (size, inode)
    assert [found.name for found in tmp_path.iterdir()] == ["tasks.md"]


def test_beside_somebody_who_saves_all_the_time(tmp_path: Path) -> None:
    path, other = tmp_path / "tasks.md", tmp_path / "tasks.md~"
    path.write_text("".join(lines(12)))
    file = read_tasks_file(path)
    boxes = CheckBoxes(file)
    notes: list[str] = []
    enough = threading.Event()

    def save() -> None:
        while not enough.wait(0.002) or not notes:
            notes.append(f"Note {len(notes)}.\n\n")
            other.write_bytes(notes[-1].encode() + path.read_bytes())
            other.replace(path)

    editor = threading.Thread(target=save)
    editor.start()
    try:
        for task in file.tasks:
            boxes.tick(task)
    finally:
        enough.set()
        editor.join()
    # the editor may have put back what it had read before a tick
    assert path.read_text().replace("[x]", "[ ]") == "".join([*reversed(notes), *lines(12)]).replace("\r", "")
    assert boxes.changed()
    for task in file.tasks:
        assert boxes.tick(task) is None
    assert path.read_bytes().count(b"[x]") == 12
