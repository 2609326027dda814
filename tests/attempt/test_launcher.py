"""The launcher, with real processes: what they are given, what comes out of them, and those that cannot start."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from launched import python, shell
from waiting import until

from pytest_moderator.attempt import LocalLauncher, launcher
from pytest_moderator.backends.base import ProcessOutcome

if TYPE_CHECKING:
    from pathlib import Path


def test_output_and_exit_code(local: LocalLauncher, tmp_path: Path) -> None:
    outcome = local.run(shell(tmp_path, "echo out; echo err >&2; exit 3", timeout=None))
    assert outcome.exit_code == 3
    assert (tmp_path / "out").read_text() == "out\n"
    assert (tmp_path / "err").read_text() == "err\n"
    assert outcome == ProcessOutcome(3, outcome.duration_seconds, outcome.cpu_seconds, outcome.max_rss_bytes)
    assert outcome.duration_seconds > 0


def test_logs_are_appended_to_and_private(tmp_path: Path) -> None:
    both = replace(shell(tmp_path, "echo out; echo err >&2"), stderr=tmp_path / "out")
    LocalLauncher().run(both)
    LocalLauncher().run(both)
    assert (tmp_path / "out").read_text() == "out\nerr\n" * 2
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    (tmp_path / "err").symlink_to("precious")
    outcome = LocalLauncher().run(shell(tmp_path, "echo err >&2"))
    assert outcome.error
    assert not (tmp_path / "precious").read_text()


def test_a_signal_ends_it(local: LocalLauncher, tmp_path: Path) -> None:
    assert local.run(shell(tmp_path, "kill -KILL $$")).exit_code == 128 + signal.SIGKILL


def test_nothing_to_read_no_terminal_a_session_of_its_own(tmp_path: Path) -> None:
    script = "import os, sys; print(sys.stdin.read() == '', os.getsid(0) == os.getpgid(0) == os.getpid())"
    script += "\ntry: os.open('/dev/tty', os.O_RDWR)\nexcept OSError: print('no tty')"
    LocalLauncher().run(python(tmp_path, script))
    assert (tmp_path / "out").read_text() == "True True\nno tty\n"


def test_the_environment_is_the_given_one(tmp_path: Path) -> None:
    value = "$(touch here); `id`\n'\" ü \udc80"
    spec = python(tmp_path, "import os; print(ascii(os.environ['X']), 'HOME' in os.environ)")
    LocalLauncher().run(replace(spec, env={**spec.env, "X": value}))
    assert (tmp_path / "out").read_text() == f"{value!a} False\n"


def test_usage(local: LocalLauncher, tmp_path: Path) -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * launcher._RSS_UNIT
    size = own + 64 * 2**20
    outcome = local.run(python(tmp_path, f"x = b'x' * {size}\nfor i in range(10**5): pass"))
    assert outcome.cpu_seconds is not None
    assert outcome.cpu_seconds > 0
    assert outcome.max_rss_bytes is not None
    assert size <= outcome.max_rss_bytes < size + 64 * 2**20


def test_usage_below_our_own_is_not_known(tmp_path: Path) -> None:
    assert LocalLauncher().run(shell(tmp_path, "true")).max_rss_bytes is None


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"argv": ("no-such-program",)}, 127, "cannot start 'no-such-program': No such file"),
        ({"cwd": "missing"}, 127, "No such file or directory: '.*missing'"),
        ({"argv": ("./plain",)}, 126, "Permission denied: './plain'"),
        ({"argv": ("./strange",)}, 126, "Exec format error"),
        ({"argv": ("true", "x" * 2_000_000)}, 126, "Argument list too long"),
        ({"argv": ("true", "a\0b")}, 126, "null byte"),
        ({"env": {"A=B": "c"}}, 126, "illegal environment variable name"),
        ({"env": {"A": "\ud800"}}, 126, "surrogates not allowed"),
        ({"stdout": "missing/out"}, 127, "No such file or directory: '.*out'"),
    ],
)
def test_what_cannot_be_started_is_an_outcome(
    tmp_path: Path, change: dict[str, object], code: int, message: str
) -> None:
    (tmp_path / "plain").touch()
    (tmp_path / "strange").write_bytes(b"\0\1\2")
    (tmp_path / "strange").chmod(0o755)
    paths = {name: tmp_path / str(value) for name, value in change.items() if name in ("cwd", "stdout")}
    outcome = LocalLauncher().run(replace(shell(tmp_path, "true"), **{**change, **paths}))
    assert outcome.exit_code == code
    assert outcome.error
    assert re.search(message, outcome.error)


def test_no_room_for_a_process_is_waited_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen
    refusals = iter([BlockingIOError(11, "Resource temporarily unavailable")] * 2)

    def full(*args: object, **options: object) -> object:
        for refusal in refusals:
            raise refusal
        return start(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(launcher, "_FORK_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(subprocess, "Popen", full)
    assert LocalLauncher().run(shell(tmp_path, "exit 4")).exit_code == 4


def test_no_room_for_a_process_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> object:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(launcher, "_FORK_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(subprocess, "Popen", full)
    outcome = LocalLauncher().run(shell(tmp_path, "true"))
    assert outcome.error == "cannot start 'sh': Resource temporarily unavailable"


def test_no_descriptor_left(tmp_path: Path) -> None:
    script = """
import os, resource, sys
from pathlib import Path
from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.backends.base import ProcessSpec
folder = Path(sys.argv[1])
spec = ProcessSpec(("true",), folder, dict(os.environ), folder / "out", folder / "err")
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
codes, errors = set(), set()
while taken:
    outcome = LocalLauncher().run(spec)
    codes.add(outcome.exit_code)
    errors.add(outcome.error)
    os.close(taken.pop())
print(sorted(codes), outcome.error, all(error is None or "Too many open files" in error for error in errors))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout == "[0, 126] None True\n"


@pytest.mark.parametrize("program", ["head -c 100000000 /dev/zero", "yes | head -c 100000000"])
def test_endless_output_is_never_in_memory(tmp_path: Path, program: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * launcher._RSS_UNIT
    assert LocalLauncher().run(shell(tmp_path, program)).exit_code == 0
    assert (tmp_path / "out").stat().st_size == 100_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * launcher._RSS_UNIT - before < 2**23
    (tmp_path / "out").unlink()


def test_binary_output_is_kept_as_it_is(tmp_path: Path) -> None:
    LocalLauncher().run(shell(tmp_path, "head -c 1000000 /dev/urandom | tee copy"))
    assert (tmp_path / "out").read_bytes() == (tmp_path / "copy").read_bytes()


@pytest.mark.parametrize("script", ["cat", "read x", "python3 -c 'input()'", "git commit --allow-empty"])
def test_who_asks_gets_no_answer(tmp_path: Path, script: str) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert not LocalLauncher().run(shell(tmp_path, f"{script}; exit 0")).timed_out


def test_several_threads_at_once(local: LocalLauncher, tmp_path: Path) -> None:
    def one(number: int) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        return local.run(shell(folder, f"sleep 0.05; exit {number}")).exit_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(32))) == list(range(32))
    until(lambda: threading.active_count() < 8)


def test_a_system_without_pidfd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "sys", SimpleNamespace(platform="darwin"))
    assert LocalLauncher().run(shell(tmp_path, "exit 3")).exit_code == 3


def test_a_status_that_somebody_else_took(local: LocalLauncher, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        outcome = local.run(shell(tmp_path, "exit 3"))
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert outcome.exit_code == 1
    assert outcome.error
    assert "took the exit status" in outcome.error
