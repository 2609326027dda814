"""Workflow engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from benchmarks.peers.base import Peer, package_version, peers_python, program

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.dags import Dag


class _PythonPeer(Peer):
    """A library: the graph is a script that takes the number of workers."""

    module: ClassVar[str]
    script: ClassVar[str]

    def write(self, dag: Dag, directory: Path) -> None:
        graph = {node.id: (node.command, list(node.depends_on)) for node in dag.nodes}
        (directory / "graph.py").write_text(f"GRAPH = {graph!r}\n")
        (directory / "tasks.py").write_text(self.script)

    def command(self, workers: int) -> list[str]:
        return [peers_python(self.module), "tasks.py", str(workers)]

    def version(self) -> str:
        return package_version(peers_python(self.module), self.module)


class Snakemake(Peer):
    """One rule a task, each with a stamp file."""

    name: ClassVar[str] = "Snakemake"
    package: ClassVar[str | None] = "snakemake"

    def write(self, dag: Dag, directory: Path) -> None:
        stamps = [f"done/{node.id}" for node in dag.nodes]
        rules = [f"rule all:\n    input: {stamps!r}\n"]
        for node in dag.nodes:
            before = [f"done/{task}" for task in node.depends_on]
            rules.append(
                f"rule {node.id}:\n"
                f"    input: {before!r}\n"
                f"    output: touch('done/{node.id}')\n"
                f"    shell: {' '.join(node.command)!r}\n"
            )
        (directory / "Snakefile").write_text("\n".join(rules))

    def command(self, workers: int) -> list[str]:
        return [program("snakemake"), "--quiet", "all", "--cores", str(workers)]


class Luigi(_PythonPeer):
    """Its local scheduler, with one stamp file a task."""

    name: ClassVar[str] = "Luigi"
    package: ClassVar[str | None] = "luigi"
    module: ClassVar[str] = "luigi"
    script: ClassVar[str] = """\
import subprocess
import sys
from pathlib import Path

import luigi
from graph import GRAPH


class Step(luigi.Task):
    name = luigi.Parameter()

    def requires(self):
        return [Step(name=before) for before in GRAPH[self.name][1]]

    def output(self):
        return luigi.LocalTarget(f"done/{self.name}")

    def run(self):
        subprocess.run(GRAPH[self.name][0], check=True)
        Path(self.output().path).touch()


if __name__ == "__main__":
    Path("done").mkdir()
    steps = [Step(name=name) for name in GRAPH]
    done = luigi.build(steps, workers=int(sys.argv[1]), local_scheduler=True, log_level="WARNING")
    sys.exit(not done)
"""


class Dask(_PythonPeer):
    """A LocalCluster with one thread a worker process."""

    name: ClassVar[str] = "Dask LocalCluster"
    package: ClassVar[str | None] = "dask[distributed]"
    module: ClassVar[str] = "distributed"
    script: ClassVar[str] = """\
import subprocess
import sys

from dask.distributed import Client, LocalCluster
from graph import GRAPH


def step(command, *before):
    subprocess.run(command, check=True)


if __name__ == "__main__":
    workers = int(sys.argv[1])
    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            futures = {}
            for name, (command, before) in GRAPH.items():
                inputs = [futures[task] for task in before]
                futures[name] = client.submit(step, command, *inputs, key=name, pure=False)
            client.gather(list(futures.values()))
"""
