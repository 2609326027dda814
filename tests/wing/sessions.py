"""Sessions of pytest in processes of their own, and what came of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from textwrap import dedent
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

REPORT = "report.json"
PATIENCE = 240.0  # seconds until something must hang
# plugins of these tests, which would cost each session more time than all else
SLOW = ("html", "metadata", "hypothesispytest")
PLAIN = "--assert=plain"  # likewise: nothing here is about how an assert fails


@dataclass(frozen=True)
class Session:
    """What came of a session."""

    result: pytest.RunResult
    home: Path

    @property
    def exit_code(self) -> int:
        return int(self.result.ret)

    @property
    def output(self) -> str:
        return str(self.result.stdout)

    @property
    def errors(self) -> str:
        return str(self.result.stderr)

    @property
    def counts(self) -> dict[str, int]:
        """The totals of pytest's last line."""
        counts = self.result.parseoutcomes()
        return {name: number for name, number in counts.items() if not name.startswith("warning")}

    @cached_property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.home / REPORT).read_text())
        return report

    @cached_property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """The results by id; of several files, by node id."""
        files = self.report["files"]
        return {
            task["task"]["id"] if len(files) == 1 else f"{file['file']}::{task['task']['id']}": task
            for file in files
            for task in file["tasks"]
        }

    @property
    def statuses(self) -> dict[str, str]:
        return {name: task["status"] for name, task in self.tasks.items()}

    @property
    def reasons(self) -> dict[str, str]:
        """Why tasks failed or did not run, by id."""
        return {name: task["error_message"] for name, task in self.tasks.items() if task["error_message"]}

    def lines(self, name: str = "ran.txt") -> list[str]:
        """The lines of a file that the tasks have left."""
        path = self.home / name
        return path.read_text().splitlines() if path.exists() else []

    def junit(self, name: str = "junit.xml") -> tuple[ET.Element, dict[str, ET.Element]]:
        """The suite, and its test cases by name."""
        suite = ET.parse(self.home / name).getroot()[0]
        cases = suite.findall("testcase")
        assert len({case.attrib["name"] for case in cases}) == len(cases)
        return suite, {case.attrib["name"]: case for case in cases}


class Project:
    """A directory with a configuration of pytest, in which sessions are run."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self.write("pytest.ini", "[pytest]\n")

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).removeprefix("\n"), encoding="utf-8")
        return path

    def tasks(self, text: str, name: str = "tasks.md") -> Path:
        return self.write(name, text)

    def pytest(self, *args: str) -> Session:
        """Run pytest, as users without us do."""
        (self.path / REPORT).unlink(missing_ok=True)
        without = [] if any(arg.startswith("--html") for arg in args) else [f"-pno:{name}" for name in SLOW]
        result = self.pytester.runpytest_subprocess("-Werror", PLAIN, *without, *args, timeout=PATIENCE)
        session = Session(result, self.path)
        assert "INTERNALERROR" not in session.output + session.errors
        assert "Traceback" not in session.errors
        return session

    def run(self, *args: str) -> Session:
        """Run tasks."""
        return self.pytest("--moderator", f"--moderator-json={REPORT}", *args)
