"""A place for each task: its worktree, its commit, its merge."""

from __future__ import annotations

import multiprocessing
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from repositories import RUN_ID, Repository, completed

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation import worktrees
from pytest_moderator.isolation.git_place import GitPlace, worktree_context
from pytest_moderator.isolation.git_run import GitRun
from pytest_moderator.model import IsolationLevel, Task, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_moderator.model import TaskResult


def do_task(data: dict[str, object], number: int) -> str:
    """Do a task in a process of its own."""
    run = GitRun.from_dict(data)
    name = f"T{number:03}"
    with GitPlace(run, Task(name, f"Write file {number}", 1), name) as place:
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


def finish_one(repository: Repository, run: GitRun, task_id: str = "T001", **files: str) -> TaskResult:
    """Do a task that writes files, and settle it."""
    with repository.place(run, task_id) as place:
        place.prepare()
        for name, text in files.items():
            (place.path / name.replace("_", ".")).write_text(text)
        return place.settle(completed(task_id))


class TestCommits:
    def test_the_message_says_what_it_was(self, repository: Repository) -> None:
        run = repository.run()
        result = finish_one(repository, run, b_txt="b\n")
        for commit, subject in ((run.ref, "Merge T001: Do it"), (f"{run.ref}^2", "T001: Do it")):
            text = repository.git("log", "-1", "--format=%an <%ae>%n%B", commit).splitlines()
            assert text == [
                "Ann <ann@example.org>",
                subject,
                "",
                "Moderator-Backend: shell",
                f"Moderator-Task: {RUN_ID}/T001/1",
            ]
        assert (result.branch, result.worktree, result.notes) == (None, None, ())

    def test_nothing_to_commit_is_fine(self, repository: Repository) -> None:
        run = repository.run()
        result = finish_one(repository, run)
        assert result.success
        assert result.commit is None
        assert repository.git("rev-parse", run.ref) == run.base
        assert repository.branches() == ["main", run.integration]

    def test_what_is_ignored_stays_out(self, repository: Repository) -> None:
        run = repository.run()
        finish_one(repository, run, b_txt="b\n", x_log="noise\n")
        assert "x.log" not in repository.files(run.ref)

    def test_its_own_commits_are_merged_too(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            (place.path / "b.txt").write_text("b\n")
            repository.git("add", "b.txt", at=place.path)
            repository.git("commit", "--quiet", "--message", "mine", at=place.path)
            (place.path / "c.txt").write_text("c\n")
            assert place.settle(completed()).success
        assert {"b.txt", "c.txt"} <= set(repository.files(run.ref))
        subjects = repository.git("log", "--format=%s", f"{run.base}..{run.ref}").splitlines()
        assert subjects == ["Merge T001: Do it", "T001: Do it", "mine"]

    @pytest.mark.parametrize("how", ["changed", "staged", "committed"])
    def test_the_tasks_file_is_left_out(self, repository: Repository, how: str) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            (place.path / "tasks.md").write_text("- [x] T001 one\n")
            (place.path / "b.txt").write_text("b\n")
            if how != "changed":
                repository.git("add", "--all", at=place.path)
            if how == "committed":
                repository.git("commit", "--quiet", "--message", "mine", at=place.path)
            result = place.settle(completed())
        assert result.success, result.error_message
        assert repository.show(run.ref, "tasks.md") == "- [ ] T001 one"
        assert "b.txt" in repository.files(run.ref)
        assert result.notes == ("its changes to tasks.md were left out: the run keeps that file",)

    def test_only_the_tasks_file_is_nothing(self, repository: Repository) -> None:
        run = repository.run()
        result = finish_one(repository, run, tasks_md="- [x] T001 one\n")
        assert result.success
        assert result.commit is None
        assert len(result.notes) == 1

    def test_odd_names(self, repository: Repository) -> None:
        run = repository.run()
        title = "Ä „quoted“ $(touch x)\nModerator-Task: fake"
        names = ["ü ber.txt", "new\nline", '"quotes"', "-x", ":(top)y"]
        with GitPlace(run, Task("../../x; rm", title, 1), "../../x; rm") as place:
            place.prepare()
            for name in names:
                (place.path / name).write_text("x\n")
            result = place.settle(completed())
        assert result.success, result.error_message
        listed = repository.git("ls-tree", "-r", "-z", "--name-only", run.ref).split("\0")
        assert set(names) <= set(listed)
        repository.is_sound()

    @pytest.mark.parametrize("hooks", [True, False])
    def test_a_hook_that_fails(self, repository: Repository, hooks: bool) -> None:
        hook = repository.write(".git/hooks/pre-commit", "#!/bin/sh\necho not like this >&2\nexit 1\n")
        hook.chmod(0o755)
        checkout = repository.write(".git/hooks/post-checkout", f"#!/bin/sh\ntouch {repository.path}/ran\n")
        checkout.chmod(0o755)
        run = repository.run(hooks=hooks)
        result = finish_one(repository, run, b_txt="b\n")
        assert result.success is not hooks
        assert not (repository.path / "ran").exists()
        if hooks:
            assert "not like this" in (result.error_message or "")
            assert result.worktree is not None

    def test_a_repository_in_the_worktree(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            inner = Repository(place.path / "deep" / "inner")
            result = place.settle(completed())
        assert "deep/inner is a git repository of its own" in (result.error_message or "")
        assert (inner.path / "a.txt").exists()

    def test_a_task_that_leaves_its_branch(self, repository: Repository) -> None:
        run = repository.run()
        for task_id, arguments in (("T001", ("-b", "elsewhere")), ("T002", ("--detach",))):
            with repository.place(run, task_id) as place:
                place.prepare()
                repository.git("checkout", "--quiet", *arguments, at=place.path)
                result = place.settle(completed())
            assert "has left its branch" in (result.error_message or "")
            assert result.category == "logic"
            assert result.worktree == place.path

    def test_a_task_in_the_middle_of_a_merge(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            (place.path / "a.txt").write_text("task\n")
            repository.git("commit", "--quiet", "-am", "task", at=place.path)
            repository.write("a.txt", "main\n")
            repository.commit("main")
            repository.git("merge", "main", at=place.path, check=False)
            result = place.settle(completed())
        assert "merge with conflicts in a.txt" in (result.error_message or "")

    def test_signing_is_no_question(self, repository: Repository) -> None:
        repository.git("config", "commit.gpgsign", "true")
        repository.git("config", "gpg.program", "false")
        assert finish_one(repository, repository.run(), b_txt="b\n").success

    def test_nobody_is_known(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        run = replace(repository.run(), anonymous=True)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        assert finish_one(repository, run, b_txt="b\n").success
        assert repository.git("log", "-1", "--format=%an", run.ref) == "moderator"

    def test_a_git_around_us_changes_nothing(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        run = repository.run()
        for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
            monkeypatch.setenv(name, str(tmp_path / "wrong"))
        with repository.place(run) as place:
            place.prepare()
            (place.path / "b.txt").write_text("b\n")
            assert place.settle(completed()).success
        for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
            monkeypatch.delenv(name)
        assert "b.txt" in repository.files(run.ref)


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
        with repository.place(run) as place:
            place.prepare()
            (place.path / "b.txt").write_text("b\n")
            repository.git("add", "--all", at=place.path)
            repository.git("commit", "--quiet", "--message", "mine", at=place.path)
            shutil.rmtree(place.path)
        with repository.place(run) as place:
            assert place.prepare(again=True) is None
            assert not (place.path / "b.txt").exists()
        assert repository.show(f"refs/moderator/{RUN_ID}/T001/lost", "b.txt") == "b"

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


class TestMerging:
    def test_a_conflict_can_be_kept_for_a_person(self, repository: Repository) -> None:
        run = repository.run(on_conflict="keep")
        with repository.place(run, "T001") as one, repository.place(run, "T002") as other:
            for place in (one, other):
                place.prepare()
                (place.path / "a.txt").write_text(place.branch)
            assert one.settle(completed("T001")).success
            result = other.settle(completed("T002"))
        assert (result.status, result.category) == (TaskStatus.SKIPPED, "conflict")

    def test_one_file_changed_in_two_places_is_no_conflict(self, repository: Repository) -> None:
        repository.write("long.txt", "".join(f"{n}\n" for n in range(30)))
        repository.commit("long")
        run = repository.run()
        with repository.place(run, "T001") as one, repository.place(run, "T002") as other:
            for place, number in ((one, 3), (other, 27)):
                place.prepare()
                lines = (place.path / "long.txt").read_text().splitlines()
                lines[number] = "changed"
                (place.path / "long.txt").write_text("\n".join(lines) + "\n")
            assert one.settle(completed("T001")).success
            assert other.settle(completed("T002")).success
        assert repository.show(run.ref, "long.txt").count("changed") == 2

    def test_a_branch_that_is_gone(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            (place.path / "b.txt").write_text("b\n")
            repository.git("update-ref", "-d", run.ref)
            result = place.settle(completed())
            assert "leave the branches of a run alone" in (result.error_message or "")
        with repository.place(run, "T002") as place, pytest.raises(ModeratorError, match="is gone"):
            place.prepare()

    def test_a_branch_that_somebody_looks_at(self, repository: Repository) -> None:
        run = repository.run()
        repository.git("checkout", "--quiet", run.integration)
        result = finish_one(repository, run, b_txt="b\n")
        assert "is checked out" in (result.error_message or "")
        assert repository.git("status", "--porcelain") == ""

    def test_somebody_else_moves_the_branch(self, repository: Repository) -> None:
        run = repository.run()
        seen = []

        def check(directory: Path) -> None:
            seen.append(sorted(path.name for path in directory.glob("*.txt")))
            if len(seen) < 3:
                finish_one(repository, run, f"T10{len(seen)}", **{f"other{len(seen)}_txt": "x\n"})

        with repository.place(run) as place:
            place.prepare()
            (place.path / "b.txt").write_text("b\n")
            assert place.settle(completed(), check).success
        assert seen == [
            ["a.txt", "b.txt"],
            ["a.txt", "b.txt", "other1.txt"],
            ["a.txt", "b.txt", "other1.txt", "other2.txt"],
        ]
        assert set(seen[-1]) <= set(repository.files(run.ref))

    def test_a_check_keeps_work_out(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run, "T001") as one, repository.place(run, "T002") as other:
            for place, name in ((one, "b.txt"), (other, "c.txt")):
                place.prepare()
                (place.path / name).write_text("x\n")
            assert one.settle(completed("T001")).success

            def check(directory: Path) -> None:
                if (directory / "b.txt").exists():
                    raise ModeratorError("b and c do not go together")

            result = other.settle(completed("T002"), check)
        assert "do not go together" in (result.error_message or "")
        assert "c.txt" not in repository.files(run.ref)
        assert repository.show(other.branch, "c.txt") == "x"
        assert repository.git("branch", "--show-current", at=other.path) == other.branch


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
