"""What a benchmark gives back: Markdown tables with a goal and a verdict beside each number."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Goal:
    """A number, the limit it is held against, and how to show both.

    Attributes:
        what: what was measured.
        value: the number.
        limit: the largest value that is still good.
        unit: shown after both.
        digits: how many digits after the point.
    """

    what: str
    value: float
    limit: float
    unit: str = ""
    digits: int = 2

    @property
    def met(self) -> bool:
        """Whether the number is within its limit."""
        return self.value <= self.limit

    def row(self) -> tuple[str, ...]:
        """Give the row of a table of goals."""
        unit = f" {self.unit}" if self.unit else ""
        return (
            self.what,
            f"{self.value:.{self.digits}f}{unit}",
            f"at most {self.limit:.{self.digits}f}{unit}",
            "met" if self.met else "**not met**",
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a head; every cell is text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        """Format as Markdown, in columns that line up."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        rule = tuple("-" * max(3, width) for width in widths)
        return "\n".join(self._line(line, widths) for line in [self.head, rule, *self.rows])

    @staticmethod
    def _line(cells: tuple[str, ...], widths: list[int]) -> str:
        return (
            "| "
            + " | ".join(cell.ljust(max(3, width)) for cell, width in zip(cells, widths, strict=True))
            + " |"
        )


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found.

    Attributes:
        title: its heading.
        tables: the measurements.
        goals: those of them that are held against a limit.
        notes: what a reader must know to judge them.
    """

    title: str
    tables: tuple[Table, ...] = ()
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        """Format as Markdown."""
        parts = [f"## {self.title}", *(str(table) for table in self.tables)]
        if self.goals:
            parts.append(str(goals_table(self.goals)))
        if self.notes:
            parts.append("\n".join(f"- {note}" for note in self.notes))
        return "\n\n".join(parts) + "\n"


def goals_table(goals: tuple[Goal, ...]) -> Table:
    """Put goals below each other."""
    return Table(("measured", "value", "goal", "verdict"), tuple(goal.row() for goal in goals))
