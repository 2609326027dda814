"""``moderator clean``: what is not needed goes, what is in no other place stays."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from repositories import RUN_ID, Repository, completed

from pytest_moderator.cli import main
from pytest_moderator.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_moderator.isolation.git_place import GitPlace
    from pytest_moderator.isolation.git_run import GitRun

    Clean = Callable[..., tuple[int, str]]

OTHER = "20260102-030406-0000"


@pytest.fixture
def clean(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Clean:
    """Run the command in the repository; give its exit code and what it said."""
    monkeypatch.chdir(repository.path)
    monkeypatch.delenv("MODERATOR_STATE_DIR", raising=False)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["clean", *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def do(repository: Repository, run: GitRun, task_id: str, *, success: bool = True, **files: str) -> GitPlace:
    """Do a task that writes files, and let it complete or fail."""
    status = TaskStatus.COMPLETED if success else TaskStatus.FAILED
    with repository.place(run, task_id) as place:
        place.prepare()
        for name, text in files.items():
            (place.path / name.replace("_", ".")).write_text(text)
        place.settle(completed(task_id, status=status))
    return place


def records(repository: Repository, run_id: str = RUN_ID) -> Path:
    return repository.write(f".moderator/runs/{run_id}/tasks/T001/stdout.log", "out\n").parents[2]


def test_nothing_is_there(repository: Repository, clean: Clean) -> None:
    (repository.path / ".moderator").mkdir()
    assert clean() == (0, "nothing to remove\n")


def test_what_was_merged_goes(repository: Repository, clean: Clean) -> None:
    run = repository.run(keep="all")
    place = do(repository, run, "T001", b_txt="b\n")
    folder = records(repository)
    repository.git("merge", "--quiet", run.integration)

    code, text = clean("--dry-run")
    assert code == 0
    assert text.splitlines() == [
        f"would remove worktree .moderator/worktrees/{RUN_ID}/tasks/T001",
        f"would remove branch {run.integration}",
        f"would remove branch {place.branch}",
        f"would remove records .moderator/runs/{RUN_ID}",
        "would remove 1 worktree, 2 branches, 1 run",
    ]
    assert place.path.exists()
    assert clean()[0] == 0
    assert not place.path.exists()
    assert not folder.exists()
    assert repository.branches() == ["main"]
    assert not (repository.path / ".moderator" / "worktrees").exists()
    repository.is_sound()


def test_what_is_in_no_other_place_stays(repository: Repository, clean: Clean) -> None:
    run = repository.run()
    do(repository, run, "T001", b_txt="b\n")
    failed = do(repository, run, "T002", success=False, half_txt="half\n")
    noisy = do(repository, run, "T003", success=False, noise_log="noise\n")
    again = do(repository, run, "T004", success=False, first_txt="first\n")
    with repository.place(run, "T004") as place:
        place.prepare(again=True, attempt=2)
        place.settle(completed("T004"))
    folder = records(repository)

    code, text = clean("--all")
    assert code == 0
    kept = [line.removeprefix("kept ") for line in text.splitlines() if line.startswith("kept ")]
    assert kept == [
        f"worktree .moderator/worktrees/{RUN_ID}/tasks/T002: only there: half.txt",
        f"worktree .moderator/worktrees/{RUN_ID}/tasks/T003: only there: noise.log",
        f"branch {run.integration}: it is merged nowhere; git merge {run.integration} takes it over",
        f"branch {failed.branch}: its worktree is kept",
        f"branch {noisy.branch}: its worktree is kept",
        kept[5],
        f"records .moderator/runs/{RUN_ID}: other things of the run are kept",
    ]
    assert kept[5].startswith(f"try refs/moderator/{RUN_ID}/T004/1-")
    assert "7 kept, --force removes them too" in text
    assert not again.path.exists()
    assert folder.exists()

    assert clean("--force")[0] == 0
    assert repository.branches() == ["main"]
    assert not repository.worktrees()
    assert repository.git("for-each-ref", "refs/moderator") == ""
    assert not folder.exists()


def test_what_others_made_is_never_touched(repository: Repository, clean: Clean, tmp_path: Path) -> None:
    repository.git("branch", "moderator/mine")
    repository.git("branch", f"moderator-{RUN_ID}")
    repository.git("worktree", "add", "--quiet", "-b", "wt", str(tmp_path / "wt"))
    repository.write(".moderator/runs/notes/a.txt", "a\n")
    assert clean("--all", "--force") == (0, "nothing to remove\n")


def test_runs_of_another_checkout_are_left_alone(
    repository: Repository, clean: Clean, tmp_path: Path
) -> None:
    place = do(repository, repository.run(), "T001", success=False, a_txt="1\n")
    repository.git("worktree", "add", "--quiet", "-b", "wt", str(tmp_path / "wt"))
    (tmp_path / "wt" / ".moderator").mkdir()
    there = f"left alone, for they are not of {tmp_path / 'wt' / '.moderator'}: {RUN_ID}; --run removes one of them\n"
    elsewhere = ("--state-dir", str(tmp_path / "wt" / ".moderator"))
    assert clean("--all", "--force", *elsewhere) == (0, f"nothing to remove\n{there}")
    assert place.path.exists()
    assert clean("--run", RUN_ID, "--force", *elsewhere)[0] == 0
    assert not place.path.exists()


def test_copies_of_included_files_are_no_work(repository: Repository, clean: Clean) -> None:
    repository.write(".env", "A=1\n")
    repository.write("node_modules/x/index.js", "x\n")
    run = replace(repository.run(), included=(".env", "node_modules"))
    same = do(repository, run, "T001", success=False)
    other = do(repository, run, "T002", success=False, _env="A=2\n")
    linked = repository.place(run, "T003")
    with linked as place:
        place.prepare()
        (place.path / "node_modules" / "mine.js").write_text("mine\n")
        place.settle(completed("T003", status=TaskStatus.FAILED))
    text = clean("--all")[1]
    assert not same.path.exists()
    assert "T002: only there: .env\n" in text
    assert "T003: only there: node_modules\n" in text
    assert other.path.exists()
    assert (repository.path / "node_modules" / "x" / "index.js").exists()


def test_half_of_a_worktree_and_one_that_is_gone(repository: Repository, clean: Clean) -> None:
    run = repository.run()
    gone = do(repository, run, "T001", success=False)
    half = repository.place(run, "T002").path
    repository.git("worktree", "add", "--quiet", "--lock", "--detach", str(half))
    shutil.rmtree(gone.path)
    assert clean("--all")[0] == 0
    assert not list((repository.path / ".git" / "worktrees").glob("*"))
    assert repository.branches() == ["main"]


def test_a_worktree_at_a_commit_without_a_branch(repository: Repository, clean: Clean) -> None:
    place = do(repository, repository.run(), "T001", success=False)
    repository.git("checkout", "--quiet", "--detach", at=place.path)
    repository.git("commit", "--quiet", "--allow-empty", "--message", "lost", at=place.path)
    assert "T001: it is at a commit that no branch has" in clean("--all")[1]


def test_one_run_by_the_beginning_of_its_id(repository: Repository, clean: Clean) -> None:
    for run_id in (RUN_ID, OTHER):
        records(repository, run_id)
    code, text = clean("--run", RUN_ID[:-6])
    assert code == 1
    assert f"may be {OTHER} or {RUN_ID}" in text
    assert "has left nothing here" in clean("--run", "2019")[1]
    assert clean("--run", OTHER) == (0, f"removed records .moderator/runs/{OTHER}\nremoved 1 run\n")


def test_artifacts_keep_the_records(repository: Repository, clean: Clean) -> None:
    folder = records(repository)
    repository.write(f".moderator/runs/{RUN_ID}/tasks/T001/artifacts/app.whl", "x\n")
    assert "tasks have left artifacts there" in clean("--all")[1]
    assert folder.exists()


def test_without_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("MODERATOR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state" / "runs" / RUN_ID).mkdir(parents=True)
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == f"removed records state/runs/{RUN_ID}\nremoved 1 run\n"
