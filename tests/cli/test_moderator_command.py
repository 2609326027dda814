"""The console script as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_moderator import cli

SCRIPT = Path(sys.executable).with_name("moderator")


def moderator(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **variables}
    return subprocess.run([SCRIPT, *arguments], cwd=cwd, env=environment, capture_output=True, check=False)


def test_version(tmp_path: Path) -> None:
    ran = moderator("--version", cwd=tmp_path)
    assert (ran.returncode, ran.stdout.decode()) == (0, f"moderator {version('pytest-moderator')}\n")


def test_help_names_every_command(tmp_path: Path) -> None:
    ran = moderator("--help", cwd=tmp_path)
    assert ran.returncode == 0
    assert {"plan", "validate"} <= set(ran.stdout.decode().split())


@pytest.mark.parametrize(
    "arguments",
    [(), ("frobnicate",), ("plan",), ("validate",), ("plan", "tasks.md", "--order", "x"), ("plan", "a", "b")],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = moderator(*arguments, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"usage: moderator" in ran.stderr


def test_the_readme_way(tmp_path: Path) -> None:
    (tmp_path / "tasks.md").write_text("- [ ] T001 A\n  - run: `true`\n")
    assert moderator("validate", "tasks.md", cwd=tmp_path).returncode == 0
    ran = moderator("plan", "tasks.md", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"T001" in ran.stdout


def test_a_title_that_the_output_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "tasks.md").write_text("- [ ] T001 Übersetzen \N{SNOWMAN}\n", encoding="utf-8")
    ran = moderator("plan", "tasks.md", cwd=tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"\\xdcbersetzen \\u2603" in ran.stdout


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"\0" * 100, b"---\na: *b\n---\n", b"- [ ] " + b"[" * 5000]
)
def test_bad_input_shows_no_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tasks.md").write_bytes(content)
    ran = moderator("validate", "tasks.md", "no\nsuch.md", "", "x" * 300, cwd=tmp_path)
    assert ran.returncode == 1
    assert (ran.stderr, b"Traceback" in ran.stdout) == (b"", False)


@pytest.mark.parametrize("rows", [1, 5000])
def test_a_reader_that_goes_away(tmp_path: Path, rows: int) -> None:
    (tmp_path / "tasks.md").write_text("".join(f"- [ ] T{number:05} A\n" for number in range(rows)))
    reader, writer = os.pipe()
    os.close(reader)
    command = [SCRIPT, "plan", "tasks.md"]
    ran = subprocess.run(command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (cli.BROKEN_PIPE, b"")


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_moderator.cli._files.prepare_file", interrupt)
    assert cli.main(["plan", "tasks.md"]) == cli.INTERRUPTED


def test_another_stream_for_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Stream:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None: ...

        def isatty(self) -> bool:
            return False

    stream = Stream()
    monkeypatch.setattr("sys.stdout", stream)
    assert cli.main(["validate", str(tmp_path)]) == 1
    assert "no-tasks-file" in stream.text
