"""Backends of other packages, found by their entry points."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.backends.installed import (
    BrokenBackendError,
    installed_backends,
    load_installed_backends,
)
from pytest_moderator.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Install = Callable[..., Path]

MODULE = """
from pytest_moderator import Backend, Health, TaskResult

class One(Backend):
    name = "one"

    def accepts(self, task):
        return "for one" in task.title

    def execute(self, task, context):
        return TaskResult(task, stdout="done by one")

class Two(One):
    name = "two"

class Upper(One):
    name = "Upper"

class Nameless(Backend):
    accepts = execute = None

class Exits(One):
    def __init__(self):
        raise SystemExit

backend = Two()

def several():
    return [One(), Two()]

def wrong():
    return ["one"]

def single():
    return One()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Give a function that installs a package with these entry points, for this process and those that it starts."""
    site = tmp_path / "site"

    def install(**points: str) -> Path:
        info = site / "acme_backends-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-backends\nVersion: 1.2\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("[pytest_moderator_backends]\n" + "\n".join(lines) + "\n")
        (site / "acme_backends.py").write_text(MODULE)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.setenv("PYTHONPATH", str(site))
        return site

    yield install  # type: ignore[misc]
    sys.modules.pop("acme_backends", None)


def test_nobody_has_any() -> None:
    assert installed_backends() == ([], [])


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("acme_backends:One", ["one"]),
        ("acme_backends:backend", ["two"]),
        ("acme_backends:several", ["one", "two"]),
        ("acme_backends:single", ["one"]),
    ],
)
def test_classes_functions_and_backends(install: Install, value: str, names: list[str]) -> None:
    install(acme=value)
    assert [backend.name for backend in load_installed_backends()] == names


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("acme_gone:One", "ModuleNotFoundError: No module named 'acme_gone'"),
        ("acme_backends:Gone", "AttributeError: module 'acme_backends' has no attribute 'Gone'"),
        ("acme_backends:wrong", "TypeError: it gives 'one', which is no pytest_moderator.Backend"),
        ("acme_backends:Upper", "ValueError: its backend needs a name of lower-case letters, digits and '-'"),
        ("acme_backends:Nameless", "ValueError: its backend needs a name of lower-case"),
        ("acme_backends:Exits", "SystemExit"),
        ("acme_backends:MODULE", "AttributeError"),
        ("acme_backends", "TypeError: 'module' object is not iterable"),
    ],
)
def test_one_that_is_broken_is_named(install: Install, value: str, reason: str) -> None:
    install(acme=value, fine="acme_backends:One")
    backends, (broken,) = installed_backends()
    assert [backend.name for backend in backends] == ["one"]
    assert (broken.name, broken.package, broken.value) == ("acme", "acme-backends 1.2", value)
    assert broken.reason.startswith(reason)
    with pytest.raises(BrokenBackendError) as caught:
        load_installed_backends()
    message = str(caught.value)
    assert message.startswith(
        f"the backend plugin 'acme' of acme-backends 1.2 ({value}) cannot be used: {reason}"
    )
    assert message.endswith("; repair acme-backends, or uninstall it")


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makeini("[pytest]\n")

    def run(tasks: str, *arguments: str) -> pytest.RunResult:
        (pytester.path / "tasks.md").write_text(tasks)
        slow = ("-pno:html", "-pno:metadata", "-pno:hypothesispytest")
        return pytester.runpytest_subprocess(*slow, "--moderator", "tasks.md", "-rA", *arguments, timeout=600)

    return run


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_run_uses_them(install: Install, session: Callable[..., Any], workers: tuple[str, ...]) -> None:
    install(acme="acme_backends:several")
    ran = session("- [ ] T001 Do for one\n- [ ] T002 Do\n  - backend: two\n", *workers)
    ran.assert_outcomes(passed=2)
    assert "done by one" in str(ran.stdout)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("acme_backends:Gone", "nothing was run: the backend plugin 'acme' of acme-backends 1.2"),
        ("acme_shell:backend", "nothing was run: two backends are called 'shell', "),
    ],
)
def test_a_run_is_refused_with_a_message(
    install: Install, session: Callable[..., Any], value: str, said: str
) -> None:
    site = install(acme=value)
    code = "from pytest_moderator.backends.shell import ShellBackend\n\nbackend = ShellBackend()\n"
    (site / "acme_shell.py").write_text(code)
    ran = session("- [ ] T001 Do\n  - run: `touch never`\n")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert said in str(ran.stderr)
    assert "Traceback" not in str(ran.stderr)


def test_the_command_knows_them(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(acme="acme_backends:One")
    (tmp_path / "tasks.md").write_text("- [ ] T001 Do for one\n")
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "tasks.md", "--explain", "T001"]) == 0
    assert "backend: one" in capsys.readouterr().out


def test_the_command_names_a_broken_one(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(acme="acme_backends:Gone")
    (tmp_path / "tasks.md").write_text("- [ ] T001 Do\n")
    monkeypatch.chdir(tmp_path)
    assert main(["validate", "tasks.md"]) == 1
    assert capsys.readouterr().err.startswith("moderator: error: the backend plugin 'acme'")
