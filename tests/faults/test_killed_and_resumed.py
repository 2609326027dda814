"""The process of a run is killed at any moment: the next one goes on, loses nothing and does nothing twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from ledger import WORKERS, Ledger, check, check_complete, often

if TYPE_CHECKING:
    from faulty import Project

RESUME = "--moderator-resume"
pytestmark = pytest.mark.parametrize("workers", WORKERS)


@pytest.mark.parametrize("seed", often(2, 50))
def test_the_controlling_process(project: Project, workers: str, seed: int) -> None:
    ledger = Ledger(project, f"controller {workers} {seed}")
    ledger.kill_at_random(ledger.start(*WORKERS[workers]))
    check(ledger)
    check_complete(ledger, ledger.run(RESUME, *WORKERS[workers]))


@pytest.mark.parametrize("seed", often(1, 50))
def test_and_those_who_go_on_with_it(project: Project, workers: str, seed: int) -> None:
    """A crash during the recovery from a crash, twice."""
    ledger = Ledger(project, f"recovery {workers} {seed}")
    ledger.kill_at_random(ledger.start(*WORKERS[workers]))
    for _ in range(2):
        run = ledger.start(RESUME, *WORKERS[workers])
        time.sleep(ledger.random.uniform(0, 2))  # any moment, also before it has read what there is
        run.kill()
        check(ledger)
    check_complete(ledger, ledger.run(RESUME, *WORKERS[workers]))


@pytest.mark.parametrize("seed", often(1, 50))
def test_all_of_the_session(project: Project, workers: str, seed: int) -> None:
    """Nobody is left to end the tasks, until the next start."""
    ledger = Ledger(project, f"session {workers} {seed}")
    run = ledger.start(*WORKERS[workers])
    ledger.until_written(run, ledger.random.randint(1, len(ledger.ids)))
    run.kill_session()
    check(ledger)
    check_complete(ledger, ledger.run(RESUME, *WORKERS[workers]))
