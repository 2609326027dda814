"""A place for each task: its worktree, its commit, its merge."""

from __future__ import annotations

import multiprocessing

from repositories import RUN_ID, Repository, completed

from pytest_moderator.isolation.git_place import GitPlace
from pytest_moderator.isolation.git_run import GitRun
from pytest_moderator.model import Task, TaskStatus


def do_task(data: dict[str, object], number: int) -> str:
    """Do a task in a process of its own."""
    run = GitRun.from_dict(data)
    name = f"T{number:03}"
    place = GitPlace(run, Task(name, f"Write file {number}", 1), name)
    place.prepare()
    (place.path / f"file-{number}.txt").write_text(f"{number}\n")
    result = place.settle(completed(name))
    return result.error_message or ""


def test_eight_at_once(repository: Repository) -> None:
    run = repository.run()
    before = (repository.head, repository.git("status", "--porcelain"))
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        errors = pool.starmap(do_task, [(run.to_dict(), number) for number in range(8)], chunksize=1)

    assert errors == [""] * 8
    merges = repository.git("log", "--merges", "--first-parent", "--format=%s", run.ref).splitlines()
    assert sorted(merges) == [f"Merge T{number:03}: Write file {number}" for number in range(8)]
    assert {f"file-{number}.txt" for number in range(8)} <= set(repository.files(run.ref))
    assert (repository.head, repository.git("status", "--porcelain")) == before
    assert repository.branches() == ["main", f"moderator/{RUN_ID}"]
    assert not repository.worktrees()
    repository.is_sound()


def test_the_same_lines_conflict(repository: Repository) -> None:
    run = repository.run()
    one, other = repository.place(run, "T001"), repository.place(run, "T002")
    for place, text in ((one, "ONE\n"), (other, "other\n")):
        place.prepare()
        (place.path / "a.txt").write_text(text)
    won, lost = one.settle(completed("T001")), other.settle(completed("T002"))

    assert won.success
    assert (lost.status, lost.category) == (TaskStatus.FAILED, "conflict")
    assert "conflict in a.txt" in (lost.error_message or "")
    assert run.integration in (lost.error_message or "")
    assert other.branch in (lost.error_message or "")
    assert repository.show(run.ref, "a.txt") == "ONE"
    assert repository.show(other.branch, "a.txt") == "other"
    assert (lost.worktree, lost.branch) == (other.path, other.branch)
    shown = (lost.error_message or "").partition("; git ")[2].removesuffix(" shows it")
    assert "CONFLICT (content): Merge conflict in a.txt" in repository.git(*shown.split(), check=False)
    repository.is_sound()


def test_a_dependent_sees_what_was_done(repository: Repository) -> None:
    run = repository.run()
    first = repository.place(run, "T001")
    first.prepare()
    (first.path / "made.txt").write_text("made\n")
    assert first.settle(completed("T001")).commit == repository.git("rev-parse", run.ref)
    second = repository.place(run, "T002")
    second.prepare()
    assert (second.path / "made.txt").read_text() == "made\n"
