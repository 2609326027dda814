"""Ours, and plain pytest-xdist: both in the environment that runs the benchmarks."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from typing import TYPE_CHECKING, ClassVar

from benchmarks.peers.base import Peer, package_version

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.dags import Dag, Node
    from benchmarks.measure import Outcome

OUR_PLUGINS = {"moderator", "xdist", "xdist.looponfail"}


class _PytestPeer(Peer):
    def version(self) -> str:
        return package_version(sys.executable, self.name)

    def complaint(self, outcome: Outcome, dag: Dag) -> str | None:
        passed = re.search(r"(\d+) passed", outcome.output)
        if outcome.exit_code == 0 and passed and int(passed[1]) == len(dag.nodes):
            return None
        return f"exit code {outcome.exit_code}: {outcome.last_lines}"


class Moderator(_PytestPeer):
    """``pytest --moderator tasks.md``."""

    name: ClassVar[str] = "pytest-moderator"

    def write(self, dag: Dag, directory: Path) -> None:
        (directory / "pytest.ini").write_text("[pytest]\n")
        (directory / "tasks.md").write_text(tasks_text(dag))

    def command(self, workers: int) -> list[str]:
        pytest = [sys.executable, "-m", "pytest", "--moderator", "tasks.md", "-q"]
        return [*pytest, "-n", str(workers), *without_other_plugins()]


class PlainXdist(_PytestPeer):
    """Tests that spawn the task's command, without our plugin."""

    name: ClassVar[str] = "pytest-xdist"
    knows_dependencies: ClassVar[bool] = False

    def write(self, dag: Dag, directory: Path) -> None:
        tests = "".join(
            f"\n\ndef test_{node.id}():\n    subprocess.run({node.command!r}, check=True)\n"
            for node in dag.nodes
        )
        (directory / "pytest.ini").write_text("[pytest]\n")
        (directory / "test_tasks.py").write_text(f"import subprocess\n{tests}")

    def command(self, workers: int) -> list[str]:
        pytest = [sys.executable, "-m", "pytest", "test_tasks.py", "-q", "-p", "no:moderator"]
        return [*pytest, "-n", str(workers), *without_other_plugins()]


def without_other_plugins() -> list[str]:
    """Give the arguments that keep out every plugin but ours and xdist, and the cache directory."""
    installed = {found.name for found in importlib.metadata.entry_points(group="pytest11")}
    others = [*sorted(installed - OUR_PLUGINS), "cacheprovider"]
    return [argument for name in others for argument in ("-p", f"no:{name}")]


def tasks_text(dag: Dag, *, order: str = "explicit", estimates: bool = False) -> str:
    """Write a graph as a tasks file.

    Args:
        dag: the graph.
        order: the order mode, for the front matter.
        estimates: whether each task says how long it takes.
    """
    head = f"---\nmoderator:\n  order: {order}\n---\n# Tasks: {dag.name}\n\n## Phase 1: All\n\n"
    return head + "".join(_task_lines(node, estimates=estimates) for node in dag.nodes)


def _task_lines(node: Node, *, estimates: bool) -> str:
    what = f"Sleep for {node.seconds * 1000:.0f} ms" if node.seconds else "Do nothing"
    after = f" (depends on {', '.join(node.depends_on)})" if node.depends_on else ""
    estimate = f"  - estimate: {max(1, node.seconds * 1000):.0f}ms\n" if estimates else ""
    return f"- [ ] {node.id} {what}{after}\n  - run: `{' '.join(node.command)}`\n{estimate}"
