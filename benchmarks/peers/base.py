"""What a peer has to say about itself."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from benchmarks.dags import Dag
    from benchmarks.measure import Outcome

PEERS_VENV = Path(__file__).resolve().parents[2] / ".venv-bench"


class PeerMissingError(Exception):
    """A peer is not installed here."""


class Peer(ABC):
    """A tool that runs a graph of tasks.

    Attributes:
        name: what tables call it.
        package: what to install from the package index; ``None`` where it comes from elsewhere.
        knows_dependencies: whether it can run more than independent tasks.
    """

    name: ClassVar[str]
    package: ClassVar[str | None] = None
    knows_dependencies: ClassVar[bool] = True

    @abstractmethod
    def write(self, dag: Dag, directory: Path) -> None:
        """Write the graph as this tool reads it."""

    @abstractmethod
    def command(self, workers: int) -> list[str]:
        """Give the command that runs it, from that directory.

        Raises:
            PeerMissingError: the tool is not installed.
        """

    def version(self) -> str:
        """Give the tool's version in a few words.

        Raises:
            PeerMissingError: the tool is not installed.
        """
        program = self.command(1)[0]
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        lines = (done.stdout or done.stderr).strip().splitlines()
        return lines[0] if lines else "unknown"

    def complaint(self, outcome: Outcome, dag: Dag) -> str | None:  # noqa: ARG002 (others look at the graph)
        """Say what went wrong in a run; ``None`` when it did what it should."""
        return None if outcome.exit_code == 0 else f"exit code {outcome.exit_code}: {outcome.last_lines}"


def program(name: str) -> str:
    """Find a program of the peers' environment, or else of the machine.

    Raises:
        PeerMissingError: it is in neither.
    """
    found = shutil.which(name, path=str(PEERS_VENV / "bin")) or shutil.which(name)
    if found is None:
        raise PeerMissingError(f"{name} is not installed")
    return found


def peers_python(module: str) -> str:
    """Give the Python of the peers' environment, which has to have a module.

    Raises:
        PeerMissingError: the environment or the module is not there.
    """
    python = PEERS_VENV / "bin" / "python"
    finds = "import sys, importlib.util as u; sys.exit(u.find_spec(sys.argv[1]) is None)"
    if not python.exists() or subprocess.run([python, "-c", finds, module], check=False).returncode:
        raise PeerMissingError(f"{module} is not installed")
    return str(python)


def package_version(python: str, package: str) -> str:
    """Give the version of a package that a Python has."""
    asks = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
    done = subprocess.run([python, "-c", asks, package], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
