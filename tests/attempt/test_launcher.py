"""The launcher, with real processes: how they start, how they end, and that nothing of them stays."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import pytest

from pytest_moderator.attempt import LocalLauncher, launcher
from pytest_moderator.attempt.processes import MARK, make_mark
from pytest_moderator.backends.base import ProcessOutcome, ProcessSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Until = Callable[[Callable[[], object]], None]
    Lives = Callable[[int], bool]

# Leaves group and session by the book, then ignores what it is asked.
ESCAPEE = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open("pid.new", "w") as file:
            file.write(str(os.getpid()))
        os.rename("pid.new", "pid")
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists("pid"):
    time.sleep(0.01)
"""


@pytest.fixture(params=["pidfd", "thread"])
def local(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LocalLauncher:
    """The launcher, with both ways to wait."""
    if request.param == "thread":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    elif not hasattr(os, "pidfd_open"):
        pytest.skip("this system has no pidfd")
    return LocalLauncher()


def spec_of(folder: Path, *argv: str, timeout: float | None = 300.0, grace: float = 0.3) -> ProcessSpec:
    return ProcessSpec(
        argv=argv,
        cwd=folder,
        env={"PATH": os.environ["PATH"], MARK: make_mark("launcher", str(folder), 1)},
        stdout=folder / "out",
        stderr=folder / "err",
        timeout=timeout,
        grace=grace,
    )


def shell(folder: Path, script: str, timeout: float | None = 300.0, grace: float = 0.3) -> ProcessSpec:
    return spec_of(folder, "sh", "-c", script, timeout=timeout, grace=grace)


def python(folder: Path, script: str, timeout: float | None = 300.0) -> ProcessSpec:
    return spec_of(folder, sys.executable, "-c", script, timeout=timeout)


def run_out_of_time(local: LocalLauncher, spec: ProcessSpec, *made: str) -> ProcessOutcome:
    """Run what never ends with a time limit; with longer ones where it was too short to make these files first."""
    for limit in (1.0, 5.0, 60.0):
        outcome = local.run(replace(spec, timeout=limit))
        if all((spec.cwd / name).exists() and (spec.cwd / name).read_text() for name in made):
            break
    return outcome


def pid_in(path: Path) -> int:
    return int(path.read_text())


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


def test_a_time_limit_ends_the_whole_tree(
    local: LocalLauncher, tmp_path: Path, until: Until, lives: Lives
) -> None:
    script = "sh -c 'sleep 600 & echo $! > pid; wait' & trap '' TERM; echo $$ > leader; wait; wait; sleep 600"
    outcome = run_out_of_time(local, shell(tmp_path, script), "pid", "leader")
    assert (outcome.exit_code, outcome.timed_out, outcome.error) == (124, True, None)
    assert not lives(pid_in(tmp_path / "pid"))
    assert not lives(pid_in(tmp_path / "leader"))


def test_a_time_limit_reaches_what_has_been_stopped(tmp_path: Path, lives: Lives) -> None:
    spec = shell(tmp_path, "sleep 600 & echo $! > pid; kill -STOP $!; kill -STOP $$", grace=60.0)
    assert run_out_of_time(LocalLauncher(), spec, "pid").exit_code == 124
    assert not lives(pid_in(tmp_path / "pid"))


@pytest.mark.parametrize("again", range(3))
def test_it_is_asked_before_it_is_killed_and_before_its_children(tmp_path: Path, again: int) -> None:
    script = "trap 'echo bye; exit 0' TERM; sleep 600 & echo $! > pid; wait"
    outcome = run_out_of_time(LocalLauncher(), shell(tmp_path, script, grace=60.0), "pid")
    assert outcome.exit_code == 124
    assert (tmp_path / "out").read_text().endswith("bye\n")


at_once = pytest.mark.skipif(sys.platform != "linux", reason="found at the end of the run only")


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param("", marks=at_once),
        pytest.param("import sys; sys.exit(3)", marks=at_once),
        "time.sleep(600)",
    ],
)
def test_who_left_group_and_session_is_found(
    local: LocalLauncher, tmp_path: Path, lives: Lives, ending: str
) -> None:
    spec = python(tmp_path, ESCAPEE + ending)
    outcome = run_out_of_time(local, spec, "pid") if "sleep" in ending else local.run(spec)
    pid = pid_in(tmp_path / "pid")
    assert not lives(pid)
    assert outcome.timed_out == ("sleep" in ending)
    if not outcome.timed_out:
        assert len(outcome.leftovers) == 1
        assert f"({pid})" in outcome.leftovers[0]


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed")
def test_who_left_without_a_mark_is_found_below_the_leader(tmp_path: Path, lives: Lives) -> None:
    script = 'env -i PATH="$PATH" setsid sh -c \'trap "" TERM; echo $$ > pid; sleep 600; sleep 600\' & wait'
    assert run_out_of_time(LocalLauncher(), shell(tmp_path, script), "pid").timed_out
    assert not lives(pid_in(tmp_path / "pid"))
    assert str(tmp_path) not in {process.info["cwd"] for process in psutil.process_iter(["cwd"])}


