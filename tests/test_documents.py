"""What README and docs say is true: commands work, snippets are read, links lead somewhere, flags exist."""

from __future__ import annotations

import json
import re
import shutil
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_moderator import hookspecs

if TYPE_CHECKING:
    from conftest import Shell

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("examples/*/*.md"),
    ]
)
_FENCE = re.compile(
    r"^(?P<ticks>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=ticks)$", re.DOTALL | re.MULTILINE
)
_COMMAND = re.compile(r"(?:pytest|moderator) .*")
_SHOWN = re.compile(r"moderator: |\[\d/\d\] | +T\d|Phase|tasks\.md: ")
_VARIES = re.compile(r"\d{8}-\d{6}-\w{4}|\bgw\d|(?:\d+m )?[\d.]+m?s\b|^\[\d")
_GAIN = re.compile(r", [\d.]+ times as fast as one by one")


def fences(text: str, language: str = "") -> list[str]:
    """Give the fences of a document that have this language."""
    return [match["text"] for match in _FENCE.finditer(text) if match["language"] == language]


def commands_in(text: str) -> list[str]:
    """Give the lines of a block without what is said about them."""
    return [re.sub(r"\s+# .*", "", line) for line in text.splitlines() if line.strip()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the project that the README shows."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "tasks.md").write_text(fences(README, "markdown")[0])
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_ordinary.py").write_text("def test_ordinary(): pass\n")
    ignored = shutil.ignore_patterns("out", ".moderator")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=ignored)
    return tmp_path


def test_the_picture_in_the_readme_is_a_real_run(shell: Shell, project: Path) -> None:
    picture = fences(README)[1]
    ran = shell(commands_in(fences(README)[0])[0], project)

    assert ran.returncode == 1
    assert _lines(ran.stdout) == _lines(picture)


def _lines(output: str) -> list[str]:
    output = _GAIN.sub("", output)  # as fast as this machine is
    return sorted(_VARIES.sub("*", line) for line in output.splitlines() if _SHOWN.match(line))


def test_the_commands_of_the_readme_work(shell: Shell, project: Path) -> None:
    commands = commands_in(fences(README)[0])
    commands += [code for code in re.findall(r"`([^`\n]+)`", README) if _COMMAND.fullmatch(code)]

    assert len(commands) > 5
    for command in commands:
        ran = shell(command, project)
        expected = int(command.startswith("pytest") and "T006" not in command)  # its cover can not be fetched
        assert ran.returncode == expected, f"{command}\n{ran.stdout}"


@pytest.mark.parametrize("name", ["command-line", "fixtures"])
def test_the_commands_of_the_docs_work(shell: Shell, project: Path, name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text()
    blocks = [block for block in fences(text) if re.match("pytest|cd ", block)]

    assert blocks
    for block in blocks:
        here = project
        for command in commands_in(block):
            if command.startswith("cd "):
                here = here / command.removeprefix("cd ")
                continue
            ran = shell(command, here)
            assert ran.returncode == int(here == project and "pytest" in command), f"{command}\n{ran.stdout}"


@pytest.mark.parametrize("name", ["tasks-file", "fixtures"])
def test_the_tasks_files_of_the_docs_are_read_without_a_problem(
    shell: Shell, tmp_path: Path, name: str
) -> None:
    snippets = fences((ROOT / "docs" / f"{name}.md").read_text(), "markdown")

    assert snippets
    for number, snippet in enumerate(snippets):
        (tmp_path / f"{number}.md").write_text(snippet)
    ran = shell("moderator validate *.md", tmp_path)
    assert ": 0 errors, 0 warnings" in ran.stdout


def test_the_table_of_order_modes_is_what_the_modes_do(shell: Shell, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tasks-file.md").read_text()
    snippet = next(s for s in fences(text, "markdown") if s.startswith("## Phase 1: Setup"))
    (tmp_path / "tasks.md").write_text(snippet)
    rows = text.partition("| `phases` | `stories` | `explicit` |\n")[2].splitlines()[1:]
    table = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[: rows.index("")]]

    for column, order in enumerate(("phases", "stories", "explicit")):
        ran = shell(f"moderator plan tasks.md --order {order} --format json", tmp_path)
        waits = {task["id"]: task["waits_for"] for task in json.loads(ran.stdout)["tasks"]}
        assert [row[column] for row in table if row[column]] == _levels(waits)


def _levels(waits: dict[str, list[str]]) -> list[str]:
    levels: list[str] = []
    done: set[str] = set()
    while len(done) < len(waits):
        ready = [key for key, needs in waits.items() if key not in done and done.issuperset(needs)]
        levels.append(", ".join(ready))
        done.update(ready)
    return levels


def test_every_flag_is_described_and_no_other(shell: Shell, tmp_path: Path) -> None:
    known = set(re.findall(r"--moderator[a-z-]*", shell("pytest --help", tmp_path).stdout))
    text = (ROOT / "docs" / "command-line.md").read_text()

    assert set(re.findall(r"^\| `(--moderator[a-z-]*)", text, re.MULTILINE)) == known
    for name in DOCUMENTS:
        assert set(re.findall(r"--moderator[a-z-]*", (ROOT / name).read_text())) <= known, name


def test_every_hook_is_described() -> None:
    text = (ROOT / "docs" / "hooks.md").read_text()
    hooks = {name for name in vars(hookspecs) if name.startswith("pytest_moderator_")}
    assert set(re.findall(r"\*\*`(pytest_moderator_\w+)\(", text)) == hooks


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("docs/")])
def test_python_snippets_can_be_read(name: str) -> None:
    for snippet in fences((ROOT / name).read_text(), "python"):
        compile(snippet, name, "exec")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    text = _FENCE.sub("", (ROOT / name).read_text())
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / name).parent.joinpath(target).exists(), target


def test_the_oldest_versions_are_those_that_the_project_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = {re.split("[>=<,]+", need)[0]: re.split("[>=<,]+", need)[1] for need in project["dependencies"]}
    lines = (ROOT / "constraints-oldest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))

    assert {name: _version(text) for name, text in pinned.items()} == {
        name: _version(text) for name, text in allowed.items()
    }


def _version(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split("."))
    return numbers + (0,) * (3 - len(numbers))


def test_the_check_of_a_change_can_be_started() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & stat.S_IXUSR
