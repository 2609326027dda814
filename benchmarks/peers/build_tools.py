"""Build tools and command runners."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from benchmarks.peers.base import Peer, program

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.dags import Dag


class Doit(Peer):
    """Its default: worker processes, commands without a shell."""

    name: ClassVar[str] = "doit"
    package: ClassVar[str | None] = "doit"

    def write(self, dag: Dag, directory: Path) -> None:
        graph = {node.id: (node.command, [f"step:{task}" for task in node.depends_on]) for node in dag.nodes}
        (directory / "dodo.py").write_text(
            f"GRAPH = {graph!r}\n\n\n"
            "def task_step():\n"
            "    for name, (command, before) in GRAPH.items():\n"
            '        yield {"name": name, "actions": [command], "task_dep": before}\n'
        )

    def command(self, workers: int) -> list[str]:
        return [program("doit"), "run", "-n", str(workers)]


class Just(Peer):
    """Recipes with its attribute ``[parallel]``."""

    name: ClassVar[str] = "just"
    package: ClassVar[str | None] = "rust-just"

    def write(self, dag: Dag, directory: Path) -> None:
        everything = " ".join(node.id for node in dag.nodes)
        recipes = [f"[parallel]\nall: {everything}\n"]
        recipes += [
            f"[parallel]\n{node.id}: {' '.join(node.depends_on)}\n    @{' '.join(node.command)}\n"
            for node in dag.nodes
        ]
        (directory / "justfile").write_text("\n".join(recipes))

    def command(self, workers: int) -> list[str]:
        return [program("just"), "--jobs", str(workers), "all"]


class GoTask(Peer):
    """``deps`` of a Taskfile, each run once."""

    name: ClassVar[str] = "go-task"
    package: ClassVar[str | None] = "go-task-bin"

    def write(self, dag: Dag, directory: Path) -> None:
        everything = ", ".join(node.id for node in dag.nodes)
        lines = ["version: '3'", "silent: true", "run: once", "tasks:"]
        lines += ["  default:", f"    deps: [{everything}]"]
        for node in dag.nodes:
            lines += [
                f"  {node.id}:",
                f"    deps: [{', '.join(node.depends_on)}]",
                f"    cmd: '{' '.join(node.command)}'",
            ]
        (directory / "Taskfile.yml").write_text("\n".join(lines) + "\n")

    def command(self, workers: int) -> list[str]:
        return [program("task"), "--concurrency", str(workers)]


class Ninja(Peer):
    """One build edge a task, with an output that is never made."""

    name: ClassVar[str] = "ninja"
    package: ClassVar[str | None] = "ninja"

    def write(self, dag: Dag, directory: Path) -> None:
        lines = ["rule step", "  command = $do", ""]
        for node in dag.nodes:
            lines += [
                f"build {node.id}: step {' '.join(node.depends_on)}",
                f"  do = {' '.join(node.command)}",
            ]
        (directory / "build.ninja").write_text("\n".join(lines) + "\n")

    def command(self, workers: int) -> list[str]:
        return [program("ninja"), "--quiet", "-j", str(workers)]


class Make(Peer):
    """Phony targets."""

    name: ClassVar[str] = "make"

    def write(self, dag: Dag, directory: Path) -> None:
        everything = " ".join(node.id for node in dag.nodes)
        rules = [f"all: {everything}\n.PHONY: all {everything}"]
        rules += [
            f"{node.id}: {' '.join(node.depends_on)}\n\t@{' '.join(node.command)}" for node in dag.nodes
        ]
        (directory / "Makefile").write_text("\n".join(rules) + "\n")

    def command(self, workers: int) -> list[str]:
        return [program("make"), "-s", "-j", str(workers)]
