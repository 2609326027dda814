"""From pytest's reports of an item to what came of it, and back."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.model import Attempt, TaskResult, TaskStatus, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import Task

# who blocked it is only known, and needed, in the controlling process
_PROPERTIES = ("backend", "backend_reason", "attempts", "exit_code", "worker", "category", "verification")
# what is no longer true of a try that is over
_OF_A_PAUSE: dict[str, Any] = dict.fromkeys(("again_at", "category", "hint"))
_FIELDS = tuple(item.name for item in fields(TaskResult) if item.name not in ("task", "blocked_by"))


def pack(result: TaskResult) -> str:
    """Write a result down for a report; as one text, because xdist sends that much faster than a mapping."""
    data = {name: value for name in _FIELDS if (value := getattr(result, name)) not in (None, "", ())}
    return _ENCODER.encode(data)


def unpack(text: str, task: Task) -> TaskResult:
    """Read what :func:`pack` wrote.

    Args:
        text: the result, without its task.
        task: the task.
    """
    data = json.loads(text)
    data["status"] = TaskStatus(data["status"])
    for name in ("artifacts_path", "worktree"):
        if name in data:
            data[name] = Path(data[name])
    data["notes"] = tuple(data.get("notes", ()))
    if "attempts_log" in data:
        data["attempts_log"] = tuple(Attempt(**entry) for entry in data["attempts_log"])
    if "usage" in data:
        data["usage"] = Usage(**data["usage"])
    return TaskResult(task=task, **data)


def _plain(value: object) -> object:
    return value.to_dict() if isinstance(value, Usage | Attempt) else str(value)


_ENCODER = json.JSONEncoder(default=_plain)  # json.dumps would make one each time


class Verdict:
    """Gathers an item's reports.

    Attributes:
        failed: whether the last try of one of its steps failed.
        node: the worker that the last report came from, as xdist knows it; ``None`` without workers.
    """

    def __init__(self) -> None:
        self._reports: dict[str, pytest.TestReport] = {}
        self._carried: TaskResult | None = None
        self.node: object = None

    def add(self, report: pytest.TestReport) -> None:
        """Take in a report; a new set-up starts over (plugins that rerun tests do that)."""
        if report.when == "setup":
            self._reports.clear()
            self._carried = None
        self._reports[str(report.when)] = report
        self.node = getattr(report, "node", None)

    @property
    def failed(self) -> bool:
        """Whether one of its steps failed."""
        return any(report.failed for report in self._reports.values())

    @property
    def failures(self) -> int:
        """How many of its steps failed: so many pytest has counted."""
        return sum(report.failed for report in self._reports.values())

    @property
    def lost(self) -> bool:
        """Whether the process that ran it has died."""
        return "???" in self._reports

    @property
    def success(self) -> bool:
        """Whether those who need it may start: it passed, or failed as was expected."""
        if self.failed:
            return False
        call = self._reports.get("call") or self._reports.get("setup")
        return call is not None and (call.passed or hasattr(call, "wasxfail"))

    def carried(self, task: Task) -> TaskResult | None:
        """Give the result that one of the reports carries."""
        if self._carried is None:
            for report in self._reports.values():
                if packed := getattr(report, "moderator", None):
                    self._carried = unpack(packed, task)
        return self._carried

    def result_of(self, task: Task, worker: str | None, duration: float) -> TaskResult:
        """Give the result that the item's reports carry; make one where the process died or a fixture failed."""
        carried = self.carried(task)
        result = carried or TaskResult(task)
        if result.worker != worker:
            result = replace(result, worker=worker)
        crash = self._reports.get("???")
        if crash is not None:
            return replace(
                result,
                status=TaskStatus.FAILED,
                exit_code=137,
                duration_seconds=duration,
                error_message=str(crash.longrepr),
                **_OF_A_PAUSE,
            )
        teardown = self._reports.get("teardown")
        messy = teardown is not None and (teardown.failed or hasattr(teardown, "wasxfail"))
        if messy and (result.success or result.status is TaskStatus.PAUSED):
            return replace(
                result,
                status=TaskStatus.FAILED,
                exit_code=1,
                error_message="a fixture failed in its tear-down",
                **_OF_A_PAUSE,
            )
        if carried is None:
            return replace(result, status=TaskStatus.SKIPPED, attempts=0, error_message=self._skip_reason())
        return result

    def _skip_reason(self) -> str:
        for report in self._reports.values():
            if report.skipped and isinstance(report.longrepr, tuple):
                return report.longrepr[2].removeprefix("Skipped: ")
        return "it did not run"


