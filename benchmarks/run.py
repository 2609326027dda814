"""Run the benchmarks and print what they found as Markdown.

``python -m benchmarks.run`` runs all; names choose some; ``--quick`` shows that they work. The exit code tells
whether they could be run, not whether the goals were met.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.options import Options
from benchmarks.peers import PEERS, PeerMissingError
from benchmarks.peers.base import PEERS_VENV
from benchmarks.tables import Section, Table, goals_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.tables import Goal

BENCHMARKS = (
    "throughput",
    "scheduling",
    "latency",
    "planning",
    "startup",
    "journal",
    "resume",
    "views",
    "isolation",
)
PACKAGES = ("pytest-moderator", "pytest", "pytest-xdist")


class Printer:
    """Prints pieces as they come, and keeps them for a file."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def __call__(self, piece: object) -> None:
        """Print one piece."""
        self._pieces.append(str(piece))
        print(piece, flush=True)

    def save(self, path: Path) -> None:
        """Write all pieces to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self._pieces) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for.

    Returns:
        0, or 1 when a benchmark crashed.
    """
    parser = _parser()
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if asked.install_peers:
        install_peers()
    show = Printer()
    show(machine())
    goals: list[Goal] = []
    crashed = []
    for name in asked.names or BENCHMARKS:
        section = _run_one(name, Options(quick=asked.quick, seed=asked.seed))
        if section is None:
            crashed.append(name)
            show(f"## {name}: crashed\n")
        else:
            show(section)
            goals += section.goals
    show(
        f"## All goals\n\n{goals_table(tuple(goals))}\n\n{sum(goal.met for goal in goals)} of {len(goals)} met"
    )
    if asked.output:
        show.save(asked.output)
    return 1 if crashed else 0


def machine() -> Section:
    """Describe where the numbers come from."""
    rows = [
        ("machine", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("cores", f"{os.cpu_count()}, load before {os.getloadavg()[0]:.1f}"),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        *((package, importlib.metadata.version(package)) for package in PACKAGES),
    ]
    rows += [(peer.name, _version_of(peer.name)) for peer in PEERS if peer.name not in PACKAGES]
    return Section("Benchmarks", tables=(Table(("what", "version"), tuple(rows)),))


def install_peers() -> None:
    """Install the peers beside the project, each for itself, so that one that cannot be had stops no other."""
    if not PEERS_VENV.exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS_VENV], check=True)
    pip = [str(PEERS_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    for package in filter(None, (peer.package for peer in PEERS)):
        if subprocess.run([*pip, package], check=False).returncode:
            print(f"{package} could not be installed", file=sys.stderr)


def _run_one(name: str, options: Options) -> Section | None:
    started = time.perf_counter()
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        section: Section = importlib.import_module(f"benchmarks.{name}").measure(options)
    except Exception:  # noqa: BLE001 (one that crashed must not hide the others)
        traceback.print_exc()
        return None
    print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return section


def _version_of(name: str) -> str:
    peer = next(peer for peer in PEERS if peer.name == name)
    try:
        return peer.version()
    except PeerMissingError as error:
        return f"missing: {error}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="small sizes and few repeats")
    parser.add_argument("--seed", type=int, default=0, help="chooses the graphs")
    parser.add_argument("--output", type=Path, metavar="PATH", help="write the tables to a file too")
    parser.add_argument(
        "--install-peers", action="store_true", help=f"install the peers into {PEERS_VENV.name}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
