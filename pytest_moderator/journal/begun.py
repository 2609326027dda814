"""What a run tells the journal when it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.holder import Holder
    from pytest_moderator.model.task import TaskStatus


class RunRecord(NamedTuple):
    """A run that begins.

    Attributes:
        id: names the run.
        files: its tasks files as pytest names them, relative to ``root``, with ``/``.
        root: pytest's root directory.
        workers: how many tasks can run at once.
        command: the arguments that pytest was started with.
        holder: the process that runs it.
        directory: where pytest was started: what the arguments are relative to; ``root`` when it is ``None``.
    """

    id: str
    files: tuple[str, ...]
    root: Path
    workers: int
    command: tuple[str, ...]
    holder: Holder
    directory: Path | None = None


class TaskRecord(NamedTuple):
    """A task of a run that begins.

    Attributes:
        file: the tasks file as pytest names it.
        task_id: the task's id, unique in its file.
        title: its title.
        line: 1-based line in the file.
        phase: text of the heading it stands under.
        fingerprint: changes when the task is no longer the same.
        step_number: its place in the order of the run, from 1.
        status: ``PENDING``; or ``COMPLETED`` or ``SKIPPED`` for one that is done before the run begins.
        reason: why it has that status.
        elsewhere: whether it is done elsewhere, so that somebody may say that it is done.
    """

    file: str
    task_id: str
    title: str
    line: int
    phase: str | None
    fingerprint: str
    step_number: int
    status: TaskStatus
    reason: str | None = None
    elsewhere: bool = False
