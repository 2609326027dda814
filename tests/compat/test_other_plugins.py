"""Other plugins beside ours: the same results, in the same order; `docs/compatibility.md` tells what was found.

Each is loaded alone with ours, then all at once; those that are not installed are skipped.
"""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])

LIMIT = 3  # seconds, of pytest-timeout; the tests that it is for take less on any machine
TASKS = """
- [ ] T001 first
  - run: `echo T001 >> ledger`
- [ ] T002 second, and longer than a limit of pytest-timeout
  - run: `sleep {pause}; echo T002 >> ledger`
- [ ] T003 fails
  - run: `echo T003 >> ledger; echo why >&2; exit 3`
- [ ] T004 is blocked (depends on T003)
  - run: `echo T004 >> ledger`
- [ ] T005 fails, and may
  - optional: yes
  - run: `echo T005 >> ledger; false`
- [x] T006 is done
- [ ] T007 has nothing to run
- [ ] T008 in Python (depends on T002)
  ```python
  with open("ledger", "a") as file:
      file.write("T008\\n")
  ```
"""
TESTS = """
import pytest

@pytest.mark.depends_on("T008")
def test_that_accepts():
    assert "T008" in open("ledger").read()

@pytest.mark.depends_on("T003")
def test_that_is_blocked():
    assert False
"""
EXPECTED = {
    "T001": "completed",
    "T002": "completed",
    "T003": "failed",
    "T004": "skipped",
    "T005": "failed",
    "T006": "skipped",
    "T007": "skipped",
    "T008": "completed",
}


@dataclass(frozen=True)
class Plugin:
    """One plugin: what to do with it, what it writes, and how often a failing task is tried with it."""

    name: str
    args: tuple[str, ...] = ()
    writes: str | None = None
    tries: int = 1

    @property
    def loads(self) -> list[str]:
        """Give the options that load it."""
        entry_points = importlib.metadata.distribution(self.name).entry_points.select(group="pytest11")
        return [f"-p{entry.name}" for entry in entry_points]


PLUGINS = [
    Plugin("anyio"),
    Plugin("pytest-asyncio", ("-oasyncio_default_fixture_loop_scope=function",)),
    Plugin("pytest-cov", ("--cov=.", "--cov-report=xml"), "coverage.xml"),
    Plugin("pytest-html", ("--html=report.html",), "report.html"),
    Plugin("pytest-instafail", ("--instafail",)),
    Plugin("pytest-json-report", ("--json-report",), ".report.json"),
    Plugin("pytest-metadata", ("--metadata", "some", "thing")),
    Plugin("pytest-order", ("--order-dependencies",)),
    Plugin("pytest-random-order", ("--random-order", "--random-order-seed=7")),
    Plugin("pytest-randomly", ("-prandomly", "--randomly-seed=7")),
    Plugin("pytest-repeat", ("--count=2",)),
    Plugin("pytest-reportlog", ("--report-log=log.jsonl",), "log.jsonl"),
    Plugin("pytest-rerunfailures", ("--reruns=1",), tries=2),
    Plugin("pytest-split", ("--splits=1", "--group=1")),
    Plugin("pytest-sugar"),
    Plugin("pytest-timeout", (f"--timeout={LIMIT}", "--timeout-method=signal")),
    Plugin("pytest-timeout", (f"--timeout={LIMIT}", "--timeout-method=thread")),
]


def installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


