"""What a branch for a task costs, beside what plain git costs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import best, median
from benchmarks.tables import Goal, Section, Table
from pytest_moderator.isolation.git_place import GitPlace
from pytest_moderator.isolation.git_run import GitOptions, GitRun
from pytest_moderator.model import Task, TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.options import Options

MS = 1000
RUN_ID = "20260101-000000-0000"
CONFIGURATION = "[user]\nname = bench\nemail = bench@example.org\n"


def measure(options: Options) -> Section:
    """Time worktrees of a big repository, and whole tasks in a small one, in turn with plain git."""
    rounds, files = (3, 1000) if options.quick else (15, 10_000)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Path(name)
        (place / "config").write_text(CONFIGURATION)
        os.environ |= {"GIT_CONFIG_GLOBAL": str(place / "config"), "GIT_CONFIG_NOSYSTEM": "1"}
        big, small = make_repository(place / "big", files), make_repository(place / "small", 20)
        worktrees = _in_turn(rounds, lambda n: plain_worktree(big, n), lambda n: our_worktree(big, n))
        sparse = _in_turn(rounds, lambda n: our_worktree(big, n, sparse=("/d01/",)))
        tasks = _in_turn(rounds * 2, lambda n: plain_task(small, n), lambda n: our_task(small, n))
    rows = (
        _row(f"worktree of {files:,} files: git worktree add", worktrees[0]),
        _row(f"worktree of {files:,} files: ours", worktrees[1]),
        _row(f"worktree of {files:,} files, {files // 50} of them wanted: ours", sparse[0]),
        _row("small repository, a whole task: plain git", tasks[0]),
        _row("small repository, a whole task: ours", tasks[1]),
    )
    ratio = median([ours / plain for plain, ours in zip(*worktrees, strict=True)])
    return Section(
        "A branch for each task",
        tables=(Table(("what", "best ms", "median ms"), rows),),
        goals=(
            Goal(f"worktree of {files:,} files beside plain git worktree add", ratio, 1.3, "times"),
            Goal("a whole task in a small repository, besides its work", median(tasks[1]) * MS, 150, "ms", 1),
        ),
        notes=(
            f"{rounds} and {rounds * 2} times each, in turn; median of the ratios of neighbours",
            "a whole task: worktree, one file written, commit, merge, worktree and branch removed",
            "plain git: worktree add, add, commit, merge-tree, commit-tree, update-ref, worktree remove, branch -D",
            "one after another, in the directory for temporary files; nothing is synced",
        ),
    )


def make_repository(path: Path, files: int) -> GitRun:
    """Make a repository of small files in directories, and the run of a benchmark in it."""
    for number in range(files):
        file = path / f"d{number % 50:02}" / f"sub{number % 7}" / f"file-{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"line of file {number}\n" * 40)
    git(path, "init", "--quiet", "--initial-branch=main")
    (path / ".gitignore").write_text(".moderator/\n")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "begin")
    base = git(path, "rev-parse", "HEAD")
    area = path / ".moderator" / "worktrees" / RUN_ID
    run = GitRun(RUN_ID, path, "", path / ".git", base, "main", area)
    for ref in (run.ref, "refs/heads/plain"):
        git(path, "update-ref", ref, base)
    return run


def git(directory: Path, *arguments: str) -> str:
    """Run plain git."""
    ran = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def plain_worktree(run: GitRun, number: int) -> float:
    path = run.area.parent / f"plain-{number}"
    begun = time.perf_counter()
    git(run.top, "worktree", "add", "--quiet", "-b", f"plain-{number}", str(path), "main")
    taken = time.perf_counter() - begun
    git(run.top, "worktree", "remove", "--force", str(path))
    return taken


def our_worktree(run: GitRun, number: int, sparse: tuple[str, ...] = ()) -> float:
    name = f"W{number}{len(sparse)}"
    run = GitRun(
        **{**{name: getattr(run, name) for name in run.__slots__}, "options": GitOptions(sparse=sparse)}
    )
    with GitPlace(run, Task(name, "", 1), name) as place:
        begun = time.perf_counter()
        place.prepare()
        taken = time.perf_counter() - begun
        place.settle(TaskResult(Task(name, "", 1)))
    return taken


def plain_task(run: GitRun, number: int) -> float:
    """Do by hand what a task's place does."""
    begun = time.perf_counter()
    branch, path = f"plain-{number}", run.area.parent / f"plain-{number}"
    git(run.top, "worktree", "add", "--quiet", "-b", branch, str(path), "plain")
    (path / f"plain-{number}.txt").write_text("x\n")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "task")
    tree = git(run.top, "merge-tree", "--write-tree", "plain", branch)
    commit = git(run.top, "commit-tree", tree, "-p", "plain", "-p", branch, "-m", "merge")
    git(run.top, "update-ref", "refs/heads/plain", commit)
    git(run.top, "worktree", "remove", "--force", str(path))
    git(run.top, "branch", "--quiet", "-D", branch)
    return time.perf_counter() - begun


def our_task(run: GitRun, number: int) -> float:
    name = f"T{number:03}"
    begun = time.perf_counter()
    with GitPlace(run, Task(name, "task", 1), name) as place:
        place.prepare()
        (place.path / f"ours-{number}.txt").write_text("x\n")
        result = place.settle(TaskResult(Task(name, "task", 1)))
    taken = time.perf_counter() - begun
    assert result.commit, result.error_message
    return taken


def _in_turn(rounds: int, *ways: Callable[[int], float]) -> list[list[float]]:
    """Time several ways of doing something in turn; the first round is not counted."""
    times = [[way(number) for way in ways] for number in range(rounds + 1)][1:]
    return [list(column) for column in zip(*times, strict=True)]


def _row(what: str, times: Sequence[float]) -> tuple[str, ...]:
    return what, f"{best(times) * MS:.1f}", f"{median(times) * MS:.1f}"
