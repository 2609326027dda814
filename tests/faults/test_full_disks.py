"""The disk is full, or may not be written: nothing pretends to be done, and with room again the run goes on."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from faulty import BOTH, mounted
from ledger import Journal

if TYPE_CHECKING:
    from faulty import Project

RESUME = "--moderator-resume"
FILLS = """
- [ ] T001 fills the disk of the journal
  - run: `echo 1 >> ran; test -e room || dd if=/dev/zero of=disk/full bs=4096 2> /dev/null || true`
- [ ] T002 next (depends on T001)
  - run: `echo 2 >> ran; touch T002`
- [ ] T003 last (depends on T002)
  - run: `echo 3 >> ran; touch T003`
"""


@BOTH
def test_the_disk_of_the_journal_is_full(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(FILLS)
    with mounted(project.path / "disk", "-t", "tmpfs", "-o", "size=512k", "tmpfs"):
        ended = project.run(*workers, "--moderator-state-dir=disk")
        assert ended.code == pytest.ExitCode.TESTS_FAILED, ended.output
        assert "Traceback" not in ended.output
        assert "No space left on device" in ended.output
        assert "disk/state.db" in ended.output
        assert "make room on the disk" in ended.output
        assert not project.exists("T002")
        assert "resume: pytest" in ended.output
        (project.path / "disk" / "full").unlink()
        (project.path / "room").touch()
        again = project.run(RESUME, *workers, "--moderator-state-dir=disk").sound
    assert again.code == pytest.ExitCode.OK
    assert project.exists("T002", "T003")
    assert project.read("ran").split() in (["1", "2", "3"], ["1", "1", "2", "3"])  # its end may be unknown


def test_files_may_not_grow(project: Project) -> None:
    """The same by a limit of the system, which needs no disk of its own."""
    project.tasks("".join(f"- [ ] T{n:03} one of many\n  - run: `echo {n} >> ran`\n" for n in range(40)))
    ended = project.run(limit="ulimit -f 1000")
    assert ended.code == pytest.ExitCode.TESTS_FAILED, ended.output
    assert "cannot write to the journal" in ended.output
    assert "Traceback" not in ended.output
    before = project.read("ran").split()
    assert 0 < len(before) < 40
    done = {name for name, status in Journal(project).statuses.items() if status == "completed"}
    assert done <= {f"T{int(number):03}" for number in before}
    again = project.run(RESUME).sound
    assert again.code == pytest.ExitCode.OK
    ran = project.read("ran").split()
    assert set(ran) == {str(n) for n in range(40)}
    assert not [number for number in ran[len(before) :] if f"T{int(number):03}" in done]


@BOTH
def test_only_the_disk_of_the_logs_is_full(project: Project, workers: tuple[str, ...]) -> None:
    """Who cannot write fails, who need not does not, and the journal has it all."""
    project.tasks("""
- [ ] T001 writes too much, and does not mind
  - run: `dd if=/dev/zero bs=65536 count=64 2> /dev/null || touch full`
- [ ] T002 writes nothing (depends on T001)
  - run: `touch T002`
- [ ] T003 writes, and minds (depends on T001)
  - run: `echo something`
""")
    (project.path / ".moderator").mkdir()
    with mounted(project.path / ".moderator" / "runs", "-t", "tmpfs", "-o", "size=256k", "tmpfs"):
        ended = project.run(*workers).sound
        assert ended.code == pytest.ExitCode.TESTS_FAILED
        assert project.exists("full", "T002")
        assert ended.statuses == {"T001": "completed", "T002": "completed", "T003": "failed"}
        assert Journal(project).statuses == ended.statuses
        log = next(project.path.glob(".moderator/runs/*/tasks/T001/stdout.log"))
        log.unlink()
        again = project.run(RESUME, *workers).sound
        assert again.code == pytest.ExitCode.OK
        assert set(Journal(project).statuses.values()) == {"completed"}


@BOTH
def test_a_place_that_may_only_be_read(project: Project, workers: tuple[str, ...]) -> None:
    """Nothing has run when that is found out."""
    place = project.path / "place"
    place.mkdir()
    shutil.copy(project.path / "pytest.ini", place)
    (place / "tasks.md").write_text(f"- [ ] T001 runs\n  - run: `touch {project.path}/T001`\n")
    with mounted(place, "--bind", str(place)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
        ended = project.run(*workers, file="place/tasks.md")
        assert ended.code == pytest.ExitCode.USAGE_ERROR
        assert "nothing was run: cannot write to" in ended.output
        assert "Read-only file system" in ended.output
        assert "--moderator-state-dir" in ended.output
        assert not project.exists("T001")
        elsewhere = project.run(
            *workers, f"--moderator-state-dir={project.path}/state", file="place/tasks.md"
        )
    assert elsewhere.code == pytest.ExitCode.OK, elsewhere.output
    assert project.exists("T001")
