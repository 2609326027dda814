"""The execution report as JSON; `docs/report-schema.md` describes it."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.reports.terminal import kind_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_moderator.model import ExecutionReport
    from pytest_moderator.run import Run

VERSION = 1

_KEYS = {
    "completed": "completed",
    "done": "done",
    "failed": "failed",
    "failed (optional)": "failed_optional",
    "skipped": "skipped",
    "interrupted": "interrupted",
    "not started": "not_started",
}


class JsonReport:
    """Writes the execution report at the end of the session."""

    def __init__(self, run: Run, path: Path) -> None:
        self._run = run
        self._path = path

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Write the report when all else has ended, however it has."""
        try:
            return (yield)
        finally:
            text = json.dumps(describe(self._run, int(session.exitstatus)), indent=2)
            try:
                write(self._path, f"{text}\n")
            except OSError as error:
                raise _cannot_write(self._path, error.strerror or str(error)) from error


def check(path: Path) -> None:
    """See that a report can be written; better said before the run than after it.

    Raises:
        pytest.UsageError: it will not be possible.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() or not path.exists():
            tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    if path.is_dir():
        raise _cannot_write(path, "it is a directory")


def describe(run: Run, exit_code: int) -> dict[str, Any]:
    """Give the report as plain JSON types."""
    reports = [run.report(file) for file in run.handout.files]
    return {
        "version": VERSION,
        "run_id": run.handout.run_id,
        "exit_code": exit_code,
        "workers": run.workers,
        "started_at": reports[0].started_at,
        "finished_at": reports[0].finished_at,
        "duration_seconds": reports[0].duration_seconds,
        "directory": str(run.handout.directory),
        "files": [_describe_file(report) for report in reports],
    }


def write(path: Path, text: str) -> None:
    """Put a file in its place whole, so that nobody ever reads half of it; a pipe or a device is written to.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    target = Path(os.path.realpath(path))  # a symbolic link stays one
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise


def _describe_file(report: ExecutionReport) -> dict[str, Any]:
    counts = Counter(kind_of(result) for result in report.results)
    return {
        "file": report.file,
        "order": report.order,
        "busy_seconds": report.busy_seconds,
        "speed_up": report.speed_up,
        "kept_apart": {lock: list(ids) for lock, ids in report.kept_apart.items()},
        "counts": {key: counts[kind] for kind, key in _KEYS.items()},
        "tasks": [result.to_dict() for result in report.results],
    }


def _cannot_write(path: Path, why: str) -> pytest.UsageError:
    return pytest.UsageError(f"cannot write the report to {str(path)!r}: {why}")
