"""Whatever is killed at whatever moment: going on puts everything right, and nothing that was done is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from repositories import Repository

BUSY = Path(__file__).with_name("busy.py")
TASKS = 30
KILLS = 6


@pytest.mark.parametrize("seed", range(5))
def test_a_run_that_is_killed_again_and_again(repository: Repository, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    run = repository.run()
    repository.git("update-ref", "-d", run.ref)
    ledger = tmp_path / "ledger"
    command = [sys.executable, str(BUSY), json.dumps(run.to_dict()), str(ledger), str(TASKS)]
    for number in range(KILLS):
        resume = ["resume"] if number else []
        busy = subprocess.Popen([*command, *resume], start_new_session=True, stderr=subprocess.PIPE)
        wait_for_begin(ledger, number + 1, busy)
        time.sleep(chance.uniform(0, 0.6))
        kill(busy.pid, everything=bool(seed % 2))
        busy.wait()
        assert busy.stderr is not None
        busy.stderr.close()
    ended = subprocess.run([*command, "resume"], capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr

    wanted = {f"file-{number}.txt" for number in range(TASKS)}
    assert wanted <= set(repository.files(run.ref))
    log = ("log", "--first-parent", "--merges", "--format=%(trailers:key=Moderator-Task,valueonly)", run.ref)
    merges = Counter(line.split("/")[1] for line in repository.git(*log).splitlines() if line)
    assert set(merges.values()) == {1}
    assert repository.branches() == ["main", run.integration]
    assert not repository.worktrees()
    assert not list((repository.path / ".git" / "worktrees").glob("*"))
    assert repository.git("status", "--porcelain") == ""
    repository.is_sound()


def wait_for_begin(ledger: Path, times: int, busy: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not ledger.exists() or ledger.read_text().splitlines().count("begin") < times:
        assert time.monotonic() < deadline
        assert busy.poll() is None, busy.stderr and busy.stderr.read()
        time.sleep(0.005)


def kill(pid: int, *, everything: bool) -> None:
    """Kill a run: its own processes, or those of git as well."""
    if everything:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
