"""A place for each task: what of its work is committed, and how that is merged."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from repositories import RUN_ID, Repository, completed, finish_one

from pytest_moderator.errors import ModeratorError
from pytest_moderator.isolation.git_place import GitPlace
from pytest_moderator.isolation.git_run import GitRun
from pytest_moderator.model import Task, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path


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

    def test_a_repository_in_the_worktree_that_has_no_commit(self, repository: Repository) -> None:
        run = repository.run()
        with repository.place(run) as place:
            place.prepare()
            repository.git("init", "--quiet", "deep/inner", at=place.path)
            result = place.settle(completed())
        assert "deep/inner is a git repository of its own" in (result.error_message or "")
        assert result.category == "logic"

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

    def test_new_files_are_seen_where_git_is_not_to_show_them(self, repository: Repository) -> None:
        repository.git("config", "status.showUntrackedFiles", "no")
        run = repository.run()
        result = finish_one(repository, run, b_txt="b\n")
        assert (result.success, result.commit) == (True, repository.git("rev-parse", run.ref))
        assert "b.txt" in repository.files(run.ref)

    def test_messages_are_what_they_say_to_be(self, repository: Repository) -> None:
        repository.git("config", "i18n.commitEncoding", "ISO-8859-1")
        run = repository.run()
        with GitPlace(run, Task("T001", "Übersetzen", 1), "T001") as place:
            place.prepare()
            (place.path / "b.txt").write_text("b\n")
            assert place.settle(completed()).success
        subject = repository.git("log", "-1", "--encoding=UTF-8", "--format=%s", run.ref)
        assert subject == "Merge T001: Übersetzen"

    def test_settings_in_the_environment_count(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {"COUNT": "1", "KEY_0": "user.name", "VALUE_0": "Cy"}.items():
            monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
        run = repository.run()
        assert finish_one(repository, run, b_txt="b\n").success
        assert repository.git("log", "-1", "--format=%an", run.ref) == "Cy"


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
