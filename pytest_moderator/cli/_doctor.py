"""What ``moderator doctor`` looks at, and how it shows it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_moderator.availability import missing_backends, pass_over_unhealthy
from pytest_moderator.backends import configure, with_way_given
from pytest_moderator.backends.agents import AgentBackend
from pytest_moderator.backends.builtin import pytest_moderator_backends
from pytest_moderator.backends.health import HealthChecks
from pytest_moderator.backends.installed import installed_backends
from pytest_moderator.cli._console import Paint, count, one_line
from pytest_moderator.cli._files import prepare_file, settings_here
from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.checks import OLDEST
from pytest_moderator.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_moderator.backends.base import Backend, Health
    from pytest_moderator.model import Problem
    from pytest_moderator.prepare import Prepared
    from pytest_moderator.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        group: ``backend`` or ``here``.
        name: what it is.
        ok: whether it can be used.
        version: of its program; ``None`` where there is none, or it is not known.
        detail: what was found, or what is wrong.
        hint: what to do.
        tasks: how many tasks of the file that was named need it.
        blocks: whether a run would be refused because of it.
    """

    group: str
    name: str
    ok: bool
    version: str | None = None
    detail: str = ""
    hint: str = ""
    tasks: int = 0
    blocks: bool = False


def examine(file: str | None, config: str | None) -> list[Finding]:
    """Look at everything.

    Args:
        file: the tasks file that is to be run; without it, nothing is needed but what every run needs.
        config: a file that is read in place of ``moderator.yaml``.

    Raises:
        ModeratorError: two backends have one name, or the project's configuration cannot be read.
    """
    installed, broken = installed_backends()
    backends = with_way_given([*pytest_moderator_backends(), *installed])
    prepared = None if file is None else prepare_file(file, {"config": config}, backends)
    settings, problems = settings_here(config) if prepared is None else (prepared.settings, prepared.problems)
    return [
        *_backends(_as_set(backends, settings), prepared, HealthChecks(settings.health_timeout)),
        *(
            Finding("backend", entry.name, ok=False, detail=str(entry), hint=entry.hint, blocks=True)
            for entry in broken
        ),
        _git(prepared),
        _state_directory(settings),
        _inputs(prepared, problems),
    ]


def _as_set(backends: Sequence[Backend], settings: Settings) -> Sequence[Backend]:
    """Give the backends as the settings have them; where those are wrong, that is said among the inputs."""
    with contextlib.suppress(ModeratorError):
        return configure(backends, settings.backends)
    return backends


def _started(backend: Backend, health: Health) -> Health:
    """Start the program of an agent to see whether that works, and which version it is; no run does so."""
    return backend.started() if health.ok and isinstance(backend, AgentBackend) else health


def _backends(
    backends: Sequence[Backend], prepared: Prepared | None, checks: HealthChecks
) -> Iterator[Finding]:
    healths = checks.of(backends)
    users: Counter[str | None] = Counter()
    missing: set[str] = set()
    if prepared is not None:
        users.update(prepared.backend_of(task) for task in prepared.plan.tasks if not task.done)
        missing.update(missing_backends(pass_over_unhealthy(prepared, checks)))
    by_name = {backend.name: backend for backend in backends}
    for name, found in healths.items():
        health = _started(by_name[name], found)
        yield Finding(
            "backend",
            name,
            ok=health.ok,
            version=health.version,
            detail=health.detail,
            hint=health.hint,
            tasks=users[name],
            blocks=name in missing or (found.ok and not health.ok and users[name] > 0),
        )


def _git(prepared: Prepared | None) -> Finding:
    """Look for git, which only tasks on branches need."""
    users = 0
    if prepared is not None:
        to_do = [
            task for task in prepared.plan.tasks if not task.done and task.id not in prepared.plan.groups
        ]
        users = sum((task.isolation or prepared.settings.isolation).has_branch for task in to_do)
    wanted = ".".join(map(str, OLDEST))
    said = _first_line(["git", "--version"])
    found = re.search(r"(\d+)\.(\d+)[\w.]*", said or "")
    if found is not None and (int(found[1]), int(found[2])) >= OLDEST:
        return Finding("here", "git", ok=True, version=found[0], tasks=users)
    return Finding(
        "here",
        "git",
        ok=False,
        version=found and found[0],
        detail=f"it is older than {wanted}"
        if found
        else "it was not found"
        if said is None
        else f"it says {said!r}",
        hint=f"install git {wanted} or newer: isolation 'branch' and 'full' need it",
        tasks=users,
        blocks=users > 0,
    )


