"""A place that a task has had before: another try, another process, and what was left of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from repositories import RUN_ID, Repository, completed, finish_one

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from pathlib import Path


class TestTryingAgain:
    @pytest.mark.parametrize("retry_from", ["fresh", "kept"])
    def test_within_a_run(self, repository: Repository, retry_from: str) -> None:
        run = repository.run(retry_from=retry_from)
        with repository.place(run) as place:
            place.prepare()
            (place.path / "half.txt").write_text("half\n")
            (place.path / "x.log").write_text("log\n")
            place.renew(2)
            assert (place.path / "half.txt").exists() == (retry_from == "kept")
            assert (place.path / "x.log").exists()
        kept = repository.git("for-each-ref", "--format=%(refname)", "refs/moderator").splitlines()
        assert len(kept) == (retry_from == "fresh")
        for ref in kept:
            assert ref.startswith(f"refs/moderator/{RUN_ID}/T001/1-")
            assert repository.show(ref, "half.txt") == "half"

    @pytest.mark.parametrize("goes_on", [False, True])
    def test_as_the_backend_needs_it(self, repository: Repository, goes_on: bool) -> None:
        with repository.place(repository.run(), goes_on=goes_on) as place:
            place.prepare()
            (place.path / "half.txt").write_text("half\n")
            assert place.renew(2) == place.put_back == (not goes_on)
            assert (place.path / "half.txt").exists() == goes_on

    def test_what_a_verification_has_left_is_not_merged(self, repository: Repository) -> None:
        """Nor is it taken away, unless it was a change to a file of git."""
        run = repository.run(retry_from="kept")

        def litter(directory: Path) -> None:
            (directory / "cache").mkdir()
            (directory / "cache" / "litter").write_text("x\n")
            (directory / "report.txt").write_text("1 failed\n")
            (directory / "half.txt").write_text("formatted\n")
            raise ModeratorError("wrong")

        with repository.place(run) as place:
            place.prepare()
            (place.path / "half.txt").write_text("half\n")
            assert place.settle(completed(), litter).error_message == "wrong"
            assert not place.renew(2)
            assert (place.path / "half.txt").read_text() == "half\n"
            assert (place.path / "cache" / "litter").exists()
            (place.path / "cache" / "work").write_text("work\n")
            (place.path / "report.txt").write_text("the work: a report\n")
            assert place.settle(completed(), lambda directory: None).success
        files = repository.files(run.ref)
        assert {"half.txt", "cache/work", "report.txt"} <= set(files)
        assert "cache/litter" not in files

    def test_a_verification_that_leaves_very_much(self, repository: Repository) -> None:
        run = repository.run(retry_from="kept")

        def litter(directory: Path) -> None:
            for number in range(1001):
                (directory / f"{number}.txt").touch()
            raise ModeratorError("wrong")

        with repository.place(run) as place:
            place.prepare()
            (place.path / "half.txt").write_text("half\n")
            place.settle(completed(), litter)
            place.renew(2)
            assert place.settle(completed(), lambda directory: None).success
        assert "half.txt" in repository.files(run.ref)

    def test_a_verification_that_removes_the_place(self, repository: Repository) -> None:
        with repository.place(repository.run(), goes_on=True) as place:
            place.prepare()

            def destroy(directory: Path) -> None:
                (directory / ".git").unlink()
                raise ModeratorError("wrong")

            assert place.settle(completed(), destroy).error_message == "wrong"
            with pytest.raises(ModeratorError, match="removed or replaced"):
                place.renew(2)

    @pytest.mark.parametrize("retry_from", ["fresh", "kept"])
    def test_in_another_process(self, repository: Repository, retry_from: str) -> None:
        run = repository.run(retry_from=retry_from)
        with repository.place(run) as place:
            place.prepare()
            (place.path / "half.txt").write_text("half\n")
            (place.path / ".git").read_text()
            lock = repository.path / ".git" / "worktrees" / "T001" / "index.lock"
            lock.touch()
        finish_one(repository, run, "T002", b_txt="b\n")
        with repository.place(run.continued()) as place:
            assert place.prepare(attempt=2, again=True) is None
            assert (place.path / "half.txt").exists() == (retry_from == "kept")
            assert (place.path / "b.txt").exists() == (retry_from == "fresh")
            (place.path / "done.txt").write_text("done\n")
            assert place.settle(completed()).success
        assert {"b.txt", "done.txt"} <= set(repository.files(run.ref))
        repository.is_sound()

    def test_a_merge_that_was_not_reported_is_not_done_twice(self, repository: Repository) -> None:
        run = repository.run()
        commit = finish_one(repository, run, b_txt="b\n").commit
        again = run.continued()
        with repository.place(again) as place:
            assert place.prepare(again=True) == commit
        assert not repository.worktrees()
        with repository.place(run.continued(reported=[commit])) as place:
            assert place.prepare(again=True) is None  # it was, so it is meant to run again

    def test_a_branch_without_its_worktree(self, repository: Repository) -> None:
        run = repository.run()
        commits = []
        for text in ("one\n", "two\n"):
            with repository.place(run) as place:
                assert place.prepare(again=bool(commits)) is None
                assert not (place.path / "b.txt").exists()
                (place.path / "b.txt").write_text(text)
                repository.git("add", "--all", at=place.path)
                repository.git("commit", "--quiet", "--message", "mine", at=place.path)
                commits.append(repository.git("rev-parse", "HEAD", at=place.path))
                shutil.rmtree(place.path)
        with repository.place(run) as place:
            assert place.prepare(again=True) is None
        kept = repository.git("for-each-ref", "--format=%(objectname)", f"refs/moderator/{RUN_ID}/T001")
        assert sorted(kept.split()) == sorted(commits)

    def test_half_a_worktree(self, repository: Repository) -> None:
        run = repository.run()
        path = repository.place(run).path
        repository.git("worktree", "add", "--quiet", "--lock", "--detach", str(path))
        (path.parent / "T001.lock").touch()
        with repository.place(run) as place:
            assert place.prepare() is None
            assert (place.path / "a.txt").exists()
            assert place.settle(completed()).success
        assert not repository.worktrees()

    def test_something_in_the_way(self, repository: Repository) -> None:
        run = repository.run()
        run.area.mkdir(parents=True)
        (run.area / "tasks").mkdir()
        (run.area / "tasks" / "T001").write_text("a file\n")
        with repository.place(run) as place, pytest.raises(ModeratorError, match="is in the way"):
            place.prepare()

    def test_a_link_out_of_the_area(self, repository: Repository, tmp_path: Path) -> None:
        run = repository.run()
        run.area.mkdir(parents=True)
        (tmp_path / "outside").mkdir()
        (run.area / "tasks").symlink_to(tmp_path / "outside")
        with repository.place(run) as place, pytest.raises(ModeratorError, match="remove the symbolic link"):
            place.prepare()


def test_a_directory_that_git_has_forgotten_is_set_aside(repository: Repository) -> None:
    run = repository.run()
    with repository.place(run) as place:
        place.prepare()
        (place.path / "work.txt").write_text("work\n")
    shutil.rmtree(repository.path / ".git" / "worktrees" / "T001")
    with repository.place(run) as place:
        place.prepare(again=True)
        assert not (place.path / "work.txt").exists()
    (aside,) = place.path.parent.glob("T001-set-aside-*")
    assert (aside / "work.txt").read_text() == "work\n"
