"""Places that cannot be written to, disks that are full, and processes that may open few files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from faulty import BOTH, mounted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from faulty import Ended, Project

TOUCH = "- [ ] T001 whatever\n  - run: `touch T001`\n"


def assert_refused(ended: Ended, *words: str) -> None:
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "INTERNALERROR" not in ended.output
    assert "Traceback" not in ended.output
    for word in words:
        assert word in ended.output
    assert not ended.project.exists("T001")
    assert not ended.project.processes()


@BOTH
def test_the_state_directory_is_a_file(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TOUCH)
    (project.path / ".moderator").write_text("mine")
    assert_refused(project.run(*workers), "cannot write to", ".moderator", "--moderator-state-dir")
    assert project.read(".moderator") == "mine"


def test_the_state_directory_cannot_be_made(project: Project) -> None:
    project.tasks(TOUCH)
    assert_refused(project.run("--moderator-state-dir=/proc/moderator"), "cannot write to '/proc")


@pytest.mark.parametrize("option", ["json", "events"])
@pytest.mark.parametrize("path", ["tasks.md/report", "/proc/report", "folder"])
def test_a_report_cannot_be_written(project: Project, option: str, path: str) -> None:
    project.tasks(TOUCH)
    (project.path / "folder").mkdir()
    assert_refused(project.run(f"--moderator-{option}={path}"), "cannot write", path)


@pytest.fixture
def small_disk(project: Project) -> Iterator[Path]:
    """A file system with room for little."""
    with mounted(project.path / "disk", "-t", "tmpfs", "-o", "size=256k", "tmpfs") as place:
        yield place


def test_the_disk_of_the_logs_is_full(project: Project, small_disk: Path) -> None:
    """The task that filled it fails by what it wrote; what needs no room goes on; all is reported."""
    project.tasks("""
- [ ] T001 writes too much
  - run: `dd if=/dev/zero bs=65536 count=64`
- [ ] T002 after it (depends on T001)
  - run: `touch T002`
- [ ] T003 has no place for its script
  - run: `touch T003`
""")
    ended = project.run("-n2", f"--moderator-state-dir={small_disk}")
    assert "INTERNALERROR" not in ended.output
    assert "Traceback" not in ended.output
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert ended.statuses["T001"] == "failed"
    assert ended.statuses["T002"] == "skipped"
    assert not project.exists("T002")
    if ended.statuses["T003"] == "failed":
        assert "No space left on device" in ended.tasks["T003"]["error_message"]
    assert len(ended.cases) == 3


@pytest.mark.parametrize("option", ["json", "events"])
def test_the_disk_of_a_report_is_full(project: Project, small_disk: Path, option: str) -> None:
    """The tasks are not disturbed, and nothing pretends that all of the report is there."""
    project.tasks("""
- [ ] T001 fills the disk
  - run: `dd if=/dev/zero of=disk/full bs=65536 count=64 || true`
- [ ] T002 next (depends on T001)
  - run: `touch T002`
""")
    ended = project.run(f"--moderator-{option}={small_disk / 'report'}").sound
    assert project.exists("T002")
    assert "No space left on device" in ended.output
    assert "2 completed" in ended.output
    if option == "json":  # it is whole or it is not there
        assert ended.code not in (pytest.ExitCode.OK, pytest.ExitCode.INTERNAL_ERROR)
        assert sorted(path.name for path in small_disk.iterdir()) == ["full"]


def test_files_must_be_small(project: Project) -> None:
    """A limit of the system on what a process may write, which its children have, too."""
    project.tasks("""
- [ ] T001 writes too much
  - run: `dd if=/dev/zero bs=65536 count=64`
- [ ] T002 writes little
  - run: `echo fine`
""")
    ended = project.run(limit="ulimit -f 512")
    assert ended.statuses == {"T001": "failed", "T002": "completed"}
    assert "SIGXFSZ" in ended.tasks["T001"]["error_message"]
    assert ended.code == pytest.ExitCode.TESTS_FAILED


@BOTH
def test_few_files_may_be_open(project: Project, workers: tuple[str, ...]) -> None:
    """None is kept open longer than it takes."""
    project.tasks(
        "".join(f"- [ ] T{n:03} [P] one of many\n  - run: `echo {n}; echo {n} >&2`\n" for n in range(80))
    )
    ended = project.run(*workers, limit="ulimit -n 64").sound
    assert ended.code == pytest.ExitCode.OK
    assert set(ended.statuses.values()) == {"completed"}


@BOTH
def test_nobody_reads_the_output_any_more(project: Project, workers: tuple[str, ...]) -> None:
    """``pytest --moderator | head -40``: pytest may give up then, but no process is left and the report is true."""
    project.tasks("""
- [ ] T001 ends when nobody listens
  - run: `touch ready; while [ ! -e go ]; do sleep 0.01; done`
- [ ] T002 next
  - run: `touch T002`
""")
    read, write = os.pipe()
    run = project.start(*workers, stdout=write)
    os.close(write)
    run.until("ready")
    os.close(read)
    (project.path / "go").touch()
    ended = run.end()
    assert ended.code != pytest.ExitCode.OK
    assert not project.processes()
    statuses = {name: task["status"] for name, task in ended.tasks.items()}
    assert statuses["T001"] == "completed"
    assert (statuses["T002"] == "completed") == project.exists("T002")
