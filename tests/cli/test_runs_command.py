"""Which journal and which run the command looks at, and ``moderator runs``, which lists them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from recorded import STATE, Recorded, lines_of

from pytest_moderator.cli import main
from pytest_moderator.journal import RunStatus
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("status", "runs", "pause", "resume", "cancel", "retry T001", "logs T001")


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_journal(here: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main(command.split()) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"moderator: error: there is no journal of runs in '{here}'")
    assert main([*command.split(), "--state-dir", "none"]) == 1
    assert "there is no journal in " in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_journal_without_a_run(here: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    from pytest_moderator.journal import Journal  # noqa: PLC0415 (here only)

    Journal.open(here / STATE).close()
    assert main(command.split()) == int(command != "runs")
    captured = capsys.readouterr()
    assert re.search("no run has begun yet.*: pytest --moderator begins one", captured.out + captured.err)


def test_the_journal_is_found_from_below_and_by_name(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Recorded("outer")
    below = here / "a" / "b"
    (below / STATE).mkdir(parents=True)
    monkeypatch.chdir(below)
    assert main(["status"]) == 0
    assert "run outer" in capsys.readouterr().out

    monkeypatch.chdir(here / "a")
    Recorded("inner")
    monkeypatch.setenv("MODERATOR_STATE_DIR", "../.moderator")
    for arguments, expected in ([], "outer"), (["--state-dir", STATE], "inner"):
        assert main(["status", *arguments]) == 0
        assert f"run {expected}" in capsys.readouterr().out
    monkeypatch.setenv("MODERATOR_STATE_DIR", "")
    assert main(["status"]) == 0
    assert "run inner" in capsys.readouterr().out


def test_a_current_directory_that_is_gone(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["status"]) == 1
    assert "the current directory is gone" in capsys.readouterr().err


def test_windows_has_no_runs(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert main(["status"]) == 1
    assert "there are in WSL" in capsys.readouterr().err


def test_which_run_is_looked_at(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Recorded("dead-1", alive=False)
    for arguments, expected in ([], "dead-1"), (["--run", "dead"], "dead-1"):
        assert main(["status", *arguments]) == 0
        assert f"run {expected} " in capsys.readouterr().out
    Recorded("alive-1")
    Recorded("alive-2")
    Recorded("dead-2", alive=False)
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert "run alive-2 " in out
    assert "also alive: alive-1" in out
    assert main(["status", "--run", "alive"]) == 1
    assert "several runs begin with 'alive'" in capsys.readouterr().err
    assert main(["status", "--run", "alive-3"]) == 1
    assert "there is no run 'alive-3'" in capsys.readouterr().err


def test_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Recorded("one", tasks="a.md::T001 b.md::T002")
    first.end("T001", TaskStatus.COMPLETED, file="a.md")
    first.journal.set_run_status(RunStatus.COMPLETED, kind="run_ended", payload={"exit_code": 0})
    Recorded("two", alive=False).start("T001")
    Recorded("three")
    Recorded("four", tasks="", files=("x.md",))
    assert main(["runs"]) == 0
    assert [line.replace("(D)", "  D") for line in lines_of(capsys.readouterr().out)] == [
        "four  running      TIME  D  x.md: no tasks",
        "three  running      TIME  D  tasks.md: 3 pending",
        "two  interrupted  TIME  D  tasks.md: 3 pending",
        "one  completed    TIME  D  a.md, b.md: 1 pending, 1 completed",
    ]


def test_old_runs_are_listed_on_demand(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(21):
        Recorded(f"run-{number}", tasks="T001").journal.close()
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "there are older ones: --all lists them"
    assert main(["runs", "--all"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("run-0  ")
