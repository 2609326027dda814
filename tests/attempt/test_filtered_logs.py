"""Logs that secrets are taken out of before they are written, with real processes."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from waiting import until

from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.attempt.filtered import FilteredLogs
from pytest_moderator.attempt.masking import Masker
from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.backends.base import ProcessSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_moderator.backends.base import ByteFilter

SECRET = "correct-horse-battery"


def spec_of(folder: Path, *argv: str, timeout: float | None = 300.0) -> ProcessSpec:
    return ProcessSpec(
        argv=argv,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "SECRET": SECRET, MARK: make_mark("filtered", str(folder), 1)},
        stdout=folder / "out",
        stderr=folder / "err",
        timeout=timeout,
        grace=0.3,
        filter=Masker([SECRET]).stream,
    )


def python(folder: Path, script: str, timeout: float | None = 300.0) -> ProcessSpec:
    return spec_of(folder, sys.executable, "-c", script, timeout=timeout)


def test_each_stream_comes_masked_into_its_log(tmp_path: Path) -> None:
    script = 'echo "it is $SECRET"; echo "no, $SECRET!" >&2; exit 3'
    outcome = LocalLauncher().run(spec_of(tmp_path, "sh", "-c", script))
    assert outcome.exit_code == 3
    assert outcome.leftovers == ()
    assert (tmp_path / "out").read_text() == "it is ***\n"
    assert (tmp_path / "err").read_text() == "no, ***!\n"
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600


def test_both_streams_may_go_to_one_log_behind_what_it_holds(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "sh", "-c", 'echo "$SECRET"; echo "$SECRET" >&2')
    (tmp_path / "out").write_text("before\n")
    LocalLauncher().run(replace(spec, stderr=tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "before\n***\n***\n"


def test_megabytes_of_any_bytes_come_through(tmp_path: Path) -> None:
    script = "import os; data = bytes(range(256)) * 8192\nfor _ in range(4): os.write(1, data)"
    LocalLauncher().run(python(tmp_path, script))
    assert (tmp_path / "out").read_bytes() == bytes(range(256)) * 8192 * 4


def test_a_secret_that_is_written_bit_by_bit_is_found(tmp_path: Path) -> None:
    script = (
        "import os, time\nfor byte in os.environb[b'SECRET']: os.write(1, bytes([byte])); time.sleep(0.002)"
    )
    LocalLauncher().run(python(tmp_path, script))
    assert (tmp_path / "out").read_bytes() == b"***"


def test_a_log_grows_while_its_process_runs(tmp_path: Path) -> None:
    script = 'echo "$SECRET is it"; while [ ! -e seen ]; do sleep 0.02; done; echo end'
    seen: list[str] = []

    def watch() -> None:
        seen.append((tmp_path / "out").read_text())
        if seen[-1] == "*** is it\n":
            (tmp_path / "seen").touch()

    outcome = LocalLauncher().run(replace(spec_of(tmp_path, "sh", "-c", script), watch=watch))
    assert outcome.exit_code == 0
    assert (tmp_path / "out").read_text() == "*** is it\nend\n"


def test_what_was_written_before_a_time_limit_is_there(tmp_path: Path) -> None:
    for limit in (0.5, 5.0, 50.0):  # a longer one where it was over before anything was written
        outcome = LocalLauncher().run(spec_of(tmp_path, "sh", "-c", "echo begun; sleep 600", timeout=limit))
        if (tmp_path / "out").read_text():
            break
    assert outcome.timed_out
    assert (tmp_path / "out").read_text() == "begun\n"


ESCAPEE = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execve(sys.executable, [sys.executable, "-c", sys.argv[1]], {})  # without the mark
    os._exit(0)
os.wait()
while not os.path.exists("pid"):
    time.sleep(0.01)
print("the end", flush=True)
"""
WRITE_PID = "import os, time; open('new', 'w').write(str(os.getpid())); os.rename('new', 'pid')\n"


@pytest.mark.parametrize("endless", [False, True], ids=["silent", "endless"])
def test_who_keeps_a_pipe_open_is_not_waited_for(
    tmp_path: Path, lives: Callable[[int], bool], endless: bool
) -> None:
    deed = "while True: os.write(1, b'x' * 4096)" if endless else "time.sleep(600)"
    LocalLauncher().run(spec_of(tmp_path, sys.executable, "-c", ESCAPEE, WRITE_PID + deed))

    pid = int((tmp_path / "pid").read_text())
    assert b"the end\n" in (tmp_path / "out").read_bytes()
    if endless:
        until(lambda: not lives(pid))
    else:
        psutil.Process(pid).kill()


def test_a_process_that_cannot_be_started_leaves_no_thread_behind(tmp_path: Path) -> None:
    outcome = LocalLauncher().run(spec_of(tmp_path, "no-such-program"))
    assert outcome.exit_code == 127
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_log_that_cannot_be_written_is_an_error_and_no_hang() -> None:
    def write_all() -> None:
        with FilteredLogs(Masker([SECRET]).stream) as logs:
            end = logs.into(os.open("/dev/full", os.O_WRONLY))
            with contextlib.suppress(BrokenPipeError):
                while os.write(end, b"x" * 65536):
                    pass
            os.close(end)

    with pytest.raises(OSError, match="No space left"):
        write_all()


def test_another_exception_goes_before_that_of_a_log(tmp_path: Path) -> None:
    def broken() -> ByteFilter:
        raise OSError("no filter")

    def interrupted() -> None:
        with FilteredLogs(broken) as logs:
            os.close(logs.into(os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_a_log_is_closed_where_there_is_no_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FilteredLogs(Masker([SECRET]).stream) as logs:
        log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)

        def no_pipe() -> tuple[int, int]:
            raise OSError("too many open files")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pipe", no_pipe)
            with pytest.raises(OSError, match="too many"):
                logs.into(log)
        with pytest.raises(OSError, match="Bad file"):
            os.close(log)
