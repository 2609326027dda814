"""The branch of a run, in the process that the user started: checked, made before the first task, handed over."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.branches import Outcome, begin, finish
from pytest_moderator.isolation.checks import plan_git_run
from pytest_moderator.isolation.git_run import GitOptions, GitRun
from pytest_moderator.journal import JournalReader
from pytest_moderator.model import Problem, Severity, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from pytest_moderator.prepare import Prepared
    from pytest_moderator.run import Run


def plan_branches(prepared: Sequence[Prepared], root: Path) -> tuple[GitRun | None, tuple[Problem, ...]]:
    """Look whether tasks can work on branches.

    Returns:
        What they have in common, and warnings.

    Raises:
        pytest.UsageError: they cannot.
    """
    settings = prepared[0].settings
    run, problems = plan_git_run(
        root,
        GitOptions(**{item.name: getattr(settings, item.name) for item in fields(GitOptions)}),
        worktree_dir=settings.worktree_dir or root / settings.state_dir / "worktrees",
        tasks_files={entry.tasks_file.path.absolute(): entry.settings.mark for entry in prepared},
    )
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise pytest.UsageError("nothing was run:\n" + "\n".join(map(str, problems)))
    return run, problems


def go_on(git: GitRun, run_id: str, state_dir: Path) -> GitRun:
    """Give the run as one that goes on where an earlier session of it has ended.

    Args:
        git: what this session has found in the repository.
        run_id: names the run.
        state_dir: where records are kept.

    Raises:
        ModeratorError: the journal cannot be read.
    """
    earlier = GitRun.load(state_dir / "runs" / run_id) or git.named(run_id)
    reader = JournalReader(state_dir)
    try:
        results = [row.result for row in reader.tasks(run_id) if row.status is TaskStatus.COMPLETED]
    finally:
        reader.close()
    commits = [result["commit"] for result in results if result and result.get("commit")]
    return replace(
        git.named(run_id),
        base=earlier.base,
        base_branch=earlier.base_branch,
        area=earlier.area,
    ).continued([*earlier.reported, *commits])


class Branches:
    """Makes the branch of the run, and says at the end where everything is.

    Args:
        git: the run in its repository.
        run: the run.
    """

    def __init__(self, git: GitRun, run: Run) -> None:
        self._git = git
        self._run = run
        self._begun = False
        self._outcome: Outcome | str | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, Any, Any]:
        """Make the branch, before any task can start.

        Raises:
            pytest.UsageError: it cannot be made.
        """
        try:
            self._run.handout.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            begin(self._git, self._run.handout.directory)
        except (ModeratorError, OSError) as error:
            raise pytest.UsageError(f"nothing was run: {error}") from error
        self._begun = True
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, Any]:
        """Hand the branch over; before the summary, which tells of it. Where no task could start, there is none."""
        if self._begun:
            try:
                outcome = finish(self._git, ended=self._run.finished or not self._run.begun)
                self._outcome = outcome if self._run.begun else None
            except (ModeratorError, OSError) as error:
                self._outcome = str(error)
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the work is."""
        if self._outcome is not None:
            terminalreporter.write_line(f"git: {self._describe(self._outcome)}")

    def _describe(self, outcome: Outcome | str) -> str:
        if isinstance(outcome, str):
            return outcome
        if not outcome.merged:
            return "nothing was merged"
        tasks = "1 task was" if outcome.merged == 1 else f"{outcome.merged} tasks were"
        text = f"{tasks} merged into {self._git.integration}"
        if outcome.forwarded:
            return f"{text}, and {self._git.base_branch} was moved on to it"
        if outcome.reason:
            return f"{text}; {outcome.reason}"
        return f"{text}; git merge {self._git.integration} takes it over"
