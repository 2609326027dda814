"""The stream of events: what is in it, and that nothing that befalls it befalls the run."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from waiting import PATIENCE, until

if TYPE_CHECKING:
    from conftest import Shell

QUICK = "-p no:cacheprovider -p no:hypothesispytest"
WAIT = "touch started; until [ -e go ]; do sleep 0.01; done"
TASKS = (
    f"- [ ] T1 first\n  - run: `{WAIT}`\n- [ ] T2 second\n  - run: `false`\n- [ ] T3 third (depends on T2)\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "tasks.md").write_text(TASKS)
    return tmp_path


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *QUICK.split(), "--moderator", "tasks.md", *arguments],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def end(run: subprocess.Popen[str], project: Path) -> str:
    (project / "go").touch()
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1
    assert "1 failed, 1 passed, 1 skipped" in output
    return output


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("workers", ["", "-n2"])
def test_every_event_says_what_has_happened(shell: Shell, project: Path, workers: str) -> None:
    (project / "go").touch()
    (project / "other.md").write_text("- [x] T1 first\n")
    report = "--moderator-json report.json"
    ran = shell(
        f"pytest {QUICK} --moderator tasks.md other.md --moderator-events events {report} {workers}", project
    )
    assert ran.returncode == 1, ran.stdout
    assert "not written" not in ran.stdout

    events = read((project / "events").read_text())
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {(event["version"], event["run_id"]) for event in events} == {(1, events[0]["run_id"])}
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)

    run_started, *middle, run_ended = events
    expected = {"files": ["tasks.md", "other.md"], "tasks": 4, "workers": 2 if workers else 1}
    assert run_started["kind"] == "run_started"
    assert run_started | expected == run_started
    assert (Path(run_started["directory"]) / "tasks" / "T2" / "stderr.log").exists()
    assert (run_ended["kind"], run_ended["exit_code"]) == ("run_ended", 1)

    started = {(e["file"], e["task_id"]): e for e in middle if e["kind"] == "task_started"}
    assert set(started) == {("tasks.md", "T1"), ("tasks.md", "T2")}
    workers_seen = {event["worker"] for event in started.values()}
    assert workers_seen <= ({"gw0", "gw1"} if workers else {"main"})
    assert started["tasks.md", "T1"]["context"]["working_directory"] == str(project)

    ended = {(e["file"], e["task_id"]): e["result"] for e in middle if e["kind"] == "task_ended"}
    files = json.loads((project / "report.json").read_text())["files"]
    assert ended == {
        (file["file"], result["task"]["id"]): result for file in files for result in file["tasks"]
    }


def test_a_pipe_that_nobody_reads_holds_up_nobody(project: Path) -> None:
    os.mkfifo(project / "pipe")
    output = end(start(project, "--moderator-events=pipe"), project)
    assert f"{project / 'pipe'}: 7 of 7 events not written: nobody was reading it" in output


def test_a_reader_who_is_late_misses_the_first_events_only(project: Path) -> None:
    os.mkfifo(project / "pipe")
    run = start(project, "--moderator-events=pipe", "-n1")
    until((project / "started").exists)
    reading = os.open(project / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(reading) as pipe:
        (project / "go").touch()
        assert select.select([reading], [], [], PATIENCE)[0]
        os.set_blocking(reading, True)
        events = read(pipe.read())
    first = events[0]["seq"]
    assert first in {2, 3}  # that a task was started is told when it was: it may have got so far by then
    assert [event["seq"] for event in events] == list(range(first, 8))
    output = end(run, project)
    assert f"{project / 'pipe'}: {first - 1} of 7 events not written: nobody was reading it yet" in output


def test_a_reader_who_goes_away_disturbs_nothing(project: Path) -> None:
    os.mkfifo(project / "pipe")
    reading = os.open(project / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # before anything could be missed
    run = start(project, "--moderator-events=pipe")
    with os.fdopen(reading) as pipe:
        assert select.select([reading], [], [], PATIENCE)[0]
        os.set_blocking(reading, True)
        assert json.loads(pipe.readline())["run_id"]
        until((project / "started").exists)
    output = end(run, project)
    assert output.count(" of 7 events not written: Broken pipe") == 1


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a disk that is always full")
def test_a_full_disk_disturbs_nothing(project: Path) -> None:
    output = end(start(project, "--moderator-events=/dev/full"), project)
    assert "/dev/full: 7 of 7 events not written: No space left on device" in output


@pytest.mark.parametrize(("path", "why"), [("missing/events", "No such file"), (".", "Is a directory")])
def test_a_place_that_cannot_be_written_to_is_refused(
    shell: Shell, project: Path, path: str, why: str
) -> None:
    ran = shell(f"pytest {QUICK} --moderator tasks.md --moderator-events {path}", project)
    assert ran.returncode == 4
    assert f"cannot write '{project / path}': {why}" in ran.stdout
    assert not (project / "started").exists()
