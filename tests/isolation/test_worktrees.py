"""The worktree of a task: what is put into it, and what is kept of it."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from repositories import Repository, completed, finish_one

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import worktrees
from pytest_moderator.isolation.git_place import worktree_context
from pytest_moderator.model import IsolationLevel, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path


class TestKeeping:
    def test_a_failed_task_keeps_its_place(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            (place.path / "half.txt").write_text("half\n")
            result = place.settle(completed(status=TaskStatus.FAILED, exit_code=1))
        assert (result.worktree, result.branch) == (place.path, place.branch)
        assert (place.path / "half.txt").exists()
        assert repository.git("rev-parse", run.ref) == run.base

    def test_all_are_kept(self, repository: Repository) -> None:
        result = finish_one(repository, repository.run(keep="all"), b_txt="b\n")
        assert result.success
        assert result.worktree is not None
        assert (result.worktree / "b.txt").exists()
        assert result.branch in repository.branches()

    def test_branches_are_left_where_nothing_is_merged_for_the_user(self, repository: Repository) -> None:
        result = finish_one(repository, repository.run(merge="none"), b_txt="b\n")
        assert result.branch in repository.branches()
        assert result.worktree is None
        assert not repository.worktrees()

    def test_none_is_kept_but_the_work_is(self, repository: Repository) -> None:
        run = repository.run(keep="none")
        with repository.place(run) as place:
            place.prepare()
            (place.path / "half.txt").write_text("half\n")
            result = place.settle(completed(status=TaskStatus.FAILED, exit_code=1))
        assert not place.path.exists()
        assert repository.branches() == ["main", run.integration]
        (note,) = result.notes
        assert repository.show(note.removeprefix("its work is kept at "), "half.txt") == "half"

    def test_a_task_that_was_skipped_leaves_nothing(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            result = place.settle(completed(status=TaskStatus.SKIPPED))
        assert (result.worktree, result.notes) == (None, ())
        assert not place.path.exists()

    def test_what_cannot_be_removed_is_said(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path, **options: object) -> None:
            raise PermissionError(13, "not permitted", str(path))

        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            (place.path / "b.txt").write_text("b\n")
            monkeypatch.setattr(worktrees.shutil, "rmtree", refuse)
            result = place.settle(completed())
        assert result.success
        assert "not permitted; remove it by hand" in result.notes[0]

    def test_directories_without_permissions_are_removed(self, repository: Repository) -> None:
        with repository.place(repository.run()) as place:
            place.prepare()
            locked = place.path / "cache.log"
            locked.mkdir()
            (locked / "file").write_text("x\n")
            locked.chmod(0o500)
            result = place.settle(completed())
        assert result.notes == ()
        assert not place.path.exists()

    def test_what_is_shut_goes_and_what_is_linked_to_stays_as_it_is(self, as_a_user: Path) -> None:
        theirs, folder = as_a_user / "theirs", as_a_user / "folder"
        theirs.touch(mode=0o640)
        folder.mkdir()
        folder.chmod(0o750)
        tree = as_a_user / "tree"
        (tree / "shut" / "deep").mkdir(parents=True)
        (tree / "links").mkdir()
        (tree / "links" / "theirs").symlink_to(theirs)
        (tree / "links" / "folder").symlink_to(folder)
        for name, mode in {"shut/deep": 0o000, "shut": 0o000, "links": 0o500}.items():
            (tree / name).chmod(mode)
        worktrees.delete_tree(tree)
        assert not tree.exists()
        assert [stat.S_IMODE(path.stat().st_mode) for path in (theirs, folder)] == [0o640, 0o750]


class TestWorktrees:
    def test_ignored_files_that_are_needed(self, repository: Repository) -> None:
        repository.write(".env", "A=1\n")
        repository.write("node_modules/left-pad/index.js", "x\n")
        run = replace(repository.run(), included=(".env", "node_modules"))
        with repository.place(run) as place:
            place.prepare()
            assert (place.path / ".env").read_text() == "A=1\n"
            assert (place.path / "node_modules" / "left-pad" / "index.js").read_text() == "x\n"
            (place.path / ".env").write_text("A=2\n")
            (place.path / "node_modules" / "mine").mkdir()
            assert repository.git("status", "--porcelain", at=place.path) == ""
            assert place.settle(completed()).commit is None
        assert (repository.path / ".env").read_text() == "A=1\n"
        assert (repository.path / "node_modules" / "left-pad" / "index.js").exists()
        assert not (repository.path / "node_modules" / "mine").exists()

    @pytest.mark.parametrize("ignored", [True, False])
    def test_they_are_never_committed(self, repository: Repository, ignored: bool) -> None:
        repository.write(".gitignore", ".env\nnode_modules/\n.moderator/\ntasks.md\n")
        repository.commit("ignore")
        for name in (".env", "node_modules/left-pad/index.js", "lib/.env"):
            repository.write(name, "A=1\n")
        run = replace(repository.run(), included=(".env", "lib/.env", "node_modules"), left_out=("tasks.md",))
        with repository.place(run) as place:
            place.prepare()
            for name in ("b.txt", "lib/c.txt", "tasks.md"):
                (place.path / name).write_text("b\n")
            if not ignored:
                (place.path / ".gitignore").write_text("")
            result = place.settle(completed())
            assert result.success, result.error_message
        assert set(repository.files(run.ref)) - set(repository.files("main")) == {"b.txt", "lib/c.txt"}

    def test_a_setup_runs_once_in_a_fresh_worktree(self, repository: Repository) -> None:
        run = repository.run(setup="make things")
        calls = []
        with repository.place(run) as place:
            place.prepare(setup=lambda command, directory: calls.append((command, directory)))
            place.renew(2)
        with repository.place(run) as place:
            place.prepare(again=True, setup=lambda command, directory: calls.append((command, directory)))
        assert calls == [("make things", place.path)]

    def test_a_setup_that_fails_is_tried_again(self, repository: Repository) -> None:
        run = repository.run(setup="make things")

        def fail(command: str, directory: Path) -> None:
            (directory / "begun.log").touch()
            raise ModeratorError("no things")

        with repository.place(run) as place, pytest.raises(ModeratorError, match="no things"):
            place.prepare(setup=fail)
        with repository.place(run) as place:
            place.prepare(again=True, setup=lambda command, directory: None)
            assert not (place.path / "begun.log").exists()

    def test_a_part_of_the_files(self, repository: Repository) -> None:
        repository.write("big/one.txt", "1\n")
        repository.write("src/a.py", "a\n")
        repository.commit("more")
        run = repository.run(sparse=("/src/",))
        with repository.place(run) as place:
            place.prepare()
            assert sorted(path.name for path in place.path.iterdir()) == [".git", "src"]
            assert repository.git("status", "--porcelain", at=place.path) == ""
            (place.path / "src" / "a.py").write_text("b\n")
            (place.path / "new.txt").write_text("new\n")
            place.renew(2)
            assert not (place.path / "big").exists()
            (place.path / "src" / "a.py").write_text("b\n")
            (place.path / "new.txt").write_text("new\n")
            result = place.settle(completed())
        assert result.success, result.error_message
        assert {"big/one.txt", "a.txt", "new.txt"} <= set(repository.files(run.ref))
        assert repository.show(run.ref, "src/a.py") == "b"
        assert "sparse" not in repository.git("config", "--list").lower()
        assert "worktreeconfig" not in repository.git("config", "--list").lower()

    def test_a_project_below_the_top_with_its_own_directory(self, repository: Repository) -> None:
        run = replace(repository.run(), prefix="not/tracked/")
        with repository.place(run) as place:
            place.prepare()
            assert (place.path / "not" / "tracked").is_dir()
        context = worktree_context(run, "T001", IsolationLevel.FULL, repository.path / ".moderator", "p")
        assert context.working_directory == place.path / "not" / "tracked"
        assert context.git_branch == place.branch
        assert context.state_dir == repository.path / ".moderator" / "tasks" / "T001"

    def test_large_files_stay_pointers(self, repository: Repository) -> None:
        repository.git("config", "filter.lfs.smudge", "false")
        repository.git("config", "filter.lfs.clean", "cat")
        repository.git("config", "filter.lfs.required", "true")
        repository.write(".gitattributes", "*.bin filter=lfs -text\n")
        repository.write("x.bin", "pointer\n")
        repository.commit("large")
        repository.git("config", "filter.lfs.clean", "false")
        result = finish_one(repository, replace(repository.run(), without_lfs=True), b_bin="new\n")
        assert result.success, result.error_message
        place = repository.place(replace(repository.run(), without_lfs=False), "T002")
        with place, pytest.raises(ModeratorError, match="smudge filter lfs failed"):
            place.prepare()


class TestSubmodules:
    @pytest.fixture
    def with_submodule(self, repository: Repository, tmp_path: Path) -> Repository:
        """Give a repository that has another one, which has another one."""
        inner, outer = Repository(tmp_path / "inner"), Repository(tmp_path / "outer")
        outer.git("submodule", "--quiet", "add", str(inner.path), "deep")
        outer.commit("deep")
        repository.git("submodule", "--quiet", "add", str(outer.path), "lib/outer")
        repository.git("submodule", "--quiet", "update", "--init", "--recursive")
        repository.git("submodule", "--quiet", "add", str(inner.path), "unused")
        repository.commit("submodules")
        repository.git("submodule", "--quiet", "deinit", "--force", "unused")
        shutil.rmtree(repository.path / ".git" / "modules" / "unused")
        shutil.rmtree(inner.path)  # nobody may ask for it
        shutil.rmtree(outer.path)
        return repository

    def test_they_are_there_and_their_commits_stay(self, with_submodule: Repository) -> None:
        run = with_submodule.run()
        with with_submodule.place(run) as place:
            place.prepare()
            deep = place.path / "lib" / "outer" / "deep"
            assert (deep / "a.txt").exists()
            assert not list((place.path / "unused").iterdir())
            (deep / "new.txt").write_text("new\n")
            result = place.settle(completed())
        assert result.success, result.error_message
        with with_submodule.place(run, "T002") as place:
            place.prepare()
            assert (place.path / "lib/outer/deep/new.txt").exists()
            assert place.settle(completed("T002")).success
        assert with_submodule.git("status", "--porcelain") == ""
        with_submodule.git("merge", "--quiet", run.integration)
        with_submodule.git("submodule", "--quiet", "update", "--recursive")
        assert (with_submodule.path / "lib/outer/deep/new.txt").read_text() == "new\n"
        assert not with_submodule.worktrees()

    def test_their_changes_are_seen_where_git_is_not_to_show_them(self, with_submodule: Repository) -> None:
        with_submodule.git("config", "diff.ignoreSubmodules", "all")
        run = with_submodule.run()
        with with_submodule.place(run) as place:
            place.prepare()
            (place.path / "lib/outer/deep/new.txt").write_text("new\n")
            result = place.settle(completed())
        assert (result.success, result.commit) == (True, with_submodule.git("rev-parse", run.ref))

    def test_they_are_in_sparse_worktrees_too(self, with_submodule: Repository) -> None:
        with with_submodule.place(with_submodule.run(sparse=("/lib",))) as place:
            place.prepare()
            assert not (place.path / ".gitmodules").exists()
            assert (place.path / "lib" / "outer" / "deep" / "a.txt").exists()
            assert place.settle(completed()).success

    def test_another_try_finds_them_as_they_were(self, with_submodule: Repository) -> None:
        run = with_submodule.run()
        with with_submodule.place(run) as place:
            place.prepare()
            deep = place.path / "lib" / "outer" / "deep"
            (deep / "new.txt").write_text("new\n")
            (deep / "a.txt").write_text("changed\n")
            place.renew(2)
            assert not (deep / "new.txt").exists()
            assert (deep / "a.txt").read_text() == "one\ntwo\nthree\n"
            assert place.settle(completed()).commit is None

    def test_none_has_changed(self, with_submodule: Repository) -> None:
        run = with_submodule.run()
        result = finish_one(with_submodule, run, b_txt="b\n")
        assert result.success
        assert with_submodule.git("diff", "--name-only", run.base, run.ref) == "b.txt"
