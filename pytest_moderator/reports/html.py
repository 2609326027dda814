"""What pytest-html shows of tasks, where it is installed: columns of their own, and links to their logs."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.runner import folder_of

if TYPE_CHECKING:
    from pytest_moderator.run import Run

COLUMNS = ("phase", "story", "backend", "backend_reason", "attempts", "exit_code", "worker")


class HtmlColumns:
    """Fills pytest-html's table."""

    def __init__(self, run: Run, report: Path) -> None:
        self._run = run
        self._home = report.absolute().parent

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add our columns before the last one, which holds links."""
        for name in COLUMNS:
            cells.insert(-1, f"<th>{name.replace('_', ' ').capitalize()}</th>")

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Add our columns to a row."""
        properties = dict(report.user_properties)
        found = self._run.handout.find(report.nodeid)
        for name in COLUMNS:
            value = str(properties.get(name, "")) if found else ""
            cells.insert(-1, f"<td>{escape(value)}</td>")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Link the logs of a task that has run."""
        found = self._run.handout.find(report.nodeid)
        if not found or report.when != "call":
            return
        folder = os.path.relpath(folder_of(self._run.handout, *found), self._home)
        links = [
            {
                "name": name,
                "format_type": "url",
                "content": Path(folder, f"{name}.log").as_posix(),
                "mime_type": None,
                "extension": None,
            }
            for name in ("stdout", "stderr")
        ]
        report.extras = [*getattr(report, "extras", []), *links]
