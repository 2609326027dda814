"""Tasks that write what nobody should read, wait for what never comes, or do not end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from faulty import BOTH
from ledger import FULL

if TYPE_CHECKING:
    from faulty import Project

# What a terminal obeys, or XML cannot hold.
DIRT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xef\xbf[\xbe\xbf]|\xe2\x80[\xaa-\xae]")

DIRTY = r"""
- [ ] T001 [P] binary
  ```python
  import os, sys
  os.write(1, bytes(range(256)) * 20)
  os.write(2, os.urandom(5000))
  sys.exit(1)
  ```
- [ ] T002 [P] escapes
  ```sh
  printf '\033]0;title\007\033]52;c;ZXZpbA==\007\033[2J\033[31mred\033[0m\033[6n\033P+q\033\\\0\302\233\n'
  printf '10%%\r20%%\r100%%\n\342\200\256txt.exe\n' >&2
  exit 1
  ```
- [ ] T003 [P] markup
  ```sh
  echo ']]> <script>alert(1)</script> &amp; &#0; <![CDATA[ %s {0} %(x)s'
  exit 1
  ```
- [ ] T004 [P] half characters and lone surrogates
  ```sh
  printf 'ok \303 \355\240\200 \360\237\230 end'
  exit 1
  ```
"""


@BOTH
def test_what_is_shown_is_clean(project: Project, workers: tuple[str, ...]) -> None:
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    project.tasks(DIRTY)
    ended = project.run(*workers, "--html=report.html", "-ojunit_logging=all").sound
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert set(ended.statuses.values()) == {"failed"}
    for name in ("output.txt", "junit.xml", "report.json", "report.html"):
        assert not DIRT.search((project.path / name).read_bytes()), name
    assert len(ended.cases) == 4
    outputs = "".join(task["stdout"] + task["stderr"] for task in ended.tasks.values())
    for shown in (ended.output, project.read("junit.xml"), outputs):
        assert "red" in shown
        assert "100%" in shown
        assert "52;c" not in shown
    assert "<script>alert(1)" not in project.read("report.html")
    log = next(project.path.glob(".moderator/runs/*/tasks/T001/stdout.log"))
    assert log.read_bytes() == bytes(range(256)) * 20


def test_much_output_costs_little(project: Project) -> None:
    size = 1_000_000_000 if FULL else 50_000_000
    project.tasks(rf"""
- [ ] T001 many lines
  - run: `echo first; yes | head -c {size}; echo last; exit 1`
- [ ] T002 [P] one line without an end
  - run: `printf begin; head -c {size} /dev/zero | tr '\0' x; printf end; exit 1`
""")
    ended = project.run("-n2").sound
    for task, first, last in (("T001", "first", "last"), ("T002", "begin", "end")):
        stdout = ended.tasks[task]["stdout"]
        assert stdout.startswith(first)
        assert stdout.rstrip().endswith(last)
        assert "bytes left out" in stdout
        assert len(stdout) < 70_000
    assert len(ended.output) < 400_000
    sizes = {log.stat().st_size for log in project.path.glob(".moderator/runs/*/tasks/*/stdout.log")}
    assert sizes == {size + 11, size + 8}


@BOTH
def test_more_lines_than_anybody_can_read(project: Project, workers: tuple[str, ...]) -> None:
    """Nobody waits for who writes 100,000 lines a second, and none of them is lost."""
    count = 6_000_000 if FULL else 400_000
    line = f"    - run: `yes 'a line of output, {'x' * 40}' | head -n {count}`\n"
    project.tasks("".join(f"- [ ] T00{n} [P] writes\n{line}" for n in (1, 2)))
    ended = project.run(*workers).sound
    assert ended.statuses == {"T001": "completed", "T002": "completed"}
    for log in project.path.glob(".moderator/runs/*/tasks/*/stdout.log"):
        with log.open("rb") as lines:
            assert sum(1 for _ in lines) == count
    assert len(ended.output) < 10_000


def test_nobody_answers_questions(project: Project) -> None:
    project.tasks("""
- [ ] T001 [P] reads all
  - run: `test -z "$(cat)"`
- [ ] T002 [P] reads a line
  - run: `read answer`
- [ ] T003 [P] asks from Python
  ```python
  input("really? ")
  ```
- [ ] T004 [P] looks for a terminal
  - run: `! test -t 0 && ! test -t 1 && ! sh -c ': < /dev/tty'`
""")
    ended = project.run("-n2")
    assert ended.statuses == {"T001": "completed", "T002": "failed", "T003": "failed", "T004": "completed"}
    assert "EOFError" in ended.tasks["T003"]["stderr"]


@BOTH
def test_a_task_that_does_not_end_in_time(project: Project, workers: tuple[str, ...]) -> None:
    project.tasks("""