class Place:
    """A project, and the runs in it with no other plugins than are named."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.path: Path = pytester.path
        pytester.makeini("[pytest]\n")
        pytester.makefile(".md", tasks=TASKS.format(pause=0.1))
        pytester.makepyfile(test_it=TESTS)

    def run(self, *args: str) -> pytest.RunResult:
        argv = ["-pxdist", "-pmoderator", "-rA", "--moderator", "--moderator-json=report.json"]
        return self._pytester.runpytest_subprocess(
            *argv, "--junitxml=junit.xml", *args, "tasks.md", "test_it.py"
        )

    @property
    def ledger(self) -> list[str]:
        return (self.path / "ledger").read_text().split()

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        report = json.loads((self.path / "report.json").read_text())
        return {task["task"]["id"]: task for file in report["files"] for task in file["tasks"]}


@pytest.fixture
def place(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return Place(pytester)


def check(place: Place, ran: pytest.RunResult, tries: int = 1) -> None:
    output = ran.stdout.str() + ran.stderr.str()
    assert "INTERNALERROR" not in output
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    assert {name: task["status"] for name, task in place.tasks.items()} == EXPECTED
    assert place.ledger == ["T001", "T002", *["T003"] * tries, "T005", "T008"]
    assert "FAILED tasks.md::T003" in output
    assert "PASSED test_it.py::test_that_accepts" in output
    assert "blocked by T003" in output


@BOTH
@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: "".join([plugin.name, *plugin.args[1:]]))
def test_beside_one(place: Place, plugin: Plugin, workers: tuple[str, ...]) -> None:
    if not installed(plugin.name):
        pytest.skip(f"{plugin.name} is not installed")
    if plugin.name == "pytest-timeout":
        (place.path / "tasks.md").write_text(TASKS.format(pause=LIMIT + 0.5))
    needed = ["-pmetadata"] if plugin.name == "pytest-html" else []
    ran = place.run(*needed, *plugin.loads, *plugin.args, *workers)
    check(place, ran, plugin.tries)
    if plugin.writes:
        assert "T003" in (place.path / plugin.writes).read_text() or plugin.name == "pytest-cov"


@BOTH
def test_beside_all(place: Place, workers: tuple[str, ...]) -> None:
    there = [plugin for plugin in PLUGINS if installed(plugin.name)]
    if not there:
        pytest.skip("no other plugin is installed")
    loads = dict.fromkeys(option for plugin in there for option in plugin.loads)
    ran = place.run(*loads, *workers)
    check(place, ran)


def with_reruns(place: Place, *args: str) -> pytest.RunResult:
    if not installed("pytest-rerunfailures"):
        pytest.skip("pytest-rerunfailures is not installed")
    return place.run("-prerunfailures", "--reruns=1", *args)


@BOTH
def test_a_task_that_passes_when_it_is_rerun(place: Place, workers: tuple[str, ...]) -> None:
    (place.path / "tasks.md").write_text("""
- [ ] T003 fails once
  - run: `echo $MODERATOR_ATTEMPT >> ledger; test $MODERATOR_ATTEMPT = 2`
- [ ] T008 needs it (depends on T003)
  - run: `echo T008 >> ledger`
""")
    ran = with_reruns(place, "--deselect=test_it.py::test_that_is_blocked", *workers)
    assert ran.ret == pytest.ExitCode.OK
    assert {name: task["status"] for name, task in place.tasks.items()} == {
        "T003": "completed",
        "T008": "completed",
    }
    assert place.tasks["T003"]["attempts"] == 2
    assert place.ledger == ["1", "2", "T008"]
    outcomes = ran.parseoutcomes()
    assert (outcomes["passed"], outcomes["rerun"]) == (3, 1)


@BOTH
def test_retries_and_reruns_together_are_warned_of(place: Place, workers: tuple[str, ...]) -> None:
    (place.path / "tasks.md").write_text("""
- [ ] T003 fails
  - retries: 1
  - run: `echo $MODERATOR_ATTEMPT >> ledger; false`
- [ ] T008 whatever
  - run: `true`
""")
    ran = with_reruns(place, *workers)
    ran.stdout.fnmatch_lines(["tasks.md: warning tried-twice: *--reruns*"])
    assert place.ledger == ["1", "2", "3"]
    assert place.tasks["T003"]["attempts"] == 3
    assert place.tasks["T003"]["status"] == "failed"


def test_a_task_that_is_lost_with_its_worker_is_rerun(place: Place) -> None:
    """On the other worker, which waits for something to do: it starts before the loss is reported."""
    (place.path / "tasks.md").write_text("""
- [ ] T001 [P] keeps the other worker, until it is up
  - run: `while [ ! -e up ]; do sleep 0.01; done`
- [ ] T003 [P] lost once
  ```sh
  echo $MODERATOR_ATTEMPT >> ledger
  touch up
  if [ $MODERATOR_ATTEMPT = 1 ]; then
    while ! grep -q T001.*completed events; do sleep 0.01; done
    kill -9 $PPID
    sleep 60
  fi
  ```
- [ ] T008 needs it (depends on T003)
  - run: `echo T008 >> ledger`
""")
    args = ("-n2", "--moderator-events=events", "--moderator-order=explicit")
    ran = with_reruns(place, "--deselect=test_it.py::test_that_is_blocked", *args)
    assert {name: task["status"] for name, task in place.tasks.items()} == {
        "T001": "completed",
        "T003": "completed",
        "T008": "completed",
    }
    assert place.tasks["T003"]["attempts"] == 2
    assert place.ledger == ["1", "2", "T008"]
    assert ran.ret == pytest.ExitCode.OK


@BOTH
def test_a_group_of_a_split_lacks_what_stands_in_another(place: Place, workers: tuple[str, ...]) -> None:
    if not installed("pytest-split"):
        pytest.skip("pytest-split is not installed")
    ran = place.run("-ppytest-split", "--splits=2", "--group=2", *workers)
    assert "INTERNALERROR" not in ran.stdout.str()
    assert not (place.path / "ledger").exists()
    assert "T002 (not selected" in place.tasks["T008"]["error_message"]
