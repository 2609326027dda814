"""What somebody has said about a task."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody has said about a task that waits: that it may start, or that it was done elsewhere.

    Attributes:
        yes: whether it may start; whether it is done.
        by: who said so, such as ``alice@laptop``.
        why: the reason, where one was given.
        output: what there is to show of what was done elsewhere, for the task's log.
        category: what kind of failure it was, one of :class:`~pytest_moderator.model.ErrorCategory`; ``None`` where
            nobody knows.
    """

    yes: bool
    by: str
    why: str = ""
    output: str = ""
    category: str | None = None

    def to_json(self) -> str:
        """Write it down."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"{text!r} is no answer") from error
