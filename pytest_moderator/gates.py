"""What a task may have to wait for besides other tasks: somebody's approval, limits of its backend, a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_moderator.handout import FileHandout
    from pytest_moderator.model import Answer, Task, TaskResult


class Wait(NamedTuple):
    """A task does not start yet; it holds no worker meanwhile.

    Attributes:
        reason: what it waits for.
        until: when to ask again, on the monotonic clock; ``None`` for when a task has ended or an answer was given.
    """

    reason: str
    until: float | None = None


class Shut(NamedTuple):
    """A task does not start in this run.

    Attributes:
        reason: why it is skipped.
        open: whether it could start when the run goes on, so that the run is not complete.
    """

    reason: str
    open: bool = False


class Gate:
    """Is asked before a task starts, each time anew, and told of what has started and ended."""

    def ask(self, file: FileHandout, task: Task) -> Wait | Shut | None:
        """Say why a task does not start; ``None`` when it may, as far as this gate knows."""
        raise NotImplementedError

    def started(self, file: FileHandout, task: Task) -> None:
        """Take note that all gates have let a task pass, and that it starts."""

    def lost(self, file: FileHandout, task: Task) -> None:
        """Take note that a start has come to nothing: the process is gone, and the task starts again."""

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Take note of what came of a task that has started."""

    def hurry(self, nodeid: str) -> None:
        """Have a task wait no longer where it only waits for time to pass: somebody wants it to start."""


class AnsweringGate(Gate):
    """Has tasks wait for what somebody says about them."""

    def answer(self, nodeid: str, answer: Answer) -> None:
        """Take an answer; one that is not wanted is passed over."""
        raise NotImplementedError

    def reply(self, nodeid: str, by: str, why: str, *, yes: bool) -> None:
        """Take an answer in words of its own."""
        from pytest_moderator.model import Answer  # noqa: PLC0415 (in few runs somebody says something)

        self.answer(nodeid, Answer(yes, by, why))


class Gates(Gate):
    """All gates of a run, as one; the first that has something against a task is heard."""

    def __init__(self) -> None:
        self._gates: tuple[Gate, ...] = ()

    def add(self, *gates: Gate) -> None:
        """Put gates behind the others."""
        self._gates += gates

    def ask(self, file: FileHandout, task: Task) -> Wait | Shut | None:
        """Ask one after another."""
        for gate in self._gates:
            if (answer := gate.ask(file, task)) is not None:
                return answer
        return None

    def started(self, file: FileHandout, task: Task) -> None:
        """Tell all."""
        for gate in self._gates:
            gate.started(file, task)

    def lost(self, file: FileHandout, task: Task) -> None:
        """Tell all."""
        for gate in self._gates:
            gate.lost(file, task)

    def ended(self, file: FileHandout, task: Task, result: TaskResult) -> None:
        """Tell all."""
        for gate in self._gates:
            gate.ended(file, task, result)

    def hurry(self, nodeid: str) -> None:
        """Tell all."""
        for gate in self._gates:
            gate.hurry(nodeid)
