"""Tasks on branches of their own, in whole runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from branched import commit, integration
from stand_ins import stand_ins

if TYPE_CHECKING:
    from sessions import Project


@pytest.mark.parametrize("level", ["branch", "full"])
def test_what_tasks_did_is_on_one_branch(project: Project, git, workers, level: str) -> None:
    project.tasks(
        "- [ ] T001 [P] one\n  - run: `echo 1 > one.txt`\n"
        "- [ ] T002 [P] two\n  - run: `echo 2 > two.txt; echo $MODERATOR_WORKSPACE; pwd`\n"
        "- [ ] T003 both (depends on T001, T002)\n  - run: `cat one.txt two.txt > both.txt`\n"
    )
    commit(git)
    session = project.run(*workers, f"--moderator-isolation={level}", "tasks.md")

    assert session.exit_code == 0, session.output
    branch = integration(git)
    assert git("show", f"{branch}:both.txt") == "1\n2"
    assert len(git("log", "--merges", "--first-parent", "--format=%s", branch).splitlines()) == 3
    assert git("status", "--porcelain") == ""
    assert git("worktree", "list").count("\n") == 0
    assert f"git: 3 tasks were merged into {branch}; git merge {branch} takes it over" in session.output
    assert session.tasks["T003"]["commit"] == git("rev-parse", branch)
    place, here = session.tasks["T002"]["stdout"].splitlines()
    assert place == here
    assert here.endswith("/tasks/T002")
    assert git("branch", "--show-current") == "main"
    git("fsck", "--full")


def together(project: Project, number: int) -> str:
    """Give a command that waits until the other one of two tasks has started."""
    place = project.path / ".moderator"
    other = 3 - number
    return f"touch {place}/began-{number}; while ! test -e {place}/began-{other}; do sleep 0.02; done"


def test_one_of_two_wins(project: Project, git) -> None:
    project.tasks(
        f"- [ ] T001 [P] one\n  - run: `{together(project, 1)}; echo 1 > shared.txt`\n"
        f"- [ ] T002 [P] two\n  - run: `{together(project, 2)}; echo 2 > shared.txt`\n"
        "- [ ] T003 [P] three (depends on T001)\n  - run: `true`\n"
        "- [ ] T004 [P] four (depends on T002)\n  - run: `true`\n"
    )
    commit(git)
    session = project.run("-n2", "--moderator-isolation=branch", "tasks.md")
    lost, won = sorted(("T001", "T002"), key=session.statuses.get, reverse=True)
    blocked = {"T001": "T003", "T002": "T004"}[lost]
    assert session.statuses[lost] == "failed"
    assert session.statuses[blocked] == "skipped"
    assert session.tasks[lost]["category"] == "conflict"
    assert "conflict in shared.txt" in session.reasons[lost]
    branch = integration(git)
    assert git("show", f"{branch}:shared.txt") == won[-1]
    assert git("show", f"{session.tasks[lost]['branch']}:shared.txt") == lost[-1]


@pytest.mark.parametrize("retry_from", ["fresh", "kept"])
def test_a_run_goes_on(project: Project, git, workers, retry_from: str) -> None:
    project.tasks(
        "- [ ] T001 [P] one\n  - run: `echo 1 >> one.txt`\n"
        f"- [ ] T002 [P] two\n  - run: `echo 2 >> two.txt; test -e {project.path}/now`\n"
        "- [ ] T003 both (depends on T001, T002)\n  - run: `cat one.txt two.txt > both.txt`\n"
    )
    project.write("moderator.yaml", f"isolation: branch\nretry_from: {retry_from}\n")
    commit(git)
    first = project.run(*workers, "tasks.md")
    assert first.statuses == {"T001": "completed", "T002": "failed", "T003": "skipped"}
    assert f"T002: its worktree: .moderator/worktrees/{first.report['run_id']}/tasks/T002" in first.output
    git("commit", "--quiet", "--allow-empty", "--message", "meanwhile")
    project.write("now", "")
    git("add", "now")
    git("commit", "--quiet", "--message", "now")

    again = project.run(*workers, "--moderator-resume", "tasks.md")
    assert again.exit_code == 0, again.output
    branch = integration(git)
    twice = "2\n2" if retry_from == "kept" else "2"
    assert git("show", f"{branch}:both.txt") == f"1\n{twice}"
    assert len(git("log", "--merges", "--first-parent", "--format=%s", branch).splitlines()) == 3
    assert git("worktree", "list").count("\n") == 0

    rerun = project.run(*workers, "--moderator-rerun=T001", "tasks.md")
    assert rerun.statuses["T001"] == "completed"
    assert git("show", f"{branch}:one.txt") == "1\n1"


def test_a_run_that_was_killed_goes_on(project: Project, git, workers) -> None:
    numbers, go = range(8), project.path / ".moderator" / "go"
    wait = f"until test -e {go}; do sleep 0.05; done"  # so that no run has ended when it is to be killed
    project.tasks(
        "".join(
            f"- [ ] T00{n} [P] t\n  - run: `{'sleep 0.2' if n < 5 else wait}; echo {n} > {n}.txt`\n"
            for n in numbers
        )
    )
    commit(git)
    command = [
        sys.executable,
        "-mpytest",
        "--moderator",
        "--moderator-isolation=branch",
        *workers,
        "tasks.md",
    ]
    for merged in (1, 3):
        resume = ["--moderator-resume"] if merged > 1 else []
        run = subprocess.Popen([*command, *resume], cwd=project.path, start_new_session=True)
        deadline = time.monotonic() + 60
        while run.poll() is None and time.monotonic() < deadline and merges(git) < merged:
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    go.touch()
    session = project.run(*workers, "--moderator-isolation=branch", "--moderator-resume", "tasks.md")

    assert session.exit_code == 0, session.output
    branch = integration(git)
    assert {f"{n}.txt" for n in numbers} <= set(git("ls-tree", "--name-only", branch).splitlines())
    assert merges(git) == len(numbers)
    assert git("worktree", "list").count("\n") == 0
    assert git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines() == ["main", branch]
    assert git("fsck", "--full", "--no-dangling") == ""


def merges(git) -> int:
    return int(git("rev-list", "--count", "--merges", "--branches=moderator/*"))


class TestTheEnd:
    def test_the_users_branch_is_moved_on(self, project: Project, git) -> None:
        project.tasks("- [ ] T001 one\n  - run: `echo 1 > one.txt`\n")
        commit(git)
        session = project.run("--moderator-isolation=branch", "--moderator-merge=fast-forward", "tasks.md")
        assert session.exit_code == 0
        assert "and main was moved on to it" in session.output
        assert (project.path / "one.txt").read_text() == "1\n"
        assert git("status", "--porcelain") == ""

    def test_why_it_was_not(self, project: Project, git) -> None:
        project.tasks(
            "- [ ] T001 one\n"
            f"  - run: `echo 1 > one.txt; cd {project.path}; git commit -q --allow-empty -m x`\n"
        )
        commit(git)
        session = project.run("--moderator-isolation=branch", "--moderator-merge=fast-forward", "tasks.md")
        assert session.exit_code == 0
        assert "main has moved on or is gone: git merge moderator/" in session.output

    def test_nothing_was_merged(self, project: Project, git) -> None:
        project.tasks("- [ ] T001 one\n  - run: `true`\n")
        commit(git)
        session = project.run("--moderator-isolation=branch", "tasks.md")
        assert "git: nothing was merged" in session.output
        assert git("for-each-ref", "--format=%(refname:short)", "refs/heads") == "main"


def test_a_run_that_is_refused_leaves_no_branch(project: Project, git, workers) -> None:
    project.tasks("- [ ] T001 one\n  - run: `echo 1 > one.txt`\n")
    project.write("test_it.py", "import pytest\n\n@pytest.mark.depends_on('T099')\ndef test_it(): pass\n")
    commit(git)
    refused = project.run("--moderator-isolation=branch", *workers, "tasks.md", "test_it.py")
    assert refused.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "merged" not in refused.output
    assert git("for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"


def test_uncommitted_changes_are_refused_or_taken_along(project: Project, git) -> None:
    project.tasks("- [ ] T001 one\n  - run: `cat shared.txt new.txt > one.txt`\n")
    commit(git)
    project.write("shared.txt", "changed\n")
    project.write("new.txt", "new\n")
    refused = project.run("--moderator-isolation=branch", "tasks.md")
    assert refused.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "git: error uncommitted-changes: shared.txt would not be there" in refused.errors
    assert project.run("--co", "--moderator-isolation=branch", "tasks.md").exit_code == 0

    session = project.run("--moderator-isolation=branch", "--moderator-dirty=include", "tasks.md")
    assert session.exit_code == 0, session.output
    assert git("show", f"{integration(git)}:one.txt") == "changed\nnew"
    assert git("status", "--porcelain").split() == ["M", "shared.txt", "??", "new.txt"]


def test_a_conflict_is_tried_again(project: Project, git) -> None:
    project.tasks(
        f"- [ ] T001 [P] one\n  - run: `{together(project, 1)}; echo 1 >> shared.txt`\n"
        f"- [ ] T002 [P] two\n  - run: `{together(project, 2)}; echo 2 >> shared.txt`\n"
    )
    project.write("moderator.yaml", "isolation: full\non_conflict: retry\n")
    commit(git)
    session = project.run("-n2", "tasks.md")
    assert session.exit_code == 0, session.output
    lines = git("show", f"{integration(git)}:shared.txt").splitlines()
    assert (lines[0], sorted(lines[1:])) == ("first", ["1", "2"])
    assert sorted(task["attempts"] for task in session.tasks.values()) == [1, 2]


def test_a_conflict_is_not_tried_again_when_the_budget_is_spent(project: Project, git) -> None:
    does = """
    import subprocess
    subprocess.run(["sh", "-c", task.title], cwd=context.working_directory, check=True)
    return TaskResult(task, usage=Usage(cost_usd=2.0))
    """
    project.write("conftest.py", stand_ins("costly", does=does, has_costs=True))
    project.tasks(
        "".join(
            f"- [ ] T00{n} [P] {together(project, n)}; echo {n} >> shared.txt\n"
            f"  - backend: costly\n  - budget: $1.50\n  - files: {n}.txt\n"
            for n in (1, 2)
        )
    )
    project.write("moderator.yaml", "isolation: full\non_conflict: retry\n")
    commit(git)
    session = project.run("-n2", "tasks.md")
    assert sorted(session.statuses.values()) == ["completed", "failed"], session.output
    assert [task["attempts"] for task in session.tasks.values()] == [1, 1]
    [why] = session.reasons.values()
    assert why.endswith("; not tried again, as its budget of $1.50 is spent ($2.00)")


def test_a_setup_has_a_log(project: Project, git) -> None:
    project.tasks(
        "- [ ] T001 one\n  - run: `cat made.log`\n- [ ] T002 two\n  - run: `true`\n  - env: BROKEN=1\n"
    )
    project.write(".gitignore", (project.path / ".gitignore").read_text() + "*.log\n")
    project.write(
        "moderator.yaml", "isolation: branch\nsetup: echo made; test -z $BROKEN; echo x > made.log\n"
    )
    commit(git)
    session = project.run("tasks.md")
    assert session.statuses == {"T001": "completed", "T002": "failed"}
    assert "failed: exit code 1; see " in session.reasons["T002"]
    assert Path(session.reasons["T002"].rpartition("see ")[2]).read_text() == "made\n"
    assert session.tasks["T002"]["backend_reason"] == "what it carries: sh at line 4"


def test_ids_of_two_files_do_not_meet(project: Project, git) -> None:
    for name in ("one", "two"):
        project.tasks(f"- [ ] T001 a\n  - run: `echo {name} > {name}.txt`\n", f"{name}/tasks.md")
    commit(git)
    session = project.run("-n2", "--moderator-isolation=branch", "one", "two")
    assert session.exit_code == 0, session.output
    assert {"one.txt", "two.txt"} <= set(git("ls-tree", "--name-only", integration(git)).splitlines())


def test_boxes_are_ticked_on_the_branch(project: Project, git, workers) -> None:
    project.tasks(
        "- [ ] T001 [P] one\n  - run: `echo 1 > one.txt`\n"
        "- [ ] T002 [P] two\n  - run: `true`\n"
        "- [ ] T003 [P] three\n  - run: `false`\n",
        "über/tasks.md",
    )
    commit(git)
    session = project.run(*workers, "--moderator-isolation=branch", "--moderator-mark", "über/tasks.md")
    assert session.statuses == {"T001": "completed", "T002": "completed", "T003": "failed"}
    branch = integration(git)
    boxes = [line[:10] for line in git("show", f"{branch}:über/tasks.md").splitlines() if line[0] == "-"]
    assert boxes == ["- [x] T001", "- [x] T002", "- [ ] T003"]
    assert git("show", f"{branch}:one.txt") == "1"
    assert "[x]" not in (project.path / "über" / "tasks.md").read_text()
    subjects = git("log", "--first-parent", "--format=%s", f"main..{branch}").splitlines()
    assert sorted(subjects) == ["Merge T001: one", "T002: two"]
    assert git("status", "--porcelain") == ""


def test_a_tasks_file_that_git_does_not_know_has_no_box_to_tick(project: Project, git) -> None:
    project.write(".gitignore", (project.path / ".gitignore").read_text() + "tasks.md\n")
    commit(git)
    project.tasks("- [ ] T001 one\n  - run: `echo 1 > one.txt`\n- [ ] T002 two\n  - run: `true`\n")
    session = project.run("--moderator-isolation=branch", "--moderator-mark", "tasks.md")
    assert session.exit_code == 0, session.output
    assert git("diff", "--name-only", "main", integration(git)) == "one.txt"


def test_worktrees_are_never_collected(project: Project, git) -> None:
    project.tasks("- [ ] T001 one\n  - run: `false`\n")
    project.write("test_it.py", "def test_it(): pass\n")
    project.write("moderator.yaml", "isolation: branch\nworktree_dir: places\n")
    commit(git)
    assert project.run("tasks.md").counts == {"failed": 1}
    assert (project.path / "places").exists()
    assert git("status", "--porcelain") == ""

    again = project.run(".")
    assert again.counts == {"failed": 1, "passed": 1}
    assert len(again.report["files"]) == 1


@pytest.mark.parametrize("keep", ["failed", "none"])
@pytest.mark.parametrize(
    "command",
    [
        "rm -f .git",
        "rm -rf ./* .git",
        "echo gitdir: {home}/.git > .git",
        "rm .git; cp -r {home}/.git .",
        "here=$PWD; cp -r . ../other; cd ..; rm -rf $here; ln -s other $here",
    ],
)
@pytest.mark.parametrize("end", ["false", "true"])
def test_a_task_that_loses_its_link_to_git_harms_nobody(
    project: Project, git, keep: str, command: str, end: str
) -> None:
    project.write("moderator.yaml", f"isolation: branch\ndirty: ignore\nkeep: {keep}\n")
    project.tasks(
        f"- [ ] T001 one\n  - retries: 1\n  - run: `echo 1 > made.txt; {command.format(home=project.path)}; {end}`\n"
    )
    commit(git)
    project.write("shared.txt", "the user's work\n")
    project.write("new.txt", "not yet known to git\n")
    before = git("status", "--porcelain"), git("branch", "--show-current"), git("log", "--format=%H", "main")
    session = project.run("tasks.md")
    assert session.statuses == {"T001": "failed"}
    after = git("status", "--porcelain"), git("branch", "--show-current"), git("log", "--format=%H", "main")
    assert after == before
    assert (project.path / "shared.txt").read_text() == "the user's work\n"
    assert (project.path / "new.txt").exists()
    assert ".git" in session.reasons["T001"]
