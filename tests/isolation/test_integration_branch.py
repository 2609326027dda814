"""The branch of a run: made before the first task, handed over after the last one; and what serves it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from repositories import RUN_ID, Repository, completed

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import branches, repo_lock
from pytest_moderator.isolation import git as git_module
from pytest_moderator.isolation.branches import Outcome, begin, finish
from pytest_moderator.isolation.git import Git, GitError
from pytest_moderator.isolation.git_run import GitRun
from pytest_moderator.isolation.repo_lock import PlaceLock
from pytest_moderator.isolation.repo_lock import repo_lock as hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def start(repository: Repository, tmp_path: Path) -> Callable[..., GitRun]:
    """Begin a run with some options."""

    def begin_run(**options: object) -> GitRun:
        run = repository.run(**options)
        repository.git("update-ref", "-d", run.ref)
        begin(run, tmp_path)
        return run

    return begin_run


def do(repository: Repository, run: GitRun, task_id: str = "T001") -> None:
    with repository.place(run, task_id) as place:
        place.prepare()
        (place.path / f"{task_id}.txt").write_text("x\n")
        assert place.settle(completed(task_id)).success


class TestBegin:
    def test_it_is_there_and_remembered(self, repository: Repository, start, tmp_path: Path) -> None:
        run = start()
        assert repository.git("rev-parse", run.ref) == run.base
        assert GitRun.load(tmp_path) == run
        assert run.area.is_dir()
        assert "/.moderator/worktrees/" in (repository.path / ".git/info/exclude").read_text().splitlines()

    def test_the_place_of_worktrees_is_hidden_once(self, repository: Repository, start, tmp_path) -> None:
        exclude = repository.path / ".git" / "info" / "exclude"
        exclude.write_text("mine")
        run = start()
        begin(run.continued(), tmp_path)
        assert exclude.read_text() == "mine\n/.moderator/worktrees/\n"

    def test_worktrees_elsewhere_need_not_be_hidden(self, repository: Repository, tmp_path: Path) -> None:
        run = replace(repository.run(), area=tmp_path / "elsewhere" / RUN_ID).continued()
        (repository.path / ".git" / "info" / "exclude").unlink(missing_ok=True)
        begin(run, tmp_path)
        assert not (repository.path / ".git" / "info" / "exclude").exists()
        do(repository, run)

    def test_a_name_in_use_is_refused_unless_the_run_goes_on(self, start, tmp_path: Path) -> None:
        run = start()
        with pytest.raises(ModeratorError, match=f"there is a branch moderator/{RUN_ID} already"):
            begin(run, tmp_path)
        begin(run.continued(), tmp_path)

    def test_a_branch_that_is_gone_is_made_again(self, repository: Repository, start, tmp_path) -> None:
        run = start()
        repository.git("update-ref", "-d", run.ref)
        begin(run.continued(), tmp_path)
        assert repository.git("rev-parse", run.ref) == run.base

    def test_uncommitted_changes_are_taken_along(self, repository: Repository, start) -> None:
        repository.write("a.txt", "changed\n")
        repository.write("new.txt", "new\n")
        repository.write("noise.log", "noise\n")
        repository.git("rm", "--quiet", "tasks.md")
        before = repository.git("status", "--porcelain")
        run = start(dirty="include")
        assert repository.git("status", "--porcelain") == before
        assert repository.files(run.ref) == [".gitignore", "a.txt", "new.txt"]
        assert repository.show(run.ref, "a.txt") == "changed"
        assert repository.git("log", "-1", "--format=%s", run.ref) == "Take uncommitted changes along"
        assert not list((repository.path / ".git").glob("moderator-*"))

    def test_a_lock_that_nobody_holds_is_removed(
        self, repository: Repository, start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = start()
        monkeypatch.setattr(branches, "_PATIENCE", 0.05)
        lock = repository.path / ".git" / "packed-refs.lock"
        lock.touch()
        os.utime(lock, (1, 1))  # no process is older
        begin(run.continued(), tmp_path)
        assert not lock.exists()

    @pytest.mark.parametrize("whose", ["git at work", "git elsewhere", "dead git"])
    def test_a_lock_of_somebody_else_stays(
        self, repository: Repository, start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
    ) -> None:
        run = start()
        monkeypatch.setattr(branches, "_PATIENCE", 0.05)
        lock = repository.path / ".git" / "packed-refs.lock"
        git = tmp_path / "git"
        git.symlink_to("/bin/sleep")
        elsewhere = "/" if whose == "git elsewhere" else repository.path
        with subprocess.Popen([str(git), "60"], cwd=elsewhere) as other:
            if whose == "dead git":
                other.kill()
                os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
            lock.touch()
            future = time.time() + 60
            os.utime(lock, (future, future))
            begin(run.continued(), tmp_path)
            assert lock.exists() == (whose == "git at work")
            other.kill()

    def test_a_record_that_cannot_be_read(self, tmp_path: Path) -> None:
        assert GitRun.load(tmp_path) is None
        (tmp_path / "git.json").write_text("{}")
        assert GitRun.load(tmp_path) is None


class TestFinish:
    def test_it_is_left_for_the_user(self, repository: Repository, start) -> None:
        run = start()
        do(repository, run)
        do(repository, run, "T002")
        assert finish(run) == Outcome(2)
        assert not run.area.exists()
        assert repository.git("rev-parse", "main") == run.base

    def test_nothing_was_merged(self, repository: Repository, start) -> None:
        run = start()
        assert finish(run) == Outcome(0)
        assert repository.branches() == ["main"]

    def test_nothing_was_merged_yet(self, repository: Repository, start) -> None:
        run = start()
        with repository.place(run) as place:
            place.prepare()
        assert finish(run) == Outcome(0)
        assert run.integration in repository.branches()

    def test_forward(self, repository: Repository, start) -> None:
        run = start(merge="fast-forward")
        do(repository, run)
        assert finish(run, ended=False) == Outcome(1)
        assert finish(run) == Outcome(1, forwarded=True)
        assert (repository.path / "T001.txt").exists()
        assert repository.head == repository.git("rev-parse", run.ref)

    def test_forward_while_the_user_is_elsewhere(self, repository: Repository, start, tmp_path) -> None:
        run = start(merge="fast-forward")
        do(repository, run)
        repository.git("switch", "--quiet", "-c", "other")
        repository.git("worktree", "add", "--quiet", str(tmp_path / "second"), "main")
        assert "main is checked out in" in finish(run).reason
        repository.git("worktree", "remove", str(tmp_path / "second"))
        assert finish(run).forwarded
        assert repository.git("rev-parse", "main") == repository.git("rev-parse", run.ref)
        assert repository.git("status", "--porcelain") == ""

    @pytest.mark.parametrize("why", ["moved on", "detached", "would be overwritten"])
    def test_why_not(self, repository: Repository, start, why: str) -> None:
        run = start(merge="fast-forward")
        do(repository, run)
        if why == "moved on":
            repository.write("more.txt", "more\n")
            repository.commit("more")
        elif why == "detached":
            run = replace(run, base_branch=None)
        else:
            repository.write("T001.txt", "mine\n")
        outcome = finish(run)
        assert not outcome.forwarded
        assert why in outcome.reason
        assert f"git merge {run.integration}" in outcome.reason


class TestGit:
    def test_it_waits_for_a_lock(self, repository: Repository) -> None:
        lock = repository.write(".git/index.lock", "")
        waiting = subprocess.Popen(["sh", "-c", f"sleep 0.3; rm {lock}"])
        repository.write("b.txt", "b\n")
        Git(repository.path)("add", "b.txt")
        waiting.wait()

    def test_it_says_which_lock(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(git_module, "_PAUSES", (0.01,))
        repository.write(".git/index.lock", "")
        with pytest.raises(GitError, match=r"if none is, remove '.*index\.lock'") as caught:
            Git(repository.path)("add", "--all")
        assert caught.value.status == 128

    def test_a_command_that_fails(self, repository: Repository) -> None:
        with pytest.raises(GitError, match=r"git rev-parse failed in '.*project': fatal: Needed"):
            Git(repository.path)("rev-parse", "--verify", "refs/heads/nothing")
        with pytest.raises(GitError, match="exit code 1"):
            Git(repository.path)("rev-parse", "--verify", "--quiet", "refs/heads/nothing")


class TestLocks:
    def test_one_at_a_time(self, repository: Repository) -> None:
        with hold(repository.path / ".git"):
            other = os.open(repository.path / ".git" / "moderator.lock", os.O_RDWR)
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(other)

    def test_it_is_not_inherited(self, repository: Repository) -> None:
        with hold(repository.path / ".git") as lock:
            script = f"import os; os.fstat({lock})"
            ran = subprocess.run(
                [sys.executable, "-c", script], close_fds=False, capture_output=True, check=False
            )
        assert ran.returncode == 1

    def test_a_directory_without_permission(self, tmp_path: Path) -> None:
        with pytest.raises(ModeratorError, match=r"cannot lock .*No such file"), hold(tmp_path / "gone"):
            pass

    def test_a_file_system_without_locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(descriptor: int, how: int) -> None:
            raise OSError(37, "No locks available")

        monkeypatch.setattr(repo_lock.fcntl, "flock", refuse)
        with pytest.raises(ModeratorError, match="No locks available"), hold(tmp_path):
            pass

    def test_a_place_is_waited_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "tasks" / "T001.lock"
        first = PlaceLock(path)
        monkeypatch.setattr(repo_lock, "_LONGEST_WAIT", 0.1)
        with pytest.raises(ModeratorError, match="another process still works there"):
            PlaceLock(path)
        first.release()
        assert not path.exists()
        PlaceLock(path).release()
