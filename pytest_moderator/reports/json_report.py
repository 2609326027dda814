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
    from pytest_moderator.run import Run

VERSION = 1


class JsonReport:
    """Writes the execution report at the end of the session."""

    def __init__(self, run: Run, path: Path) -> None:
        self._run = run
        self._path = path

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Any:
        """Write the report when all else has ended."""
        result = yield
        write_atomically(
            self._path, json.dumps(describe(self._run, int(session.exitstatus)), indent=2) + "\n"
        )
        return result


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
        "files": [
            {
                "file": report.file,
                "order": report.order,
                "busy_seconds": report.busy_seconds,
                "speed_up": report.speed_up,
                "counts": dict(Counter(kind_of(result) for result in report.results)),
                "tasks": [result.to_dict() for result in report.results],
            }
            for report in reports
        ],
    }


def write_atomically(path: Path, text: str) -> None:
    """Put a file in its place whole: nobody ever reads half of it.

    Raises:
        pytest.UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise pytest.UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error
