"""``moderator logs``."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded import STATE, Recorded

from pytest_moderator.cli import _follow, _logs, main
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 300.0  # seconds until something must hang
SCRIPT = Path(sys.executable).with_name("moderator")


@pytest.fixture
def run(here: Path) -> Recorded:
    return Recorded(tasks="T001 T002")


def prints(capfd: pytest.CaptureFixture[bytes], *arguments: str) -> bytes:
    assert main(["logs", *arguments]) == 0
    captured = capfd.readouterr()
    assert captured.err == b""
    return captured.out


def fails(capfd: pytest.CaptureFixture[bytes], *arguments: str) -> str:
    assert main(["logs", *arguments]) == 1
    captured = capfd.readouterr()
    assert captured.out == b""
    return captured.err.decode().removeprefix("moderator: error: ").rstrip()


def test_bytes_as_they_are(run: Recorded, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = run.start("T001")
    everything = bytes(range(256)) * 1000
    (folder / "stdout.log").write_bytes(everything)
    (folder / "stderr.log").write_bytes(b"oops\r\n")
    assert prints(capfdbinary, "T001") == everything
    assert prints(capfdbinary, "tasks.md::T001", "--stderr") == b"oops\r\n"


def test_what_a_verification_has_printed(run: Recorded, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = run.start("T001")
    (folder / "stdout.log").write_bytes(b"done\n")
    (folder / "verify.1.log").write_bytes(b"$ make check\nno\n")
    (folder / "verify.log").write_bytes(b"$ make check\nyes\n")
    assert prints(capfdbinary, "T001") == b"done\n"
    assert prints(capfdbinary, "T001", "--verify") == b"$ make check\nyes\n"
    assert prints(capfdbinary, "T001", "--verify", "--attempt", "1") == b"$ make check\nno\n"
    run.end("T001", TaskStatus.COMPLETED)
    checkpoint = run.start("T002")
    assert "T002' has no logs" in fails(capfdbinary, "T002", "--verify")
    (checkpoint / "verify.log").write_bytes(b"all is well\n")
    assert prints(capfdbinary, "T002") == b"all is well\n"
    assert "T002' has no logs" in fails(capfdbinary, "T002", "--stderr")
    run.end("T002", TaskStatus.COMPLETED)
    assert prints(capfdbinary, "T002", "--follow") == b"all is well\n"


def test_attempts(run: Recorded, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = run.start("T001")
    for number, name in enumerate(("stdout.1.log", "stdout.3.log", "stdout.10.log", "stdout.log"), 1):
        (folder / name).write_text(f"{number}")
    (folder / "stdout.x.log").write_text("not ours")
    assert prints(capfdbinary, "T001") == b"4"
    for attempt, text in (1, b"1"), (3, b"2"), (10, b"3"), (11, b"4"):
        assert prints(capfdbinary, "T001", "--attempt", str(attempt)) == text
    for attempt in ("0", "2", "12", "-1"):
        message = f"'T001' has no attempt {attempt} with logs: there are 1, 3, 10, 11"
        assert fails(capfdbinary, "T001", f"--attempt={attempt}") == message
    (folder / "stdout.log").unlink()  # the next attempt begins in this moment
    assert prints(capfdbinary, "T001") == b"3"


def test_attempts_that_left_no_logs_count(run: Recorded, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (run.start("T001") / "stdout.log").write_text("at last")
    run.end("T001", TaskStatus.FAILED, attempts=3)
    assert prints(capfdbinary, "T001", "--attempt", "3") == b"at last"
    assert fails(capfdbinary, "T001", "--attempt", "1").endswith("there are 3")


def test_nothing_to_print(run: Recorded, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    message = f"'T001' has no logs in run {run.id}: "
    assert fails(capfdbinary, "T001") == message + "it has not started"
    assert fails(capfdbinary, "T001", "--attempt", "1") == message + "it has not started"
    run.end("T001", TaskStatus.SKIPPED, "blocked by T000")
    assert fails(capfdbinary, "T001") == message + "it was skipped (blocked by T000)"
    assert fails(capfdbinary, "T001", "--follow") == message + "it was skipped (blocked by T000)"
    run.start("T002")
    assert "it is running, and has printed nothing" in fails(capfdbinary, "T002")
    assert "has no task 'T003'; did you mean" in fails(capfdbinary, "T003")


def test_logs_that_were_removed_with_those_of_the_whole_run(
    run: Recorded, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (run.start("T001") / "stdout.log").write_text("deployed")
    run.end("T001", TaskStatus.COMPLETED)
    shutil.rmtree(Path(STATE, "runs"))  # as `moderator clean` does, and anybody may
    message = f"'T001' has no logs in run {run.id}: the logs of that run have been removed"
    assert fails(capfdbinary, "T001") == message
    assert fails(capfdbinary, "T001", "--stderr", "--follow") == message
    assert fails(capfdbinary, "T002").endswith("it has not started")


def test_logs_that_cannot_be_read(run: Recorded, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = run.start("T001")
    (folder / "stdout.log").mkdir()
    path = Path(STATE, folder.relative_to(STATE), "stdout.log").absolute()
    assert fails(capfdbinary, "T001") == f"cannot read '{path}': Is a directory"


class Terminal:
    """A terminal that a command writes to."""

    def __init__(self) -> None:
        self.fd, self.end = pty.openpty()
        self.seen = b""

    def run(self, *arguments: str) -> bytes:
        """Run a command to its end; give what it has printed."""
        with subprocess.Popen([SCRIPT, *arguments], stdout=self.end) as process:
            os.close(self.end)
            while chunk := self._read():
                self.seen += chunk
        os.close(self.fd)
        assert process.returncode == 0
        return self.seen.replace(b"\r\n", b"\n")

    def _read(self) -> bytes:
        try:
            return os.read(self.fd, 1 << 16)
        except OSError:
            return b""  # how Linux says that nobody writes to it any more


def test_a_terminal_gets_no_control_characters(run: Recorded) -> None:
    folder = run.start("T001")
    text = "a\x1b[2Jb\x1b]0;title\x07\n10%\r20%\r\n\x9bÄ€ 🐙\n" + "x" * 100_000 + "€" * 50_000 + "\nno end"
    (folder / "stdout.log").write_bytes(text.encode() + b"\xff")
    expected = "ab\n20%\nÄ€ 🐙\n" + "x" * 100_000 + "€" * 50_000 + "\nno end\N{REPLACEMENT CHARACTER}"
    out = Terminal().run("logs", "T001").decode()
    assert out.rstrip("\N{REPLACEMENT CHARACTER}") == expected.rstrip("\N{REPLACEMENT CHARACTER}")


class Following:
    """``moderator logs --follow`` as a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen([SCRIPT, "logs", "--follow", *arguments], stdout=subprocess.PIPE)
        self.seen = b""
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        while chunk := os.read(self.process.stdout.fileno(), 1 << 16):
            self.seen += chunk

    def appears(self, text: bytes) -> None:
        self.until(lambda: self.seen.endswith(text))

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, self.seen
            time.sleep(0.01)

    def ends(self) -> bytes:
        assert self.process.wait(DEADLINE) == 0
        self.thread.join()
        assert self.process.stdout
        self.process.stdout.close()
        return self.seen


