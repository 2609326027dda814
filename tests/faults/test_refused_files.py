"""Files that cannot be run: all that is wrong is named, nothing runs, and nothing looks like an accident of ours."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from faulty import BOTH

if TYPE_CHECKING:
    from faulty import Ended, Project

TOUCH = "\n- [ ] T900 whatever\n  - run: `touch T900`\n"


def problems_of(ended: Ended) -> list[tuple[int, str]]:
    """Check that a run was refused, and give line and code of all errors that it names."""
    assert ended.code == pytest.ExitCode.USAGE_ERROR, ended.output
    assert "nothing was run" in ended.output
    assert "Traceback" not in ended.output
    assert "INTERNALERROR" not in ended.output
    assert not ended.project.exists("T900")
    assert not ended.project.exists(".moderator")
    assert not ended.project.processes()
    found = re.findall(
        r"^(?:ERROR: )?tasks\.md:(?:(\d+):)? (?:error|warning) ([\w-]+): \S", ended.output, re.MULTILINE
    )
    return [(int(line or 0), code) for line, code in found]


@BOTH
def test_all_is_named_at_once(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(
        """- [ ] T001 one (depends on T003)
  - timout: 5
- [ ] T002 two (depends on T002)
- [ ] T003 three (depends on T004)
  - timeout: soon
- [ ] T004 four (depends on T001)
  - run:
- [ ] T001 again
- [ ] T005 five (depends on T099)
  - memory: much
  - isolation: perfect
"""
        + TOUCH
    )
    found = problems_of(project.run(*workers))
    assert {line for line, _ in found} == {1, 2, 3, 5, 6, 8, 9, 10, 11}
    assert {"duplicate-id", "unknown-dependency", "bad-value"} <= {code for _, code in found}
    assert any("cycle" in code for _, code in found)


BOMB = """---
moderator:
  env:
    a0: &a0 [x, x, x, x, x, x, x, x, x, x]
""" + "".join(f"    a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))

REFUSED = {
    "yaml-bomb": BOMB + "---\n" + TOUCH,
    "yaml-deep": "---\nmoderator: " + "[" * 5000 + "\n---\n" + TOUCH,
    "yaml-broken": "---\nmoderator: [\n---\n" + TOUCH,
    "yaml-object": "---\nmoderator: !!python/object/apply:os.system ['touch T900']\n---\n" + TOUCH,
    "empty": "",
    "blank": "\n\n   \n",
    "no-tasks": "# A title\n\nAnd prose.\n",
    "huge": TOUCH + "x" * 10_500_000,
    "self": "- [ ] T001 one (depends on T001)\n" + TOUCH,
    "cycle": "- [ ] T001 one (depends on T002)\n- [ ] T002 two (depends on T001)\n" + TOUCH,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(project: Project, name: str) -> None:
    project.tasks(REFUSED[name])
    ended = project.run()
    assert problems_of(ended)
    assert len(ended.output) < 10_000


@pytest.mark.parametrize("name", ["yaml-bomb", "cycle"])
def test_what_is_refused_before_workers_start(project: Project, name: str) -> None:
    project.tasks(REFUSED[name])
    assert problems_of(project.run("-n2"))


@pytest.mark.parametrize("data", [b"- [ ] T900 caf\xe9\n", "- [ ] T900 one\n".encode("utf-16"), b"\x00\x01"])
def test_what_is_not_utf8(project: Project, data: bytes) -> None:
    (project.path / "tasks.md").write_bytes(data)
    assert problems_of(project.run())


@BOTH
def test_a_directory_of_that_name(project: Project, workers: tuple[str, ...]) -> None:
    (project.path / "tasks.md").mkdir()
    assert problems_of(project.run(*workers))


@BOTH
def test_a_file_that_is_not_there(project: Project, workers: tuple[str, ...]) -> None:
    assert problems_of(project.run(*workers))


def test_a_pipe_in_its_place(project: Project) -> None:
    """Nothing waits for what somebody may write to it."""
    os.mkfifo(project.path / "tasks.md")
    assert problems_of(project.run())


def test_deep_nesting_is_no_trouble(project: Project) -> None:
    """Whether it is read or refused: soon, and said."""
    project.tasks("".join(f"{'  ' * depth}- [ ] {depth} deep\n" for depth in range(2000)) + TOUCH)
    ended = project.run()
    assert ended.code in (pytest.ExitCode.OK, pytest.ExitCode.USAGE_ERROR)
    assert "Traceback" not in ended.output
    assert "INTERNALERROR" not in ended.output


@BOTH
def test_nothing_is_selected(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TOUCH)
    ended = project.run(*workers, "-k", "nothing_of_that_name").sound
    assert ended.code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not project.exists("T900")


@BOTH
def test_a_task_that_is_not_there_is_selected(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks(TOUCH)
    ended = project.run(*workers, file="tasks.md::T404")
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "tasks.md::T404: no task has this id" in ended.output
    assert "INTERNALERROR" not in ended.output
    assert not project.exists("T900")


@BOTH
def test_an_ordinary_test_that_is_not_there_is_selected(project: Project, workers: tuple[str, ...]) -> None:
    (project.path / "test_it.py").write_text("def test_it(): pass")
    project.tasks(TOUCH)
    ended = project.run(*workers, "test_it.py::test_that")
    assert ended.code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert "INTERNALERROR" not in ended.output
    assert not project.exists("T900")


def test_windows_is_refused(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makefile(".md", tasks=TOUCH)
    pytester.makeconftest("import sys; sys.platform = 'win32'")
    ran = pytester.runpytest_subprocess("--moderator", "tasks.md")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*--moderator does not run on Windows yet*"])
    assert not (pytester.path / "T900").exists()
