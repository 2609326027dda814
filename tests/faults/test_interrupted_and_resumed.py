"""Signals that ask a run to end, at any moment: what is told is what is written, and the next one goes on."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from faulty import BOTH
from ledger import Journal, Ledger, check, check_complete, often

if TYPE_CHECKING:
    from types import FunctionType

    from faulty import Project, RunningRun

RESUME = "--moderator-resume"


def to_the_process(run: RunningRun, number: signal.Signals) -> None:
    if run.process.poll() is None:
        run.signal(number)


def to_the_group(run: RunningRun, number: signal.Signals) -> None:
    """As a terminal does when somebody types Ctrl-C, or closes it."""
    if run.process.poll() is None:
        run.signal_group(number)


@BOTH
@pytest.mark.parametrize(
    ("send", "number"),
    [
        (to_the_process, signal.SIGINT),
        (to_the_group, signal.SIGINT),
        (to_the_process, signal.SIGTERM),
        (to_the_group, signal.SIGHUP),
    ],
    ids=["SIGINT", "SIGINT-group", "SIGTERM", "SIGHUP-group"],
)
@pytest.mark.parametrize("seed", often(1, 20))
def test_once(
    project: Project, workers: tuple[str, ...], send: FunctionType, number: signal.Signals, seed: int
) -> None:
    ledger = Ledger(project, f"once {workers} {send.__name__} {number} {seed}", gate="go")
    run = ledger.start(*workers)
    ledger.until_written(run, ledger.random.randint(1, len(ledger.ids)))
    send(run, number)
    ended = run.end()
    (project.path / "go").touch()
    assert "INTERNALERROR" not in ended.output
    check(ledger, ended, code=pytest.ExitCode.INTERRUPTED)
    assert Journal(project).runs[-1]["status"] == "interrupted"
    resume = next(line for line in ended.output.splitlines() if line.startswith("resume: "))
    assert resume.split()[-1] == RESUME
    check_complete(ledger, ledger.run(RESUME, *workers))


@BOTH
@pytest.mark.parametrize("seed", often(2, 50))
def test_twice(project: Project, workers: tuple[str, ...], seed: int) -> None:
    """Somebody who has no patience, and types Ctrl-C again after any time."""
    ledger = Ledger(project, f"twice {workers} {seed}", gate="go")
    run = ledger.start(*workers)
    ledger.until_written(run, ledger.random.randint(1, len(ledger.ids)))
    to_the_group(run, signal.SIGINT)
    time.sleep(ledger.random.choice([0, 0.001, 0.01, 0.1, 0.3]))
    to_the_group(run, signal.SIGINT)
    ended = run.end()
    (project.path / "go").touch()
    # when pytest has come to its end by then, the second one is for Python
    late = ended.code == -signal.SIGINT and "resume: " in ended.output
    check(ledger, ended, code=None if late else pytest.ExitCode.INTERRUPTED, heard=not late)
    check_complete(ledger, ledger.run(RESUME, *workers))


@BOTH
@pytest.mark.parametrize("seed", often(1, 20))
def test_nobody_reads_the_output_any_more(project: Project, workers: tuple[str, ...], seed: int) -> None:
    ledger = Ledger(project, f"output {workers} {seed}", gate="go")
    read, write = os.pipe()
    run = ledger.start(*workers, stdout=write)
    os.close(write)
    ledger.until_written(run, ledger.random.randint(1, len(ledger.ids)))
    os.close(read)
    (project.path / "go").touch()
    ended = run.end()
    assert ended.code != pytest.ExitCode.OK
    check(ledger, ended, heard=False)
    check_complete(ledger, ledger.run(RESUME, *workers))


@BOTH
def test_signals_that_are_ignored_stay_so(project: Project, workers: tuple[str, ...]) -> None:
    """``nohup pytest --moderator`` outlives the terminal."""
    ledger = Ledger(project, "nohup", gate="go")
    run = ledger.start(*workers, limit="trap '' HUP")
    ledger.until_written(run, 2)
    to_the_group(run, signal.SIGHUP)
    (project.path / "go").touch()
    check_complete(ledger, run.end())
