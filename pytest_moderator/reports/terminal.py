"""The terminal: who starts, who ends and how long it took; at the end what came of everything, by phase."""

from __future__ import annotations

import os
import shlex
from collections import Counter, defaultdict
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from pytest_moderator.attempt.secrecy import masked_arguments
from pytest_moderator.cleaning import clean
from pytest_moderator.journal import RunStatus
from pytest_moderator.model import TaskStatus, Usage
from pytest_moderator.runner import folder_of
from pytest_moderator.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from pytest_moderator.errors import TaskFailedError
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import ExecutionContext, Task, TaskResult
    from pytest_moderator.run import Run

    Status = tuple[str, str, str | tuple[str, dict[str, bool]]]

_SHOWN = 8  # ids in a row
_COLOURS = {
    "completed": "green",
    "done": "cyan",
    "failed": "red",
    "failed (optional)": "yellow",
    "skipped": "yellow",
    "interrupted": "yellow",
    "not started": "yellow",
}


class TerminalView:
    """Writes beside pytest's own terminal reporter.

    Without ``-v`` a task has a line of ours for its start and one for its end, and no letter; with ``-v`` it has
    pytest's own line, with its title; with ``-q`` a letter, as any test.

    Args:
        config: pytest's.
        run: what is shown.
        notices: what the user must be told before anything runs.
        terminal: pytest's reporter.
    """

    def __init__(
        self,
        config: pytest.Config,
        run: Run,
        notices: Sequence[str],
        terminal: pytest.TerminalReporter,
    ) -> None:
        self._config = config
        self._run = run
        self._notices = notices
        self._terminal = terminal
        self._verbosity = config.get_verbosity()
        if self._verbosity == 0:
            terminal.showfspath = False  # a task has lines of its own

    def pytest_report_header(self) -> list[str]:
        """Name the files, and what is odd about them."""
        handout = self._run.handout
        lines = [f"moderator: run {handout.run_id}"]
        for file in handout.files:
            tasks = f"{_count(len(file.tasks), 'task')}, {sum(task.done for task in file.tasks)} done"
            lines.append(f"moderator: {file.nodeid}: {tasks}, order {self._run.plans[file.nodeid].order}")
        return [*lines, *self._notices]

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Generator[None, Status, Status]:
        """Give tasks that were done before a category of their own; leave the line of a task to us."""
        status = yield
        if getattr(report, "moderator_done", False):
            status = ("done", "d", ("DONE", {"cyan": True}))
        if self._verbosity == 0 and self._run.handout.find(report.nodeid):
            return status[0], "", status[2]
        return status

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show the title behind pytest's own line; count no failure of an item that is tried again."""
        self._forgive(nodeid)
        found = self._run.handout.find(nodeid)
        if found and self._verbosity > 0:
            self._terminal.write(f"{clean(found[1].title)} ")

    def _forgive(self, nodeid: str) -> None:
        """Count the failures of an item as plugins that rerun tests name them; forget that it was blocked."""
        stats = self._terminal.stats
        for outcome in ("failed", "error", "skipped") if nodeid in self._run.accounts.struck else ():
            earlier = [report for report in stats.get(outcome, ()) if report.nodeid == nodeid]
            for report in earlier:
                stats[outcome].remove(report)
                if outcome != "skipped":
                    stats.setdefault("rerun", []).append(report)
            if earlier and not stats[outcome]:
                del stats[outcome]

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Show the title behind the line of a task that ended on a worker."""
        found = self._run.handout.find(report.nodeid)
        ended = report.when == "call" or (report.when == "setup" and not report.passed)
        if found and ended and self._verbosity > 0 and hasattr(report, "node"):
            self._terminal.write(f" {clean(found[1].title)}")

    def pytest_moderator_task_start(self, task: Task, context: ExecutionContext) -> None:
        """Show who starts."""
        del context
        instead = self._run.choices.in_words(task)
        self._line(task, "started", f"{task.title} ({instead})" if instead else task.title)

    def pytest_moderator_task_complete(self, result: TaskResult) -> None:
        """Show who has ended."""
        if result.status is TaskStatus.COMPLETED:
            verified = ", verified" if result.verification else ""
            self._line(
                result.task, "completed", f"in {format_duration(result.duration_seconds)}{verified}", result
            )
        elif not result.task.done:
            self._line(result.task, "skipped", result.error_message or "", result)

    def pytest_moderator_task_error(self, task: Task, error: TaskFailedError) -> None:
        """Show who has failed."""
        result = error.result
        self._line(
            task, kind_of(result), f"in {format_duration(result.duration_seconds)}: {_why(result)}", result
        )

    def pytest_moderator_task_paused(self, result: TaskResult) -> None:
        """Show who waits for another attempt."""
        self._line(
            result.task, "waits", f"for attempt {result.attempts + 1} until {result.again_at}: {_why(result)}"
        )

    def pytest_moderator_run_status(self, status: str, by: str) -> None:
        """Show that the run pauses or goes on."""
        self._terminal.ensure_newline()
        self._terminal.write_line(f"{status} ({by})", yellow=True)

    def pytest_moderator_backend_circuit(self, backend: str, circuit: str, why: str) -> None:
        """Show that a backend is left alone, tried, or used again."""
        self._terminal.ensure_newline()
        colour = "green" if circuit == "closed" else "yellow"
        self._terminal.write_line(f"backend {backend}: circuit {circuit}: {clean(why)}", **{colour: True})

    def _line(self, task: Task, word: str, text: str, result: TaskResult | None = None) -> None:
        if self._verbosity != 0 or self._config.option.collectonly:
            return
        total = sum(len(file.tasks) for file in self._run.handout.files)
        progress = (
            f"[{self._run.accounts.ended:>{len(str(total))}}/{total}]"
            if result
            else " " * (len(str(total)) * 2 + 3)
        )
        worker = f" [{result.worker}]" if result and result.worker and result.attempts else ""
        tries = f", attempt {result.attempts}" if result and result.attempts > 1 else ""
        if self._config.get_terminal_writer().width_of_current_line:
            self._terminal.write("\n")  # behind letters of ordinary tests, or what xdist says of its workers
        self._terminal.write(f"{progress} {task.id} ")
        colour = _COLOURS.get(word)
        self._terminal.write(word, **({colour: True} if colour else {}))
        self._terminal.write_line(f" {clean(text)}{tries}{worker}")

    def pytest_terminal_summary(self) -> None:
        """Sum up each file by phase."""
        if not self._run.begun:
            return
        self._terminal.ensure_newline()
        if self._verbosity < 0:
            for notice in self._notices:
                self._terminal.write_line(notice)
        self._terminal.section("tasks")
        for file in self._run.handout.files:
            self._summarise(file)
        if self._run.handout.directory.exists():
            self._terminal.write_line(f"logs: {_relative(self._run.handout.directory)}")
        self._say_what_next()

    def _say_what_next(self) -> None:
        """Say what could not be written down, and how to go on with a run that is not complete."""
        recorder = self._run.recorder
        if recorder.trouble:
            lost = f"; {_count(recorder.unwritten, 'event')} not written" if recorder.unwritten else ""
            self._terminal.write_line(f"journal: {recorder.trouble}{lost}", red=True)
        if self._run.status is not RunStatus.COMPLETED:
            arguments = masked_arguments(self._run.handout.secrets, self._config.invocation_params.args)
            resume = [] if "--moderator-resume" in arguments else ["--moderator-resume"]
            self._terminal.write_line(f"resume: {shlex.join(['pytest', *arguments, *resume])}")

    def _summarise(self, file: FileHandout) -> None:
        report = self._run.report(file)
        selected = [r for r in report.results if r.error_message != "not selected"]
        write = self._terminal.write_line
        for phase, group in groupby(selected, key=lambda result: result.task.phase):
            results = list(group)
            if phase:
                write(f"{clean(phase)}: {_counts(results)}")
            self._explain(file, results)
            self._say_where(results)
        for lock, ids in report.kept_apart.items():
            shown = ", ".join(ids[:_SHOWN]) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")
            write(f"  never at once, because of {clean(lock)}: {shown}")
        self._advise(selected)
        if used := str(reduce(Usage.plus, (r.usage for r in selected if r.usage), Usage())):
            write(f"agents used {used}")
        show = report.workers > 1 and (report.speed_up or 0) > 1
        faster = f", {report.speed_up:.1f} times as fast as one by one" if show else ""
        write(
            f"{file.nodeid}: {_counts(selected)} in {format_duration(report.duration_seconds)}"
            f" ({format_duration(report.busy_seconds)} of work{faster})"
        )

    def _explain(self, file: FileHandout, results: Iterable[TaskResult]) -> None:
        """Say why tasks did not complete: those that have run one by one, the others together by reason."""
        reasons: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for result in results:
            kind = kind_of(result)
            if kind in ("completed", "done"):
                continue
            why = clean(_why(result))
            if result.attempts:
                tries = f", {result.attempts} attempts" if result.attempts > 1 else ""
                why += f"{tries} ({_relative(folder_of(self._run.handout, file, result.task))})"
            reasons[kind, why].append(result.task.id)
        for (kind, why), ids in reasons.items():
            self._terminal.write(f"  {', '.join(ids)} ")
            self._terminal.write(kind, **{_COLOURS[kind]: True})
            self._terminal.write_line(f": {why}")

    def _advise(self, results: Iterable[TaskResult]) -> None:
        """Say what to do about each kind of failure."""
        advice: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for result in results:
            if result.category and result.hint:
                advice[result.category, result.hint].append(result.task.id)
        for (category, hint), ids in advice.items():
            more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
            self._terminal.write_line(f"{category} ({', '.join(ids[:_SHOWN])}{more}): {hint}")

    def _say_where(self, results: Iterable[TaskResult]) -> None:
        """Say what there is to know about the places of tasks."""
        for result in results:
            if result.worktree is not None:
                where = f"its worktree: {_relative(result.worktree)}, its branch: {result.branch}"
                self._terminal.write_line(f"  {result.task.id}: {where}")
            for note in result.notes:
                self._terminal.write_line(f"  {result.task.id}: {clean(note)}")


def kind_of(result: TaskResult) -> str:
    """Give the word for what came of a task: that of pytest's summary, in full."""
    if result.status is TaskStatus.SKIPPED and result.task.done:
        return "done"
    if result.status is TaskStatus.FAILED and result.task.optional:
        return "failed (optional)"
    if result.status is TaskStatus.RUNNING:
        return "interrupted"
    return result.status.value if result.status.ended else "not started"


def _why(result: TaskResult) -> str:
    return result.error_message or f"exit code {result.exit_code}"


def _counts(results: Iterable[TaskResult]) -> str:
    counts = Counter(kind_of(result) for result in results)
    return ", ".join(f"{counts[kind]} {kind}" for kind in _COLOURS if counts[kind]) or "nothing selected"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _relative(path: os.PathLike[str]) -> str:
    relative = os.path.relpath(path)
    return os.fspath(path) if relative.startswith("..") else relative
