"""``moderator clean``: remove what runs have left, unless it is in no other place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.cli._options import add_state_dir

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pytest_moderator.isolation.cleaning import Leftover, Leftovers
    from pytest_moderator.journal import RunSummary

_PLACE = ".moderator"
_KINDS = {
    "worktree": ("worktree", "worktrees"),
    "branch": ("branch", "branches"),
    "try": ("try", "tries"),
    "records": ("run", "runs"),
}


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    text = "Remove the worktrees, branches and records of runs that are not needed any more"
    parser = commands.add_parser(
        "clean", help=text, description=f"{text}. What is in no other place stays, unless it is forced."
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="RUN", dest="run_id", help="This run: its id, or how that begins")
    which.add_argument(
        "--all",
        action="store_true",
        help="All runs of this place, also the last one of each file, but for those that are alive",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Say what would be removed, and remove nothing"
    )
    parser.add_argument("--force", action="store_true", help="Remove also what is in no other place")
    add_state_dir(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pytest_moderator.isolation.cleaning import Leftovers  # noqa: PLC0415 (other sub-commands do without)

    state_dir = _find(arguments.state_dir)
    leftovers = Leftovers(state_dir)
    runs = _known(state_dir)
    others = _of_others(runs, leftovers)
    counts: Counter[str] = Counter()
    failures = 0
    for run_id, records in _choose(arguments, runs, leftovers, others):
        for leftover in leftovers.of(run_id, records=records, force=arguments.force):
            failures += not _treat(leftovers, run_id, leftover, arguments, counts)
    _sum_up(counts, dry=arguments.dry_run)
    if others and not arguments.run_id:
        print(f"left alone, for they are not of {state_dir}: {', '.join(others)}; --run removes one of them")
    return int(failures > 0)


def _treat(
    leftovers: Leftovers, run_id: str, leftover: Leftover, arguments: argparse.Namespace, counts: Counter[str]
) -> bool:
    """Remove one thing, or say why not; give whether all went well."""
    from pytest_moderator.cli._console import one_line  # noqa: PLC0415 (likewise)
    from pytest_moderator.errors import ModeratorError  # noqa: PLC0415 (likewise)

    what = f"{leftover.kind} {one_line(_relative(leftover))}"
    if leftover.reason:
        counts["kept"] += 1
        print(f"kept {what}: {one_line(leftover.reason)}")
        return True
    if not arguments.dry_run:
        try:
            leftovers.remove(run_id, leftover)
        except ModeratorError as error:
            print(f"kept {what}: {one_line(str(error))}")
            return False
    counts[leftover.kind] += 1
    print(f"{'would remove' if arguments.dry_run else 'removed'} {what}")
    return True


def _choose(
    arguments: argparse.Namespace, runs: _Runs, leftovers: Leftovers, others: Sequence[str]
) -> Iterator[tuple[str, bool]]:
    """Go through the runs that are meant, each with whether its records are meant too.

    Raises:
        ModeratorError: there is no such run, or it is alive.
    """
    from pytest_moderator.errors import ModeratorError  # noqa: PLC0415 (likewise)

    if arguments.run_id:
        found = [run_id for run_id in leftovers.runs if run_id.startswith(arguments.run_id)]
        if len(found) != 1:
            what = "has left nothing here" if not found else f"may be {' or '.join(found[:3])}"
            raise ModeratorError(
                f"run {arguments.run_id!r} {what}; moderator clean --all --dry-run lists all"
            )
        elsewhere = (_known(place) for place in leftovers.places(found[0]) - {runs.place})
        if any(found[0] in known.alive for known in (runs, *elsewhere)):
            raise ModeratorError(f"run {found[0]} is alive: moderator cancel ends it")
        yield found[0], True
        return
    for run_id in leftovers.runs:
        if run_id not in (*others, *runs.alive) and (arguments.all or run_id not in runs.unfinished):
            yield run_id, arguments.all or run_id not in runs.last


def _of_others(runs: _Runs, leftovers: Leftovers) -> list[str]:
    """Name the runs that have nothing here: another checkout of the repository may still need what they have left."""
    return [run for run in leftovers.runs if run not in runs.all and runs.place not in leftovers.places(run)]


class _Runs(NamedTuple):
    """The runs that the journal of a place knows."""

    place: Path
    all: frozenset[str] = frozenset()
    alive: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()  # they can be gone on with
    last: frozenset[str] = frozenset()  # of their files


def _known(state_dir: Path) -> _Runs:
    from pytest_moderator.journal import JournalReader, RunStatus  # noqa: PLC0415 (likewise)

    if not (state_dir / "state.db").exists():
        return _Runs(state_dir)
    reader = JournalReader(state_dir)
    try:
        runs = reader.runs(limit=100_000)
    finally:
        reader.close()
    last: dict[frozenset[str], RunSummary] = {}
    for run in runs:
        last.setdefault(frozenset(run.files), run)
    return _Runs(
        state_dir,
        all=frozenset(run.id for run in runs),
        alive=frozenset(run.id for run in runs if run.alive),
        unfinished=frozenset(run.id for run in last.values() if run.status is not RunStatus.COMPLETED),
        last=frozenset(run.id for run in last.values()),
    )


def _find(given: str | None) -> Path:
    """Find the directory of the records.

    Raises:
        ModeratorError: there is none.
    """
    import os  # noqa: PLC0415 (likewise)

    from pytest_moderator.errors import ModeratorError  # noqa: PLC0415 (likewise)

    if named := given or os.environ.get("MODERATOR_STATE_DIR"):
        return Path(named).absolute()
    here = Path.cwd()
    for directory in (here, *here.parents):
        if (directory / _PLACE).is_dir():
            return directory / _PLACE
    raise ModeratorError(
        f"there is no {_PLACE} in {str(here)!r}, nor in a directory above it: name the place of the records with "
        "--state-dir"
    )


def _relative(leftover: Leftover) -> str:
    path = Path(leftover.name)
    if leftover.kind in ("worktree", "records") and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return leftover.name


def _sum_up(counts: Counter[str], *, dry: bool) -> None:
    removed = [f"{counts[kind]} {words[counts[kind] > 1]}" for kind, words in _KINDS.items() if counts[kind]]
    verb = "would remove" if dry else "removed"
    text = f"{verb} {', '.join(removed)}" if removed else "nothing to remove"
    print(f"{text}; {counts['kept']} kept, --force removes them too" if counts["kept"] else text)
