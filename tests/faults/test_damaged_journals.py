"""The journal is damaged between a crash and the next start: what is left of it counts, or it is set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from faulty import BOTH
from ledger import Journal, Ledger, check_complete, check_done, often

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faulty import Project

RESUME = "--moderator-resume"


def cut(path: Path, ledger: Ledger) -> None:
    """End a file anywhere, as a crash of the machine may."""
    with path.open("r+b") as file:
        file.truncate(ledger.random.randrange(path.stat().st_size + 1))


def scribble(path: Path, ledger: Ledger) -> None:
    """Write anything somewhere into a file, or zeros."""
    size = path.stat().st_size
    place = ledger.random.randrange(max(1, size - 512))
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes(512) if ledger.random.random() < 0.3 else ledger.random.randbytes(512))


@BOTH
@pytest.mark.parametrize("name", ["state.db", "state.db-wal"])
@pytest.mark.parametrize("damage", [cut, scribble])
@pytest.mark.parametrize("seed", often(1, 25))
def test_damage(
    project: Project, workers: tuple[str, ...], damage: Callable[..., None], name: str, seed: int
) -> None:
    """What is left is a state that there was, so that nothing counts as done which was not."""
    ledger = Ledger(project, f"{damage.__name__} {name} {workers} {seed}")
    run = ledger.start(*workers)
    ledger.until_written(run, ledger.random.randint(1, 2 * len(ledger.ids) - 2))
    run.kill_session()
    before = Journal(project).runs[-1]["id"]
    journal = project.path / ".moderator" / name
    if not journal.exists():  # the last one who reads it tidies up
        journal = project.path / ".moderator" / "state.db"
    damage(journal, ledger)
    ended = ledger.run(RESUME, *workers).sound
    aside = list((project.path / ".moderator").glob("state.db.damaged-*"))
    if Journal(project).runs[-1]["id"] == before:
        if journal.suffix == ".db" and damage is scribble:  # there may be nonsense where nobody has looked
            check_done(ledger, ended)
        else:
            check_complete(ledger, ended)
        return
    # Nothing is known any more, so that all is done anew; that is said, and what there was is kept.
    assert "this is a new one" in ended.output
    assert bool(aside) == ("it was set aside as" in ended.output)
    ledger.forgotten.add(before)
    check_complete(ledger, ended)
