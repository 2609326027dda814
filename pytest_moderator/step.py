"""A step of a run, and what keeps one from being taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Step(NamedTuple):
    """Something that runs once: a task, or an ordinary test beside the tasks.

    Attributes:
        key: unique among the steps.
        needs: keys that must have succeeded before.
        after: keys that must have ended before. Steps that share the very same tuple share its bookkeeping,
            so that a phase of thousands does not cost its square.
        locks: names of what it uses alone.
        priority: the higher, the earlier.
    """

    key: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    priority: float = 0.0


class Blocked(NamedTuple):
    """A step that ended without having run.

    Attributes:
        key: the step.
        by: keys of the steps that it needed in vain, direct ones.
    """

    key: str
    by: tuple[str, ...]


class DependencyCycleError(ModeratorError):
    """Steps that wait for each other.

    Attributes:
        cycles: such as ``("a", "b", "a")``: each waits for the next.
    """

    def __init__(self, cycles: Sequence[Sequence[str]]) -> None:
        """Name the steps."""
        self.cycles = tuple(tuple(cycle) for cycle in cycles)
        shown = "; ".join(" -> ".join(cycle) for cycle in self.cycles)
        super().__init__(f"these wait for each other and could never start: {shown}")