def _first_line(argv: list[str]) -> str | None:
    """Give the first line that a program prints; ``None`` where it cannot be started."""
    if shutil.which(argv[0]) is None:
        return None
    try:
        ran = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (ran.stdout.splitlines() or [""])[0]


def _state_directory(settings: Settings) -> Finding:
    """Look whether records can be written, without leaving anything behind."""
    directory = Path(os.path.normpath(settings.state_dir))
    place = next(path for path in (directory, *directory.parents) if path.exists())
    hint = "set state_dir, or --moderator-state-dir, to a directory that can be written"
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        detail = f"{place} cannot be written: {error.strerror}"
        return Finding("here", "state directory", ok=False, detail=detail, hint=hint, blocks=True)
    return Finding("here", "state directory", ok=True, detail=str(directory))


def _inputs(prepared: Prepared | None, problems: Sequence[Problem]) -> Finding:
    """Sum up the tasks file, or what can be said without one: the settings."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if prepared is None:
        hint = "correct it" if len(errors) < 2 else f"correct it, and {len(errors) - 1} more"  # noqa: PLR2004
        detail = str(errors[0]) if errors else ""
        return Finding(
            "here", "settings", not errors, None, detail, hint if errors else "", blocks=bool(errors)
        )
    file, tasks = prepared.tasks_file.display, len(prepared.plan.tasks)
    if errors:
        hint = f"moderator validate {file} says what is wrong"
        detail = f"{file}: {count(len(errors), 'error')}"
        return Finding("here", "tasks file", ok=False, detail=detail, hint=hint, blocks=True)
    return Finding("here", "tasks file", ok=True, detail=f"{file}: {count(tasks, 'task')}", tasks=tasks)


def as_data(findings: Sequence[Finding], file: str | None) -> dict[str, Any]:
    """Give the object that ``docs/plan-schema.md`` describes."""
    return {
        "version": 1,
        "file": file,
        "ok": not any(finding.blocks for finding in findings),
        "backends": [_entry(finding) for finding in findings if finding.group == "backend"],
        "here": [_entry(finding) for finding in findings if finding.group == "here"],
    }


def _entry(finding: Finding) -> dict[str, Any]:
    names = ("name", "ok", "version", "detail", "hint", "tasks", "blocks")
    return {name: getattr(finding, name) for name in names}


def as_text(findings: Sequence[Finding]) -> Iterator[str]:
    """Write the findings, line by line."""
    paint = Paint()
    width = max(len(finding.name) for finding in findings)
    for group, title in (("backend", "Backends"), ("here", "Here")):
        yield paint(title, "bold")
        for finding in findings:
            if finding.group == group:
                yield from _lines(finding, width, paint)
    blocking = sum(finding.blocks for finding in findings)
    ends = f"{count(blocking, 'thing')} to put right before a run" if blocking else "ready to run"
    yield paint(ends, "red" if blocking else "green")


def _lines(finding: Finding, width: int, paint: Paint) -> Iterator[str]:
    word, colour = ("ok", "green") if finding.ok else ("ERROR", "red") if finding.blocks else ("no", "yellow")
    users = f"({count(finding.tasks, 'task')})" if finding.tasks and finding.name != "tasks file" else ""
    said = "  ".join(filter(None, (finding.version, one_line(finding.detail), users)))
    yield f"  {paint(word.ljust(5), colour)} {one_line(finding.name).ljust(width)}  {said}".rstrip()
    if finding.hint and not finding.ok:
        yield paint(f"          {' ' * width}{one_line(finding.hint)}", "dim")
