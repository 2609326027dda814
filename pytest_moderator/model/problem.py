"""What is wrong with an input, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is: an ``error`` keeps a run from starting, a ``warning`` is only shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a tasks file or a setting.

    Attributes:
        severity: whether a run may start all the same.
        code: a stable short name in kebab-case, such as ``duplicate-id``.
        message: what is wrong; lower-case start, no full stop.
        hint: what to do about it; may be empty.
        path: the file as the user named it; may be empty where there is none.
        line: 1-based line in that file; 0 where no line is to blame.
    """

    severity: Severity
    code: str
    message: str
    hint: str = ""
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Format as ``tasks.md:41: error duplicate-id: message (hint)``."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: {self.severity} {self.code}: {self.message}{hint}"

    def to_dict(self) -> dict[str, str | int]:
        """Give the entry that ``problems`` has in JSON."""
        return {
            "line": self.line,
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }
