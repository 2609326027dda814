"""The examples, really run: one after another, and in parallel."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from conftest import Shell

    Results = dict[str, dict[str, Any]]

EXAMPLES = Path(__file__).parents[1] / "examples"
WORKERS = ("", "-n 2", "-n 4")
FILES = {"acceptance": "tasks.md test_acceptance.py"}
ENDS = {
    "quickstart": {"T001": "skipped", "T008": "failed", "T009": "skipped"},
    "data-pipeline": {},
    "acceptance": {},
    "hooks": {"T004": "failed"},
    "sql-backend": {},
}
COUNTS = {"quickstart": 9, "data-pipeline": 16, "acceptance": 7, "hooks": 4, "sql-backend": 4}
REPORT = """\
Orders by country
(made by T014)

DE   14962 orders     3355760 EUR     3691336.00 USD
ES   15064 orders     3399494 EUR     3739443.40 USD
FR   15053 orders     3393227 EUR     3732549.70 USD
IT   14921 orders     3394545 EUR     3733999.50 USD
"""
FAILS = {"pytest --moderator broken.md test_acceptance.py": 1}


@pytest.fixture
def copy(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Give a fresh copy of the example that the test is about."""
    name: str = request.param
    ignored = shutil.ignore_patterns("out", ".moderator", "__pycache__", ".pytest_cache")
    return shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored)


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == set(ENDS)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("copy", sorted(ENDS), indirect=True)
def test_an_example_ends_the_same_with_any_number_of_workers(shell: Shell, copy: Path, workers: str) -> None:
    files = FILES.get(copy.name, "tasks.md")
    ran = shell(f"pytest --moderator {files} {workers} --moderator-json run.json --junitxml junit.xml", copy)

    assert ran.returncode == 0, ran.stdout
    report = json.loads((copy / "run.json").read_text())
    results = {result["task"]["id"]: result for file in report["files"] for result in file["tasks"]}
    unlike = {key: result["status"] for key, result in results.items() if result["status"] != "completed"}
    assert unlike == ENDS[copy.name]
    assert len(results) == COUNTS[copy.name]
    on = {result["worker"][:2] for result in results.values() if result["attempts"]}
    assert on == {"gw" if workers else "ma"}
    CHECKS[copy.name](copy, results)


def check_page(copy: Path, results: Results) -> None:
    page = (copy / "out" / "index.html").read_text()
    assert re.findall("<(h1|li|p)", page) == ["h1", "li", "li", "li", "p"]
    assert "Made by T005" in page


def check_report(copy: Path, results: Results) -> None:
    assert (copy / "out" / "report.txt").read_text() == REPORT
    assert results["T006"]["attempts"] == 2
    assert Path(results["T015"]["artifacts_path"], "checksums.txt").is_file()


def check_tests(copy: Path, results: Results) -> None:
    cases = ET.parse(copy / "junit.xml").getroot().iter("testcase")
    tests = {case.get("name"): len(case) for case in cases if case.get("classname") == "test_acceptance"}
    assert len(tests) == 4
    assert not any(tests.values())


def check_diary(copy: Path, results: Results) -> None:
    diary = (copy / "out" / "diary.txt").read_text().splitlines()
    started = [line.split()[0] for line in diary if " started: " in line]
    assert sorted(started) == ["T001", "T002", "T003", "T004"]
    assert diary[-1] == "T001 completed by shell"
    assert {"T002 completed by template", "T004 failed: exit code 1"} <= set(diary)
    assert "Dear Grace" in (copy / "out" / "grace.txt").read_text()


def check_shop(copy: Path, results: Results) -> None:
    assert [result["backend"] for result in results.values()] == ["sql", "sql", "sql", "python"]
    assert results["T002"]["stdout"] == "shop.db: 8 rows changed\n"
    assert results["T004"]["stdout"] == "Grace 43.5\n"


CHECKS = {
    "quickstart": check_page,
    "data-pipeline": check_report,
    "acceptance": check_tests,
    "hooks": check_diary,
    "sql-backend": check_shop,
}


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("copy", ["acceptance"], indirect=True)
def test_acceptance_tests_of_a_task_that_failed_are_skipped(shell: Shell, copy: Path, workers: str) -> None:
    tasks = copy / "tasks.md"
    tasks.write_text(tasks.read_text().replace("  - fixtures: registry, release\n", ""))

    ran = shell(f"pytest --moderator tasks.md test_acceptance.py {workers}", copy)

    assert ran.returncode == 1
    assert "1 failed, 4 passed, 6 skipped" in ran.stdout


@pytest.mark.parametrize("copy", sorted(ENDS), indirect=True)
def test_the_commands_of_an_example_work_as_written(shell: Shell, copy: Path) -> None:
    blocks = re.findall(r"^```\n(.*?)^```$", (copy / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    commands = [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines() if line]

    assert commands
    for command in commands:
        ran = shell(command, copy)
        assert ran.returncode == FAILS.get(command, 0), f"{command}\n{ran.stdout}"


def test_examples_are_no_tests_of_this_project(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getini("testpaths") == ["tests"]
