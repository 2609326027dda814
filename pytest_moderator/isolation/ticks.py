"""The box of a task on a branch, which is ticked in the commit that merges the task."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_moderator.isolation.git import Git
    from pytest_moderator.model import Task


@dataclass(frozen=True, slots=True)
class Tick:
    """A box that is to be ticked.

    Attributes:
        task: the task.
        path: its tasks file, relative to the top of the repository.
    """

    task: Task
    path: str

    def put_into(self, git: Git, tree: str) -> str:
        """Give a tree in which the box is ticked; the same one, where the file is not in it or has no such box.

        Raises:
            GitError: it cannot be made.
        """
        entry = git("ls-tree", "-z", tree, "--", f":(top,literal){self.path}").out.rstrip("\0")
        mode, _, rest = entry.partition(" ")
        if not rest.startswith("blob"):
            return tree
        with tempfile.TemporaryDirectory(prefix="moderator-") as name:
            file = Path(name) / "tasks.md"
            blob = rest.split()[1].partition("\t")[0]
            file.write_bytes(os.fsencode(git("cat-file", "blob", blob).out))
            if not self._tick(file):
                return tree
            ticked = git("hash-object", "-w", "--no-filters", "--", str(file)).line
            env = {"GIT_INDEX_FILE": str(Path(name) / "index")}
            git("read-tree", tree, env=env)
            git("update-index", "--cacheinfo", f"{mode},{ticked},{self.path}", env=env)
            return git("write-tree", env=env).line

    def _tick(self, file: Path) -> bool:
        from pytest_moderator.tasksfile import read_tasks_file  # noqa: PLC0415 (workers do without, mostly)
        from pytest_moderator.tasksfile.checkbox import CheckBoxes  # noqa: PLC0415 (likewise)

        before = file.read_bytes()
        tasks_file = read_tasks_file(file, self.path)
        if not any(task.id == self.task.id for task in tasks_file.tasks):
            return False
        return CheckBoxes(tasks_file).tick(self.task) is None and file.read_bytes() != before
