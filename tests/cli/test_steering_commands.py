"""``moderator pause``, ``resume``, ``cancel`` and ``retry``, beside a journal."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from recorded import STATE, Recorded

from pytest_moderator.cli import _ask, main
from pytest_moderator.journal import RequestKind, RunStatus
from pytest_moderator.model import TaskStatus


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that is to fail; give what it says."""
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("moderator: error: ")
    return captured.err.removeprefix("moderator: error: ").rstrip()


def says(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that is to succeed; give what it says."""
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.rstrip("\n")


def test_pause(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(tasks=" ".join(f"T{n}" for n in range(1, 8)))
    asked = f"asked run {run.id} to pause: it starts nothing new; "
    with run.obeying() as taken:
        assert says(capsys, "pause") == asked + "nothing of it runs now"
        run.start("T1")
        run.start("T2")
        assert says(capsys, "pause") == asked + "these go on to their end: T1, T2"
        for name in ("T3", "T4", "T5", "T6"):
            run.start(name)
        expected = asked + "stopped where they stand: T1, T2, T3, T4, T5 and 1 more"
        assert says(capsys, "pause", "--now", "--run", "2026") == expected
    assert [(request.kind, request.task_id) for request in taken] == [(RequestKind.PAUSE, None)] * 3
    assert [request.payload["now"] for request in taken] == [False, False, True]


def test_resume_of_a_run_that_is_alive(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded()
    with run.obeying() as taken:
        assert says(capsys, "resume") == f"asked run {run.id} to go on"
    assert [request.kind for request in taken] == [RequestKind.RESUME]


def test_cancel_of_a_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded()
    with run.obeying() as taken:
        assert says(capsys, "cancel").endswith("to end: it starts nothing new; nothing of it runs now")
        run.start("T001")
        assert says(capsys, "cancel").endswith("to end: it starts nothing new; these are ended: T001")
    assert [(request.kind, request.task_id) for request in taken] == [(RequestKind.CANCEL, None)] * 2


def test_cancel_of_tasks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(tasks="a.md::T1 a.md::T2 b.md::T3")
    run.start("T1", "a.md")
    with run.obeying() as taken:
        out = says(capsys, "cancel", "T1", "b.md::T3", "T1", "T2")
    assert out == f"asked run {run.id} to cancel 3 tasks: a.md::T1 ended, b.md::T3, a.md::T2 skipped"
    assert [(request.file, request.task_id) for request in taken] == [
        ("a.md", "T1"),
        ("b.md", "T3"),
        ("a.md", "T2"),
    ]
    with run.obeying():
        assert says(capsys, "cancel", "T2").endswith("to cancel 1 task: a.md::T2 skipped")


def test_nothing_is_cancelled_when_one_id_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(tasks="T001 T002 T003 T004")
    run.end("T002", TaskStatus.COMPLETED)
    run.end("T003", TaskStatus.FAILED, "exit code 1")
    assert fails(capsys, "cancel", "T001", "T002", "T003", "T01", "X").splitlines() == [
        "'T002' has ended already (completed): there is nothing to cancel",
        "'T003' has ended already (failed: exit code 1): there is nothing to cancel",
        f"run {run.id} has no task 'T01'; did you mean 'T001'?",
        f"run {run.id} has no task 'X'; moderator status --json lists all that it has",
        "nothing was cancelled",
    ]
    assert run.journal.take_requests(run.id) == []


def test_an_id_that_several_files_have(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recorded(tasks="a.md::T1 sub/b.md::T1")
    message = f"several tasks of run {run.id} have the id 'T1': name one of a.md::T1, sub/b.md::T1"
    assert message in fails(capsys, "cancel", "T1")
    assert "has no task 'tasks.md::T1'; moderator" in fails(capsys, "cancel", "tasks.md::T1")
    assert "did you mean 'a.md::T1'?" in fails(capsys, "cancel", "a.md::T2")
    (here / "sub").mkdir()
    with run.obeying() as taken:
        monkeypatch.chdir(here / "sub")
        says(capsys, "cancel", "b.md::T1")
        says(capsys, "cancel", "a.md::T1")
    assert [(r.file, r.task_id) for r in taken] == [("sub/b.md", "T1"), ("a.md", "T1")]


def test_retry_in_a_run_that_is_alive(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(tasks=" ".join(f"T{n}" for n in range(1, 11)))
    run.end("T1", TaskStatus.FAILED, "exit code 1")
    run.end("T2", TaskStatus.SKIPPED, "cancelled by me@here")
    run.wait("T9", "waiting for attempt 2 until 2026-01-02T11:00:00.000+00:00: exit code 75")
    run.wait("T10", "waiting for an approval")
    with run.obeying() as taken:
        for name in ("T1", "T2"):
            expected = f"asked run {run.id} to try {name} again, and then what it blocks"
            assert says(capsys, "retry", name) == expected
        expected = f"asked run {run.id} not to wait any longer before it tries T9 again"
        assert says(capsys, "retry", "T9") == expected
    assert [(request.kind, request.task_id) for request in taken] == [
        (RequestKind.RETRY, "T1"),
        (RequestKind.RETRY, "T2"),
        (RequestKind.RETRY, "T9"),
    ]
    run.end("T3", TaskStatus.COMPLETED)
    run.end("T4", TaskStatus.SKIPPED, "blocked by T1")
    run.end("T5", TaskStatus.SKIPPED, "already done")
    run.end("T6", TaskStatus.SKIPPED, "not selected")
    run.start("T7")
    reasons = {
        "T3": "it has completed; when the run is over, moderator retry runs it again",
        "T4": "it was blocked by T1: try that one again, then it follows by itself",
        "T5": "it is not part of it (already done)",
        "T6": "it is not part of it (not selected)",
        "T7": "it is running, and has not ended yet",
        "T8": "it is pending, and has not ended yet",
        "T10": "it is paused, and has not ended yet",
    }
    for name, reason in reasons.items():
        assert fails(capsys, "retry", name) == f"'{name}' cannot be tried again in run {run.id}: {reason}"


def test_a_run_that_does_not_take_notice(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ask, "PATIENCE", 0.05)
    run = Recorded()
    said = fails(capsys, "pause")
    assert said.startswith(
        f"run {run.id} was asked to pause and has not taken notice for 0.05 s: its process {os.getpid()} on "
    )
    assert [request.kind for request in run.journal.take_requests(run.id)] == [RequestKind.PAUSE]


@pytest.mark.parametrize("what", ["pause", "cancel"])
def test_a_run_that_is_not_alive(here: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    run = Recorded("one", alive=False)
    stands = f"run one of tasks.md is not alive (interrupted): there is nothing to {what}; "
    assert fails(capsys, what) == stands + "moderator resume --run one goes on with it"
    run.journal.set_run_status(RunStatus.COMPLETED, kind="run_ended")
    assert fails(capsys, what).endswith(
        f"(completed): there is nothing to {what}; moderator runs lists the runs"
    )


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "retry T001"])
def test_several_runs_that_are_alive(here: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    Recorded("one")
    Recorded("two", tasks="b.md::T001").journal.set_run_status(
        RunStatus.PAUSED, kind="run_paused", run_id="two"
    )
    Recorded("three", alive=False)
    assert fails(capsys, *command.split()).splitlines() == [
        "2 runs are alive; say with --run which one is meant:",
        "  two  b.md (paused)",
        "  one  tasks.md (running)",
    ]


def over(*command: str, **more: object) -> Recorded:
    """A run that is over, and was started by this command."""
    return Recorded(alive=False, command=command, **more)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("--moderator tasks.md -n 2", "--moderator tasks.md -n 2 --moderator-resume"),
        ("--moderator 'my tasks.md'", "--moderator 'my tasks.md' --moderator-resume"),
        ("--moderator-resume --moderator tasks.md", "--moderator tasks.md --moderator-resume"),
        ("--moderator --moderator-rerun T1,T2 a.md", "--moderator a.md --moderator-resume"),
        ("--moderator --moderator-rerun=T1 --moderator-force a.md", "--moderator a.md --moderator-resume"),
        ("--moderator a.md --moderator-rerun", "--moderator a.md --moderator-resume"),
        ("--moderator -- tasks.md", "--moderator --moderator-resume -- tasks.md"),
    ],
)
def test_the_command_that_goes_on(
    here: Path, capsys: pytest.CaptureFixture[str], command: str, expected: str
) -> None:
    over(*shlex.split(command))
    assert says(capsys, "resume") == f"pytest {expected}"


def test_the_command_works_from_elsewhere(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    below = here / "my specs"
    below.mkdir()
    over("--moderator", "tasks.md", directory=below)
    expected = f"cd '{below}' && pytest --moderator tasks.md --moderator-resume"
    assert says(capsys, "resume") == expected
    monkeypatch.chdir(below)
    assert says(capsys, "resume") == "pytest --moderator tasks.md --moderator-resume"


def test_the_command_names_a_journal_that_is_elsewhere(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    over("--moderator", "tasks.md", root=here / "sub")
    state = shlex.quote(str(here / STATE))
    assert says(capsys, "resume").endswith(f" --moderator-resume --moderator-state-dir={state}")
    for named in (["--moderator-state-dir", "x"], ["--moderator-state-dir=x"]):
        over("--moderator", *named, root=here / "sub", directory=here, run_id=f"run-{len(named)}")
        assert says(capsys, "resume") == f"pytest --moderator {shlex.join(named)} --moderator-resume"


def test_retry_of_a_run_that_is_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(tasks="T1 T2", alive=False)
    run.end("T1", TaskStatus.COMPLETED)
    assert says(capsys, "retry", "T1") == "pytest --moderator tasks.md --moderator-rerun=T1"
    assert "has no task 'T3'" in fails(capsys, "retry", "T3")
    Recorded("two", tasks="a.md::T1 b.md::T1", alive=False)
    assert says(capsys, "retry", "b.md::T1") == "pytest --moderator a.md b.md --moderator-rerun=b.md::T1"


def test_only_the_last_run_of_a_file_goes_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Recorded("one", alive=False)
    Recorded("two", alive=False)
    Recorded("other", tasks="tasks.md::T1 b.md::T1", alive=False)
    for command in (["resume"], ["retry", "T001"]):
        said = fails(capsys, *command, "--run", "one")
        assert said == (
            "run one is not the last one of tasks.md, and pytest goes on with the last one only: that is two"
        )
        assert says(capsys, *command, "--run", "two").startswith("pytest --moderator tasks.md --moderator-re")


def test_a_run_that_has_completed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(alive=False)
    run.journal.set_run_status(RunStatus.COMPLETED, kind="run_ended", payload={"exit_code": 0})
    assert fails(capsys, "resume").startswith(f"run {run.id} has completed: there is nothing to go on with; ")
    assert says(capsys, "retry", "T001").endswith("--moderator-rerun=T001")


def test_exec_becomes_pytest_in_the_right_place(here: Path) -> None:
    below = here / "specs"
    below.mkdir()
    (below / "conftest.py").write_text(
        "import os, pathlib, sys\n"
        "pathlib.Path('seen').write_text(f'{os.getcwd()} {os.getpid()} {sys.argv[1:]}')\n"
        "os._exit(42)\n"
    )
    over("--co", "a b.md", directory=below)
    script = Path(sys.executable).with_name("moderator")
    with subprocess.Popen([script, "resume", "--exec"], stdout=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate()
    assert process.returncode == 42
    assert out == f"cd {below} && pytest --co 'a b.md' --moderator-resume\n"
    seen = (below / "seen").read_text()
    assert seen == f"{below} {process.pid} ['--co', 'a b.md', '--moderator-resume']"


def test_exec_where_the_place_is_gone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = over("--moderator", directory=here / "gone")
    assert main(["resume", "--exec"]) == 1
    error = (
        f"moderator: error: cannot go on with run {run.id} in '{here / 'gone'}': No such file or directory\n"
    )
    assert capsys.readouterr().err == error


def test_what_comes_from_files_does_not_reach_the_terminal_as_it_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Recorded(tasks="T1\x1b[2J", alive=True)
    run.start("T1\x1b[2J")
    with run.obeying():
        assert says(capsys, "pause").endswith("these go on to their end: T1")
    Recorded("two", tasks="a\x1b[2J.md::T1")
    assert "\x1b" not in fails(capsys, "pause")


def test_approve_and_reject(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(tasks="T001 T002 T003")
    run.end("T003", TaskStatus.COMPLETED)
    with run.obeying() as taken:
        assert says(capsys, "approve", "T001", "T002", "T001") == f"run {run.id}: approve T001, T002"
        assert says(capsys, "reject", "T001", "--why", "not now") == f"run {run.id}: reject T001"
    assert [(request.kind, request.task_id, request.payload) for request in taken] == [
        (RequestKind.APPROVE, "T001", {}),
        (RequestKind.APPROVE, "T002", {}),
        (RequestKind.REJECT, "T001", {"why": "not now"}),
    ]
    assert fails(capsys, "approve", "T003") == "'T003' has started already (completed): too late for that"


def test_an_answer_to_a_run_that_is_over_is_kept_for_later(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Recorded(tasks="T001", alive=False)
    assert says(capsys, "approve", "T001").startswith(f"run {run.id} is told when it goes on: approve T001")
    assert [request.kind for request in run.journal.take_requests(run.id)] == [RequestKind.APPROVE]