@pytest.fixture
def follow() -> Iterator[Callable[..., Following]]:
    started: list[Following] = []

    def start(*arguments: str) -> Following:
        started.append(Following(*arguments))
        return started[-1]

    yield start
    for following in started:
        following.process.kill()
        following.process.wait()
        following.thread.join()
        if following.process.stdout:
            following.process.stdout.close()


def rotate(folder: Path, attempt: int, text: bytes) -> None:
    """Begin another attempt, as a run does."""
    (folder / "stdout.log").rename(folder / f"stdout.{attempt - 1}.log")
    (folder / "stdout.log").write_bytes(text)


def test_following_from_before_the_start_through_retries(
    run: Recorded, follow: Callable[..., Following]
) -> None:
    following = follow("T001")
    folder = run.start("T001")
    log = (folder / "stdout.log").open("wb", buffering=0)
    log.write(b"one \xff")
    following.appears(b"one \xff")
    log.write(b"two ")
    following.appears(b"two ")
    log.close()
    rotate(folder, 2, b"again ")
    following.appears(b"again ")
    rotate(folder, 3, b"three ")
    rotate(folder, 4, b"four")
    run.end("T001", TaskStatus.FAILED, "exit code 1", attempts=4)
    assert following.ends() == b"one \xfftwo again three four"