PROGRESS = "progress"
"""The ``when`` of a report of something that happened to a task while it runs; nobody counts or shows it."""

LATER = "later"
"""The ``when`` of the reports of a task that waits for another attempt: it has not ended, so nobody counts them."""


def progress_report(
    nodeid: str, found: tuple[FileHandout, Task], payload: Mapping[str, object]
) -> pytest.TestReport:
    """Make a report of something that happens to a task while it runs; it travels as all reports do."""
    return pytest.TestReport(
        nodeid=nodeid,
        location=location_of(nodeid, found),
        keywords={},
        outcome="passed",
        longrepr=None,
        when=PROGRESS,  # type: ignore[arg-type]
        moderator_progress=json.dumps(dict(payload), default=str),
    )


def describe(report: pytest.TestReport, task: Task, result: TaskResult | None) -> None:
    """Add to a report what every reporter can show: properties, and the output of the task.

    Args:
        report: any report of the task's item.
        task: the task.
        result: what came of it, once that is known.
    """
    values: dict[str, object] = {"id": task.id, "phase": task.phase, "story": task.story}
    if result is not None:
        values |= {name: getattr(result, name) for name in _PROPERTIES}
        output = (
            ("Captured stdout call", result.stdout),
            ("Captured stderr call", result.stderr),
            ("Captured stdout verify", result.verification_output),
        )
        report.sections.extend((name, text) for name, text in output if text)
    report.user_properties.extend((name, str(value)) for name, value in values.items() if value is not None)


def location_of(nodeid: str, found: tuple[FileHandout, Task] | None) -> tuple[str, int | None, str]:
    """Say where an item stands, as pytest's reports do: file, 0-based line, headline."""
    file, _, name = nodeid.partition("::")
    return (file, found[1].line - 1, f"{found[1].id} {found[1].title}") if found else (file, None, name)


def reports_of_skip(
    nodeid: str, found: tuple[FileHandout, Task] | None, reason: str
) -> tuple[pytest.TestReport, pytest.TestReport]:
    """Make the reports of an item that ends without having started, as pytest makes them for a skipped one.

    Args:
        nodeid: the item.
        found: its file and task; ``None`` for an ordinary test.
        reason: why it does not start.
    """
    location = location_of(nodeid, found)
    line = found[1].line if found else 1
    make = partial(
        pytest.TestReport,
        nodeid=nodeid,
        location=location,
        keywords={},
    )
    setup = make(outcome="skipped", longrepr=(location[0], line, f"Skipped: {reason}"), when="setup")
    teardown = make(outcome="passed", longrepr=None, when="teardown")
    if found and found[1].done:
        setup.moderator_done = True  # type: ignore[attr-defined]
    return setup, teardown


def reports_of_failure(
    nodeid: str, found: tuple[FileHandout, Task], result: TaskResult
) -> tuple[pytest.TestReport, pytest.TestReport]:
    """Make the reports of a task that fails although nothing of it runs; an optional one fails as expected.

    Args:
        nodeid: the task's item.
        found: its file and task.
        result: what has come of it.
    """
    reason = result.error_message or ""
    make = partial(pytest.TestReport, nodeid=nodeid, location=location_of(nodeid, found), keywords={})
    call = make(outcome="failed", longrepr=reason, when="call", moderator=pack(result))
    if found[1].optional:
        call.outcome = "skipped"
        call.wasxfail = f"optional task: {reason}"
    return call, make(outcome="passed", longrepr=None, when="teardown")
