"""The execution report: what is in it, and how it gets to its place."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from test_events import QUICK, start
from waiting import PATIENCE, until

from pytest_moderator.reports.json_report import write

if TYPE_CHECKING:
    from conftest import Shell

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "schemas" / "report.schema.json").read_text())
TASKS = """
# Tasks

## Setup

- [x] T001 Was done before
- [ ] T002 [P] [US1] Fails in src/a.py
  - run: `echo oops >&2; exit 3`
- [ ] T003 Is blocked (depends on T002)
  - run: `true`
- [ ] T004 May fail
  - optional: yes
  - run: `false`
- [ ] T005 Says something
  - env: COLOUR=teal
  - retries: 1
  - timeout: 1m
  - estimate: 1s
  - resources: printer
  - careful: very
  ```sh
  echo "$COLOUR"
  ```
- [ ] T006 Has nothing to run
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "tasks.md").write_text(TASKS)
    return tmp_path


def read(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text())
    jsonschema.validate(report, SCHEMA, cls=jsonschema.Draft202012Validator)
    return report


def counts(report: dict[str, Any]) -> dict[str, int]:
    [file] = report["files"]
    return {key: count for key, count in file["counts"].items() if count}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("workers", ["", "-n2"])
def test_a_report_fits_its_schema(shell: Shell, project: Path, workers: str) -> None:
    ran = shell(f"pytest {QUICK} --moderator tasks.md --moderator-json new/report.json {workers}", project)
    report = read(project / "new" / "report.json")
    assert report["exit_code"] == ran.returncode == 1
    assert report["workers"] == (2 if workers else 1)
    assert Path(report["directory"], "tasks", "T005", "stdout.log").read_text() == "teal\n"
    assert counts(report) == {"completed": 1, "done": 1, "failed": 1, "failed_optional": 1, "skipped": 2}
    results = {result["task"]["id"]: result for result in report["files"][0]["tasks"]}
    assert list(results) == [f"T00{number}" for number in range(1, 7)]
    assert (results["T002"]["exit_code"], results["T002"]["stderr"]) == (3, "oops\n")
    assert results["T003"]["blocked_by"] == ["T002"]
    assert results["T005"]["task"]["notes"] == {"careful": "very"}


def test_what_was_not_selected_is_in_it(shell: Shell, project: Path) -> None:
    shell(f"pytest {QUICK} --moderator tasks.md -k T005 --moderator-json report.json", project)
    report = read(project / "report.json")
    assert counts(report) == {"completed": 1, "done": 1, "skipped": 4}
    assert report["files"][0]["tasks"][1]["error_message"] == "not selected"


def test_a_run_that_is_interrupted_has_one(project: Path) -> None:
    hang = "touch started; while true; do sleep 0.05; done"
    (project / "tasks.md").write_text(f"- [ ] T1 a\n  - run: `{hang}`\n- [ ] T2 b\n  - run: `true`\n")
    run = start(project, "--moderator-json=report.json", "-n1")
    until((project / "started").exists)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=PATIENCE)
    report = read(project / "report.json")
    assert report["exit_code"] == run.returncode == 2
    assert counts(report) == {"interrupted": 1, "not_started": 1}


def test_only_looking_writes_none(shell: Shell, project: Path) -> None:
    ran = shell(f"pytest {QUICK} --moderator tasks.md --collect-only --moderator-json report.json", project)
    assert ran.returncode == 0
    assert not (project / "report.json").exists()


@pytest.mark.parametrize(("path", "why"), [("pytest.ini/report", "File exists"), (".", "it is a directory")])
def test_a_place_that_cannot_be_written_to_is_refused_before_the_run(
    shell: Shell, project: Path, path: str, why: str
) -> None:
    ran = shell(f"pytest {QUICK} --moderator tasks.md --moderator-json {path}", project)
    assert ran.returncode == 4
    assert f"cannot write the report to '{project / path}': {why}" in ran.stdout
    assert not (project / ".moderator").exists()


def test_a_place_that_goes_away_is_said(shell: Shell, project: Path) -> None:
    (project / "tasks.md").write_text("- [ ] T1 a\n  - run: `rm -r gone`\n")
    ran = shell(f"pytest {QUICK} --moderator tasks.md --moderator-json gone/report.json", project)
    assert ran.returncode == 4
    assert "1 passed" in ran.stdout
    assert f"cannot write the report to '{project / 'gone' / 'report.json'}': No such file" in ran.stdout


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    link = tmp_path / "link.json"
    link.symlink_to(report)
    write(report, "first")
    write(link, "second")
    assert link.is_symlink()
    assert report.read_text() == "second"
    with pytest.raises(UnicodeEncodeError):
        write(report, "\ud800")
    assert report.read_text() == "second"
    assert sorted(tmp_path.iterdir()) == [link, report]


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write, args=(pipe, "text"))
    writer.start()
    assert pipe.read_text() == "text"
    writer.join()
    assert pipe.is_fifo()
