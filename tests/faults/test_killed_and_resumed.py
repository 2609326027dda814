"""Processes of a run are killed at any moment: the next one goes on, loses nothing and does nothing twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from ledger import FULL, WORKERS, Journal, Ledger, check, check_complete, often

if TYPE_CHECKING:
    from faulty import Project

RESUME = "--moderator-resume"
EACH_WAY = pytest.mark.parametrize("workers", WORKERS)
TWO_WAYS = pytest.mark.parametrize("workers", WORKERS if FULL else ["alone", "n2"])


@EACH_WAY
@pytest.mark.parametrize("seed", often(1, 50))
def test_the_controlling_process(project: Project, workers: str, seed: int) -> None:
    ledger = Ledger(project, f"controller {workers} {seed}")
    ledger.kill_at_random(ledger.start(*WORKERS[workers]))
    check(ledger)
    check_complete(ledger, ledger.run(RESUME, *WORKERS[workers]))


@TWO_WAYS
@pytest.mark.parametrize("seed", often(1, 50))
def test_and_who_goes_on_with_it(project: Project, workers: str, seed: int) -> None:
    """A crash during the recovery from a crash, twice."""
    ledger = Ledger(project, f"recovery {workers} {seed}")
    ledger.kill_at_random(ledger.start(*WORKERS[workers]))
    for _ in range(2):
        run = ledger.start(RESUME, *WORKERS[workers])
        time.sleep(ledger.random.uniform(0, 2))  # any moment, also before it has read what there is
        run.kill()
        check(ledger)
    check_complete(ledger, ledger.run(RESUME, *WORKERS[workers]))


@TWO_WAYS
@pytest.mark.parametrize("seed", often(1, 50))
def test_all_of_the_session(project: Project, workers: str, seed: int) -> None:
    """Nobody is left to end the tasks, until the next start."""
    ledger = Ledger(project, f"session {workers} {seed}")
    run = ledger.start(*WORKERS[workers])
    ledger.until_written(run, ledger.random.randint(1, len(ledger.ids)))
    run.kill_session()
    check(ledger)
    check_complete(ledger, ledger.run(RESUME, *WORKERS[workers]))


@pytest.mark.parametrize("seed", often(2, 50))
def test_a_worker(project: Project, seed: int) -> None:
    """The task that it was at has one more try; nobody else notices."""
    ledger = Ledger(project, f"worker {seed}", extra="retries: 1")
    run = ledger.start("-n2")
    ledger.until_written(run, ledger.random.randint(1, len(ledger.ids)))
    if workers := run.workers():
        with contextlib.suppress(psutil.NoSuchProcess):
            ledger.random.choice(workers).kill()
    check_complete(ledger, run.end())


@TWO_WAYS
@pytest.mark.parametrize("seed", often(1, 50))
def test_a_task(project: Project, workers: str, seed: int) -> None:
    """It fails, and what needs it waits for the next run; all else goes on."""
    ledger = Ledger(project, f"task {workers} {seed}")
    run = ledger.start(*WORKERS[workers])
    ledger.until_written(run, ledger.random.randint(1, len(ledger.ids)))
    for process in project.task_processes():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            os.killpg(os.getsid(process.pid), signal.SIGKILL)
    ended = run.end().sound
    check(ledger, ended)
    failed = {name for name, status in ended.statuses.items() if status == "failed"}
    assert ended.code == bool(failed)
    assert all("SIGKILL" in ended.tasks[name]["error_message"] for name in failed)
    assert set(Journal(project).completed).isdisjoint(failed)
    check_complete(ledger, ledger.run(RESUME, *WORKERS[workers]))