def test_nothing_is_missed_that_an_attempt_prints_at_its_end(
    run: Recorded, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run.start("T001")
    (folder / "stdout.log").write_bytes(b"one ")
    find = _follow.open_next

    def end_in_this_moment(*arguments: object) -> object:
        if not (folder / "stdout.1.log").exists():
            with (folder / "stdout.log").open("ab") as log:
                log.write(b"at its end ")
            rotate(folder, 2, b"two")
            run.end("T001", TaskStatus.COMPLETED, attempts=2)
        return find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_follow, "open_next", end_in_this_moment)
    assert prints(capfdbinary, "T001", "--follow") == b"one at its end two"


def test_following_an_earlier_attempt(run: Recorded, follow: Callable[..., Following]) -> None:
    folder = run.start("T001")
    (folder / "stdout.log").write_bytes(b"1")
    rotate(folder, 2, b"2")
    rotate(folder, 3, b"3")
    following = follow("T001", "--attempt", "2")
    following.appears(b"23")
    run.end("T001", TaskStatus.COMPLETED, attempts=3)
    assert following.ends() == b"23"


def test_following_ends_with_the_run(
    here: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recorded(alive=False)
    (run.start("T001") / "stdout.log").write_bytes(b"what there is")
    assert prints(capfdbinary, "T001", "--follow") == b"what there is"
    with pytest.raises(SystemExit):
        main(["logs"])
    capfdbinary.readouterr()

    monkeypatch.setattr(_follow, "PERIOD", 0.01)
    monkeypatch.setattr(_follow, "_ALIVE", 0.02)
    alive = Recorded("alive")
    (alive.start("T001") / "stdout.log").write_bytes(b"more")
    monkeypatch.setattr("pytest_moderator.journal.reader.JournalReader._is_alive", _dies_after(3))
    assert prints(capfdbinary, "T001", "--follow", "--run", "alive") == b"more"


def _dies_after(looks: int) -> Callable[..., bool]:
    left = [True] * looks

    def is_alive(*_: object) -> bool:
        return bool(left and left.pop())

    return is_alive


def test_the_next_log_is_found_also_while_it_gets_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stdout.log").write_text("1")
    first = _logs.open_attempt(tmp_path, "stdout")
    assert first
    assert _logs.open_next(tmp_path, "stdout", first) is None
    rotate(tmp_path, 2, b"2")
    behind, opened = _logs._open_behind, []

    def slow(*arguments: object) -> object:
        if not opened:
            rotate(tmp_path, 3, b"3")
        opened.append(behind(*arguments))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr(_logs, "_open_behind", slow)
    second = _logs.open_next(tmp_path, "stdout", first)
    assert second
    assert len(opened) == 2
    assert second.read() == b"2"
    third = _logs.open_next(tmp_path, "stdout", second)
    assert third
    assert third.read() == b"3"
    (tmp_path / "stdout.2.log").unlink()  # tidied up by somebody
    last = _logs.open_next(tmp_path, "stdout", second)
    assert last
    assert last.read() == b"3"
    for log in (first, second, third, last):
        log.close()
