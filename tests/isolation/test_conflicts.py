"""A task whose work does not merge, as the process that runs it tries it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from repositories import RUN_ID, Repository, finish_one

from pytest_moderator.attempt.on_branch import run_on_branch
from pytest_moderator.backends.base import AttemptContext, Backend
from pytest_moderator.isolation.worktrees import Worktree
from pytest_moderator.model import Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from pytest_moderator.isolation.git_run import GitRun


class Slow(Backend):
    """Changes a file that another task changes meanwhile; then there is no room on the disk."""

    name = "slow"

    def __init__(self, repository: Repository, run: GitRun, monkeypatch: pytest.MonkeyPatch) -> None:
        self._others = repository, run
        self._monkeypatch = monkeypatch

    def accepts(self, task: Task) -> bool:
        return True

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        assert finish_one(*self._others, "T002", a_txt="theirs\n").success
        (context.working_directory / "a.txt").write_text("ours\n")
        self._monkeypatch.setattr(Worktree, "remember", _no_room)
        return TaskResult(task)


def _no_room(*_: object) -> Worktree:
    raise OSError(28, "No space left on device")


def test_there_is_no_room_for_another_try(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = repository.run(on_conflict="retry")
    top = run.area / "tasks" / "T001"
    context = AttemptContext(
        "project", top, f"{run.integration}-task-t001", tmp_path, run_id=RUN_ID, directory=tmp_path / "T001"
    )
    task = Task("T001", "Do it", 1)
    result = run_on_branch(run, "T001", task, Slow(repository, run, monkeypatch), context)
    assert (result.status, result.category) == (TaskStatus.FAILED, "conflict")
    assert (result.error_message or "").endswith("shows it; [Errno 28] No space left on device")
