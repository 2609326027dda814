"""``moderator status``: what it shows and gives as JSON, and watching it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import jsonschema
import pytest
from recorded import STATE, Recorded, lines_of
from waiting import until

from pytest_moderator.cli import INTERRUPTED, _status, main
from pytest_moderator.journal import RunStatus
from pytest_moderator.model import TaskStatus

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "status.schema.json").read_text())


def rich() -> Recorded:
    """A run with tasks of all kinds."""
    run = Recorded(tasks=" ".join(f"T{n:03}" for n in range(1, 13)))
    run.end("T001", TaskStatus.COMPLETED)
    run.start("T002")
    (run.start("T003") / "stdout.1.log").touch()
    run.start("T004")
    run.end("T004", TaskStatus.FAILED, "exit\x1b[2J code 3")
    run.end("T005", TaskStatus.SKIPPED, "blocked by T004")
    run.end("T006", TaskStatus.SKIPPED, "blocked by T005, because of T004")
    run.end("T007", TaskStatus.SKIPPED, "blocked by T008 (cancelled by me@here)")
    run.end("T008", TaskStatus.SKIPPED, "cancelled by me@here")
    run.end("T009", TaskStatus.SKIPPED, "already done")
    run.end("T010", TaskStatus.SKIPPED, "not selected")
    run.end("T011", TaskStatus.SKIPPED)
    run.journal.flush()
    return run


def test_a_run_with_tasks_of_all_kinds(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = rich()
    assert main(["status"]) == 0
    assert lines_of(capsys.readouterr().out) == [
        "tasks.md: run 20260102-1 is running",
        "8 of 11 tasks: 1 completed, 1 done before, 1 failed, 3 blocked, 2 skipped, 2 running, 1 pending",
        "since TIME (D); 2 workers, process P",
        "running",
        "  T002  Do T002  gw0, attempt 1, since TIME (D)",
        "  T003  Do T003  gw0, attempt 2, since TIME (D)",
        "failed",
        f"  T004  Do T004: exit code 3  .moderator/runs/{run.id}/tasks/T004",
        "blocked",
        "  2 by T004",
        "  1 by T008 (cancelled by me@here)",
        "skipped",
        "  1: cancelled by me@here",
        "  1: no reason given",
        "next: moderator retry T004",
    ]


def test_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = rich()
    assert main(["status", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert (data["version"], data["run_id"], data["status"], data["alive"]) == (1, run.id, "running", True)
    assert (data["root"], data["state_dir"]) == (str(here), str(here / STATE))
    counts = {"pending": 1, "running": 2, "paused": 0, "completed": 1, "failed": 1, "skipped": 7}
    assert data["counts"] == counts
    assert [task["status"] for task in data["tasks"]].count("skipped") == 7
    assert data["tasks"][3]["reason"] == "exit\x1b[2J code 3"
    assert data["tasks"][3]["logs"] == f"runs/{run.id}/tasks/T004"


def test_json_is_ascii_and_a_task_that_nobody_runs_is_pending(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Recorded(tasks="Ü T002", alive=False)
    run.start("Ü")
    assert main(["status", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    data = json.loads(out)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert (data["status"], data["alive"], data["ended_at"]) == ("interrupted", False, None)
    assert data["counts"]["pending"] == 2
    assert [(task["id"], task["status"], task["reason"]) for task in data["tasks"]] == [
        ("Ü", "pending", "the process of the run is gone"),
        ("T002", "pending", None),
    ]


def test_json_of_a_run_without_tasks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Recorded(tasks="", files=("tasks.md",))
    assert main(["status", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert data["tasks"] == []


@pytest.mark.parametrize(
    ("status", "words", "step"),
    [
        (RunStatus.PAUSED, "is paused", "moderator resume"),
        (RunStatus.COMPLETED, "has completed", None),
        (RunStatus.FAILED, "has failed", "moderator resume --exec"),
        (RunStatus.INTERRUPTED, "was interrupted", "moderator resume --exec"),
        (RunStatus.CANCELLED, "was cancelled", "moderator resume --exec"),
    ],
)
def test_how_a_run_stands(
    here: Path, capsys: pytest.CaptureFixture[str], status: RunStatus, words: str, step: str | None
) -> None:
    run = Recorded()
    run.journal.set_run_status(status, kind="run_is", payload={"exit_code": 2})
    assert main(["status", "--run", "2026"]) == 0
    lines = lines_of(capsys.readouterr().out)
    assert lines[:2] == [f"tasks.md: run {run.id} {words}", "0 of 3 tasks: 3 pending"]
    assert lines[2] == (
        "from TIME to TIME (D); 2 workers; exit code 2"
        if status.ended
        else "since TIME (D); 2 workers, process P"
    )
    assert lines[3:] == ([f"next: {step} --run 2026"] if step else [])


def test_a_run_that_broke_off(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(alive=False)
    run.start("T002")
    assert main(["status", "--state-dir", STATE]) == 0
    assert lines_of(capsys.readouterr().out) == [
        f"tasks.md: run {run.id} was interrupted",
        "0 of 3 tasks: 3 pending",
        "from TIME to TIME (D); 2 workers",
        "were running",
        "  T002  Do T002  gw0, attempt 1, since TIME",
        f"next: moderator resume --exec --state-dir {STATE}",
    ]
    Recorded("20260102-2")
    assert main(["status", "--run", run.id]) == 0
    out = capsys.readouterr().out
    assert "next: " not in out  # pytest goes on with the last run of a file
    assert "also alive: 20260102-2 (--run shows one)" in out


def test_long_lists_are_cut(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"T{n:03}" for n in range(30)]
    run = Recorded(tasks=" ".join(names), directory=here)
    for n, name in enumerate(names):
        run.start(name)
        if n < 20:
            status = TaskStatus.FAILED if n < 10 else TaskStatus.SKIPPED
            run.end(name, status, f"blocked by X{n}" if n >= 10 else None)
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("  and 5 more") == 3
    assert len(lines) == 25


def test_several_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Recorded(tasks="a.md::T001 b.md::T001")
    run.end("T001", TaskStatus.FAILED, "it broke", file="b.md")
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"a.md, b.md: run {run.id} is running\n")
    assert "  b.md::T001  Do T001: it broke\n" in out
    assert out.endswith("next: moderator retry b.md::T001\n")


def test_titles_and_logs_that_are_long_or_elsewhere(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recorded(tasks="T001")
    run.start("T001")
    run.end("T001", TaskStatus.FAILED)
    with run.journal._connection as connection:  # a title from elsewhere
        connection.execute("UPDATE task_executions SET title = ?", ("\x1b]0;x\x07" + "long " * 20,))
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["status"]) == 0
    line = capsys.readouterr().out.splitlines()[4]
    logs = here / STATE / "runs" / run.id / "tasks" / "T001"
    assert line == f"  T001  {('long ' * 12)[:59]}…: no reason given  {logs}"


def test_watching_shows_every_change(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_status, "PERIOD", 0.01)
    run, shown = Recorded(tasks="T001"), io.StringIO()

    def appears(text: str) -> None:
        until(lambda: text in shown.getvalue())

    def happen() -> None:
        try:
            appears("1 pending")
            run.start("T001")
            appears("1 running")
            Recorded("another", tasks="T009").journal.close()  # no change of this one but that it is there
            appears("also alive: another")
            run.end("T001", TaskStatus.COMPLETED)
        finally:  # else nobody would end the watching
            run.journal.set_run_status(RunStatus.COMPLETED, kind="run_ended", run_id=run.id)

    thread = threading.Thread(target=happen)
    thread.start()
    with contextlib.redirect_stdout(shown):
        assert main(["status", "--watch", "--run", run.id]) == 0
    thread.join()
    blocks = shown.getvalue().split("\n\n")
    assert 4 <= len(blocks) <= 6
    assert len(set(blocks)) == len(blocks)
    assert "has completed" in blocks[-1]


def test_ctrl_c_ends_watching_quietly(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    Recorded()
    monkeypatch.setattr("time.sleep", interrupt)
    assert main(["status", "--watch"]) == INTERRUPTED
    assert capsys.readouterr().err == ""


def test_watching_on_a_terminal_is_done_in_place(here: Path) -> None:
    run = Recorded(tasks="T001")
    terminal, its_end = pty.openpty()
    os.set_blocking(terminal, False)
    seen = b""

    def appears(text: bytes) -> None:
        def look() -> bool:
            nonlocal seen
            with contextlib.suppress(BlockingIOError):
                seen += os.read(terminal, 1 << 16)
            return text in seen

        until(look)

    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    script = Path(sys.executable).with_name("moderator")
    with subprocess.Popen([script, "status", "--watch"], stdout=its_end, env=environment) as watching:
        try:
            appears(b"1 pending")
            seen = b""
            run.start("T001")
            appears(b"1 running")
            run.end("T001", TaskStatus.COMPLETED)
            run.journal.set_run_status(RunStatus.COMPLETED, kind="run_ended")
            appears(b"\x1b[32mhas completed\x1b[0m")
        except BaseException:
            watching.kill()
            raise
    os.close(its_end)
    os.close(terminal)
    assert watching.returncode == 0
    assert b"\x1b[2J" not in seen
    assert b"\x1b[H" in seen


def test_looking_is_quick_because_it_imports_little(here: Path) -> None:
    run = Recorded(tasks="T001")
    run.end("T001", TaskStatus.FAILED, "exit code 1")
    code = (
        "import sys; from pytest_moderator.cli import main; main(['status']); main(['status', '--json']); "
        "main(['runs']); print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "is running" in ran.stdout
    heavy = {
        "yaml",
        "markdown_it",
        "pytest",
        "_pytest",
        "psutil",
        "git",
        "xdist",
        "importlib_metadata",
        "email",
    }
    assert heavy.isdisjoint(ran.stderr.split())
