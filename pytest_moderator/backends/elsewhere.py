"""Backends whose tasks are done elsewhere and answered later: by a person, a service, another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.backends.base import Backend
from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Answer, Task, TaskResult

ANSWER = "answer.json"
"""The file in a task's folder that says how it was answered."""


class ElsewhereBackend(Backend):
    """Has tasks done elsewhere. While one waits to be answered it is *paused* and holds no worker and no place.

    A subclass says by :meth:`hand_over` how a task gets there, and by :meth:`look` how its answer comes back; both
    are called in the process that the user has started, in a thread of their own. Somebody may always answer in
    their place: with ``moderator done`` or ``fail``, or by ticking the box of the task.

    Once a task is answered it starts like any other, on a worker: its fixtures are set up, :meth:`execute` makes a
    result of the answer, and what its ``verify`` names is run.

    Attributes:
        asks_people: whether it takes a person who is there, so that a task is skipped where nobody is.
        waits_for: what a task waits for, in a few words.
    """

    elsewhere = True
    asks_people: bool = False
    waits_for: str = "an answer"

    def accepts(self, task: Task) -> bool:
        """Never: where nobody has asked for it, nothing is handed over."""
        del task
        return False

    def hand_over(self, task: Task, context: AttemptContext) -> None:
        """Give a task to whoever does it; called once when it could start, and again in a run that goes on.

        What it raises is a failure of the task.

        Args:
            task: the task.
            context: names the run, the task, and its folder (``directory``), which need not be there yet.
        """

    def look(self, task: Task, context: AttemptContext) -> Answer | None:
        """Say how a task was answered, or ``None`` as long as it is not; asked about twice a second.

        What it raises is a failure of the task.

        Args:
            task: the task.
            context: as for :meth:`hand_over`.
        """
        del task, context
        return None

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """Make a result of the answer.

        Raises:
            ModeratorError: there is none.
        """
        from pytest_moderator.attempt.output import clean, excerpt  # noqa: PLC0415 (only where tasks run)
        from pytest_moderator.model import Answer, TaskResult, TaskStatus  # noqa: PLC0415 (likewise)

        try:
            answer = Answer.from_json((context.directory / ANSWER).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModeratorError(f"nobody has answered {task.id}: {error}") from error
        said = f"{'done' if answer.yes else 'failed'} ({answer.by})" + (
            f": {answer.why}" if answer.why else ""
        )
        text = f"{said}\n{answer.output}"
        if context.masker is not None:
            text = context.masker.mask(text)
        context.stdout_log.write_text(text, encoding="utf-8", errors="backslashreplace")
        return TaskResult(
            task,
            exit_code=int(not answer.yes),
            stdout=excerpt(context.stdout_log, context.output_limit),
            error_message=None if answer.yes else clean(answer.why or said),
            status=TaskStatus.COMPLETED if answer.yes else TaskStatus.FAILED,
            category=None if answer.yes else answer.category,
            notes=(clean(said),),
        )