- [ ] T001 does not end, nor does what it has started
  - timeout: 1s
  ```sh
  trap "" TERM
  (setsid sh -c 'trap "" TERM; while true; do sleep 0.05; done' &) &
  sh -c 'while true; do sleep 0.05; done' &
  while true; do sleep 0.05; done
  ```
- [ ] T002 needs it (depends on T001)
  - run: `touch T002`
- [ ] T003 does not
  - run: `touch T003`
""")
    ended = project.run(*workers, "--moderator-grace=300ms").sound
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert ended.statuses == {"T001": "failed", "T002": "skipped", "T003": "completed"}
    assert ended.tasks["T001"]["exit_code"] == 124
    assert ended.tasks["T001"]["error_message"] == "timed out after 1 s"
    assert not project.processes()


def test_what_a_task_leaves_behind_is_ended_and_named(project: Project) -> None:
    project.tasks("""
- [ ] T001 ends well, but not all of it
  ```sh
  becomes_sleep() { until [ "$(ps -o comm= -p $1)" = sleep ]; do sleep 0.01; done; }
  setsid sleep 600 & becomes_sleep $!
  sleep 600 & becomes_sleep $!
  ```
- [ ] T002 next
  - run: `touch T002`
""")
    ended = project.run("-n2").sound
    assert ended.statuses == {"T001": "completed", "T002": "completed"}
    assert ended.tasks["T001"]["stderr"].count("sleep (") == 2
    assert not project.processes()


def test_a_task_ends_by_a_signal(project: Project) -> None:
    project.tasks("""
- [ ] T001 [P] kills itself
  - run: `kill -9 $$`
- [ ] T002 [P] kills its group
  - run: `kill -9 0`
- [ ] T003 [P] crashes
  ```python
  import os
  os.abort()
  ```
- [ ] T004 [P] leaves at once
  ```python
  import os
  os._exit(3)
  ```
""")
    ended = project.run("-n2").sound
    assert {name: task["exit_code"] for name, task in ended.tasks.items()} == {
        "T001": 137,
        "T002": 137,
        "T003": 134,
        "T004": 3,
    }
    assert "SIGKILL" in ended.tasks["T002"]["error_message"]
    assert "SIGABRT" in ended.tasks["T003"]["error_message"]


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_task_that_removes_the_journal(project: Project, workers: str) -> None:
    """What cannot be written down must not be done: nothing new starts, and nobody takes it for a success."""
    project.tasks("""
- [ ] T001 removes it
  - run: `rm -rf .moderator`
- [ ] T002 is not started
  - run: `touch started`
""")
    ended = project.run(workers)
    assert ended.code == 1
    assert "journal: cannot write to the journal" in ended.output
    assert not project.exists("started")


def test_what_no_process_can_be_given(project: Project) -> None:
    """Linux takes 128 KiB a variable, and some megabytes in all."""
    project.tasks(f"""
- [ ] T001 [P] gets too much
  - env: BIG={"x" * 200_000}
  - run: `true`
- [ ] T002 [P] gets much
  - env: BIG={"x" * 100_000}
  - run: `test ${{#BIG}} = 100000`
- [ ] T003 [P] a long script
  ```sh
  : {"y" * 300_000}
  ```
""")
    ended = project.run("-n2").sound
    assert ended.statuses == {"T001": "failed", "T002": "completed", "T003": "completed"}
    assert "Argument list too long" in ended.tasks["T001"]["error_message"]
    assert len(ended.output) < 100_000


def test_tasks_that_meddle_with_their_logs(project: Project) -> None:
    project.tasks("""
- [ ] T001 removes its folder
  - run: `rm -rf "$(dirname "$MODERATOR_ARTIFACTS")"`
- [ ] T002 removes all folders
  - retries: 1
  - run: `rm -rf .moderator/runs; false`
- [ ] T003 puts a link to elsewhere in its log's place
  - retries: 1
  ```sh
  folder=$(dirname "$MODERATOR_ARTIFACTS")
  test $MODERATOR_ATTEMPT = 2 && exit
  rm "$folder/stdout.log"
  ln -s "$MODERATOR_WORKSPACE/pytest.ini" "$folder/stdout.log"
  exit 1
  ```
""")
    before = project.read("pytest.ini")
    ended = project.run("-n2").sound
    assert ended.statuses == {"T001": "completed", "T002": "failed", "T003": "completed"}
    assert project.read("pytest.ini") == before