def test_what_stays_in_the_group_is_ended(local: LocalLauncher, tmp_path: Path, lives: Lives) -> None:
    outcome = local.run(shell(tmp_path, "sleep 600 & echo $! > pid; echo hi"))
    pid = pid_in(tmp_path / "pid")
    assert not lives(pid)
    assert outcome.exit_code == 0
    assert outcome.leftovers in ((f"sleep ({pid})",), (f"sh ({pid})",))  # a shell until it becomes a sleep


def test_many_children_leave_nothing(tmp_path: Path) -> None:
    script = "i=0; while [ $i -lt 100 ]; do /bin/true & i=$((i+1)); done; wait; sleep 600 & exit 5"
    outcome = LocalLauncher().run(shell(tmp_path, script))
    assert outcome.exit_code == 5
    assert len(outcome.leftovers) == 1


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


def test_several_threads_at_once(local: LocalLauncher, tmp_path: Path, until: Until) -> None:
    def one(number: int) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        return local.run(shell(folder, f"sleep 0.05; exit {number}")).exit_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(32))) == list(range(32))
    until(lambda: threading.active_count() < 8)


@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_ends_the_tree_and_goes_on(
    tmp_path: Path, until: Until, lives: Lives, interrupts: int
) -> None:
    stubborn = "trap 'touch asked' TERM; echo $$ > task; while :; do sleep 600 & wait; done"
    program = f"""
import os, sys
from pathlib import Path
from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.backends.base import ProcessSpec
folder = Path(sys.argv[1])
grace = {0.5 if interrupts == 1 else 600.0}
# Found by its mark, where the interrupt comes before the start is known.
env = {{**os.environ, {MARK!r}: {f"interrupt-{uuid4().hex}:T1:1"!r}}}
spec = ProcessSpec(("sh", "-c", {stubborn!r}), folder, env, folder / "out", folder / "err", grace=grace)
try:
    LocalLauncher().run(spec)
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as controller:
        until((tmp_path / "task").exists)
        until((tmp_path / "task").read_text)
        controller.send_signal(signal.SIGINT)
        if interrupts > 1:
            until((tmp_path / "asked").exists)
            controller.send_signal(signal.SIGINT)
        assert controller.communicate(timeout=300)[0] == b"interrupted\n"
    assert not lives(pid_in(tmp_path / "task"))


def test_an_interrupt_before_the_start_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes]) -> None:
        started.append(process)
        until(psutil.Process(process.pid).environ)  # it shows its mark
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "_Child", interrupted)
    with pytest.raises(KeyboardInterrupt):
        LocalLauncher().run(shell(tmp_path, "sleep 600"))
    assert started[0].wait(300) == -signal.SIGTERM


def test_an_interrupt_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lives: Lives) -> None:
    def interrupted(pid: int, mark: str | None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "may_have_left_something", interrupted)
    with pytest.raises(KeyboardInterrupt):
        LocalLauncher().run(shell(tmp_path, "sleep 600 & echo $! > pid"))
    assert not lives(pid_in(tmp_path / "pid"))


def test_time_in_which_we_are_stopped_does_not_count(tmp_path: Path, until: Until) -> None:
    program = """
import os, sys
from pathlib import Path
from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.backends.base import ProcessSpec
folder = Path(sys.argv[1])
script = "trap 'exit 7' USR1; echo $$ > pid; mv pid begun; while :; do sleep 0.02; done"
spec = ProcessSpec(("sh", "-c", script), folder, dict(os.environ), folder / "out", folder / "err", timeout=3.0)
print(LocalLauncher().run(spec).exit_code)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as controller:
        until((tmp_path / "begun").exists)
        controller.send_signal(signal.SIGSTOP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            controller.wait(3.5)  # longer than the task's limit
        controller.send_signal(signal.SIGCONT)
        os.kill(pid_in(tmp_path / "begun"), signal.SIGUSR1)
        assert controller.communicate(timeout=300)[0] == b"7\n"


class Held:
    """The end of a process that the kernel holds."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self, seconds: float | None) -> bool:
        return False


def test_a_system_without_pidfd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "sys", SimpleNamespace(platform="darwin"))
    assert LocalLauncher().run(shell(tmp_path, "exit 3")).exit_code == 3


def test_what_cannot_be_killed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Held] = []
    monkeypatch.setattr(launcher, "_watch", lambda pid: held.append(Held(pid)) or held[0])
    outcome = LocalLauncher().run(shell(tmp_path, "sleep 600", timeout=0.1))
    assert outcome.error == f"process {held[0].pid} was killed, but the kernel still holds it"
    assert outcome.exit_code == 124
    os.waitpid(held[0].pid, 0)


def test_a_status_that_somebody_else_took(local: LocalLauncher, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        outcome = local.run(shell(tmp_path, "exit 3"))
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert outcome.exit_code == 1
    assert outcome.error
    assert "took the exit status" in outcome.error
