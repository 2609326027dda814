"""What holds for all agents: time limits, judging, changes, sessions, environment."""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import psutil
import pytest
from stages import git

from pytest_moderator.attempt import LocalLauncher
from pytest_moderator.backends.agents import AgentBackend
from pytest_moderator.backends.agents.changes import differ
from pytest_moderator.model import Task, TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from stages import Stage

COMMIT = "git -c user.name=x -c user.email=x@x commit -q --allow-empty -m x"


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", ["", "well", "stubbornly"])
def test_one_that_tells_nothing_any_more_is_ended(stage: Stage, how: str) -> None:
    result = stage.play(f"write a ; hang {how}", idle_timeout=1.0)
    assert (result.exit_code, result.category) == (124, "timeout")
    assert result.error_message == "claude was ended: it told nothing for 1 s"


def test_one_that_is_held_need_not_tell_anything(stage: Stage) -> None:
    class Held(LocalLauncher):
        def clock(self) -> float:
            return 7.0

    stage.place = replace(stage.place, launcher=Held())
    result = stage.play("hang", idle_timeout=0.01, timeout=2.0)
    assert result.error_message == "timed out after 2 s"
    assert "attempt_running" in [event["kind"] for event in stage.told]  # for after a crash


def test_the_whole_limit(stage: Stage) -> None:
    result = stage.play("chatter", timeout=1.0)
    assert (result.exit_code, result.category) == (124, "timeout")
    assert result.error_message == "timed out after 1 s"


@pytest.mark.parametrize("how", ["", "well", "stubbornly"])
def test_one_that_stays_after_its_last_event_is_judged_by_that(stage: Stage, how: str) -> None:
    result = stage.play(f"write a ; done Finished. ; hang {how}", linger=0.3)
    assert (result.status, result.exit_code, result.stdout) == (TaskStatus.COMPLETED, 0, "Finished.")
    assert "moderator: ended it, as it was still there 0.3 s after it had finished\n" in result.stderr


def test_the_whole_limit_after_its_last_event(stage: Stage) -> None:
    for limit in (2.0, 20.0, 200.0):  # a longer one where it had not come to its last event
        result = stage.play("write a ; done ok ; hang", linger=600.0, timeout=limit)
        if result.success:
            break
    assert result.success


def test_one_that_fails_and_stays_has_failed(stage: Stage) -> None:
    result = stage.play("write a ; denied Bash ; hang well", linger=0.3)
    assert result.success  # a refused tool is no failure where a file was changed
    result = stage.play("empty ; hang well", linger=0.3, no_change_ok=True)
    assert result.error_message == "claude said that it had finished, but gave no answer"


def test_ending_with_0_without_having_finished_is_no_success(stage: Stage) -> None:
    result = stage.play("write a ; say Working ; exit 0")
    assert (result.status, result.exit_code) == (TaskStatus.FAILED, 1)
    assert result.error_message == "claude ended without saying that it had finished (exit code 0)"


def test_a_crash_after_the_work_is_no_success(stage: Stage) -> None:
    result = stage.play("write a ; die")
    assert (result.exit_code, result.error_message) == (139, "claude ended with exit code 139 (SIGSEGV)")
    result = stage.play("write a ; done ; die")
    assert result.error_message == "claude said that it had finished, but ended with exit code 139 (SIGSEGV)"


def test_nothing_printed(stage: Stage, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    result = stage.run(Task("T1", "Do it", 1), command=[str(silent)])
    assert result.error_message == "claude printed nothing (exit code 0)"
    assert result.category == "transient"


def test_the_last_words_of_standard_error_count(stage: Stage) -> None:
    result = stage.play("whine Error: 529 Overloaded ; exit 1")
    assert result.category == "transient"
    assert result.error_message == "claude found its service overloaded: Error: 529 Overloaded"
    result = stage.play("whine something odd ; exit 2")
    assert result.error_message == "claude ended with exit code 2: something odd"


def test_only_the_last_words_of_standard_error_count(stage: Stage) -> None:
    many = " ; ".join(["whine " + "x" * 1000] * 6)
    result = stage.play(f"whine Not logged in ; {many} ; exit 1")
    assert result.category == "logic"


def test_garbage_is_passed_over(stage: Stage) -> None:
    result = stage.play(
        'raw npm WARN deprecated ; raw {"type": "result" ; raw [1, 2] ; raw {"type": 7} ; raw {"type": "assistant", '
        '"message": null} ; raw {"type": "assistant", "message": {"content": [7, {"type": "text"}]}} ; '
        "write a ; done ok"
    )
    assert result.success
    assert "moderator: passed over 3 lines that were no events\n" in result.stderr


def test_half_a_line_at_the_end(stage: Stage) -> None:
    whole = json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "ok"})
    assert stage.play(f"write a ; half {whole}").success
    result = stage.play(f"write b ; half {whole[:40]}")
    assert "ended without saying that it had finished" in str(result.error_message)


def test_endless_output_is_ended(stage: Stage) -> None:
    result = stage.play("flood", max_output=1_000_000)
    assert (result.category, result.success) == ("resource", False)
    assert result.error_message == "claude was ended: it printed more than max_output allows"


def test_an_endless_line_is_not_held(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_moderator.backends.agents.follow._LONGEST_LINE", 1000)
    monkeypatch.setattr("pytest_moderator.backends.agents.follow._PORTION", 400)
    result = stage.play(f"raw {'x' * 5000} ; write a ; done ok")
    assert result.success
    assert "passed over 1 lines" in result.stderr


def test_what_it_leaves_behind_is_ended(stage: Stage) -> None:
    result = stage.play("write a ; leave ; done ok")
    assert result.success
    assert "moderator: ended what it had left behind: sleep (" in result.stderr
    assert not lives(int((stage.place.artifacts / "child").read_text()))


def test_done_without_doing(stage: Stage) -> None:
    result = stage.play("say Writing it now. ; done I have implemented everything.")
    assert (result.status, result.category) == (TaskStatus.FAILED, "logic")
    assert result.error_message == (
        "claude said that it had finished, but changed no file; "
        "if none was due, set no_change_ok: true for this backend"
    )
    assert result.stdout == "I have implemented everything."


def test_where_no_change_is_due(stage: Stage) -> None:
    assert stage.play("done I looked at it.", no_change_ok=True).success


@pytest.mark.parametrize(
    "actions",
    [
        "write new.txt",
        "write README.md other",
        "run rm README.md",
        f"write new.txt ; run git add new.txt && {COMMIT}",
    ],
)
def test_what_counts_as_a_change(stage: Stage, actions: str) -> None:
    assert stage.play(f"{actions} ; done ok").success


@pytest.mark.parametrize(
    "actions",
    [
        f"run {COMMIT}",
        f"run date >> tasks.md; git add tasks.md; {COMMIT}",
        "run git reset -q --hard HEAD~1",
    ],
)
def test_a_commit_alone_is_no_change(stage: Stage, actions: str) -> None:
    stage.place = replace(stage.place, tasks_file=stage.repository / "tasks.md")
    (stage.repository / "tasks.md").write_text("- [ ] T001 one\n")
    (stage.repository / "more.txt").touch()
    git(stage.repository, "add", ".")
    git(stage.repository, "commit", "-q", "-m", "More")
    result = stage.play(f"{actions} ; done ok")
    assert "changed no file" in str(result.error_message)


def test_a_commit_that_is_gone_counts_as_changed(stage: Stage, tmp_path: Path) -> None:
    nowhere = f"{'0' * 39}1 same"
    assert differ(stage.repository, nowhere, f"{git(stage.repository, 'rev-parse', 'HEAD').strip()} same")
    assert differ(tmp_path, " same", f"{'0' * 39}1 same")


def test_a_file_that_git_ignores_is_no_change(stage: Stage) -> None:
    assert not stage.play("write ignored ; done ok").success


def test_a_file_that_differed_before_counts_when_it_is_changed_again(stage: Stage) -> None:
    (stage.repository / "new.txt").write_text("from before\n")
    (stage.repository / "README.md").write_text("from before\n")
    assert not stage.play("done ok").success
    assert stage.play("write new.txt and more ; done ok").success


def test_what_the_run_itself_writes_is_no_change(stage: Stage) -> None:
    events = stage.repository / "events.jsonl"
    stage.place = replace(stage.place, written=(events,))
    assert not stage.play("run date >> events.jsonl ; done ok").success


def test_a_tick_in_the_tasks_file_is_no_change(stage: Stage) -> None:
    stage.place = replace(stage.place, tasks_file=stage.repository / "tasks.md")
    assert not stage.play("run date >> tasks.md ; done ok").success


def test_work_of_an_attempt_before_counts(stage: Stage) -> None:
    result = stage.play("fake 1: write a ; exit 3\nfake 2: done It was there already.", retries=1)
    assert (result.success, result.attempts) == (True, 2)


def test_outside_of_git_files_are_compared(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "old.txt").touch()
    events = folder / "events.jsonl"
    stage.place = replace(stage.place, working_directory=folder, written=(events,))
    records = (
        "run mkdir -p .moderator __pycache__ state/runs; touch .moderator/x __pycache__/x state/state.db"
    )
    for nothing in ("done ok", f"{records} ; done ok", "run date > events.jsonl ; done ok"):
        result = stage.play(nothing)
        assert "changed no file" in str(result.error_message)
    for something in ("write sub/new.txt", "write sub/old.txt", "run rm sub/old.txt"):
        assert stage.play(f"{something} ; done ok").success


def test_outside_of_git_very_many_files_are_not_compared(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_moderator.backends.agents.changes._MOST", 1)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).touch()
    stage.place = replace(stage.place, working_directory=folder)
    assert stage.play("done ok").success
    result = stage.play("empty")
    assert result.error_message == "claude said that it had finished, but gave no answer"


def test_in_a_repository_without_a_commit(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    git(folder, "init", "-q")
    stage.place = replace(stage.place, working_directory=folder)
    assert not stage.play("done ok").success
    assert stage.play("write a ; done ok").success


def test_without_git_files_are_compared(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_moderator.isolation.git.shutil.which", lambda name: None)
    assert not stage.play("done ok").success
    assert stage.play("write new.txt ; done ok").success


def test_a_git_around_this_one_changes_nothing(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other.git"))
    assert stage.play("write a ; done ok").success
    assert "GIT_DIR" not in stage.calls[0]["env"]
    assert not stage.play("done ok").success


def test_its_environment_is_a_list(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "CLAUDECODE",
        "MY_TOKEN",
        "AWS_REGION",
        "MODERATOR_TIMEOUT",
    ):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("NAMED_SECRET", "y")
    task = Task(
        "T1", "Do it", 1, description="fake: write a ; done", env={"MINE": "1"}, secrets=("NAMED_SECRET",)
    )
    assert stage.run(task, env=["AWS_*"]).success
    [call] = stage.calls
    env = call["env"]
    assert {"ANTHROPIC_API_KEY", "AWS_REGION", "MINE", "NAMED_SECRET", "PATH", "HOME", "TMPDIR"} <= env.keys()
    assert not {"OPENAI_API_KEY", "CLAUDECODE", "MY_TOKEN", "MODERATOR_TIMEOUT"} & env.keys()
    assert env["MODERATOR_TASK_ID"] == "T1"
    assert env["GIT_TERMINAL_PROMPT"] == "0"


def test_a_session_is_noted_before_it_is_used(stage: Stage) -> None:
    stage.play("write a ; done")
    noted = json.loads(stage.left("session.json").read_text())
    assert noted["session"] == stage.calls[0]["argv"][stage.calls[0]["argv"].index("--session-id") + 1]
    assert noted["directory"] == str(stage.repository)


def test_a_session_of_another_place_is_not_continued(stage: Stage, tmp_path: Path) -> None:
    stage.play("write a ; exit 3")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    stage.place = replace(stage.place, working_directory=elsewhere, attempt=2)
    stage.play("done ok")
    assert "--resume" not in stage.calls[1]["argv"]


@pytest.mark.parametrize("noted", ["{", "[]", '{"backend": "claude"}'])
def test_a_damaged_note_of_a_session_is_none(stage: Stage, noted: str) -> None:
    stage.place.directory.mkdir(parents=True)
    stage.left("session.json").write_text(noted)
    assert stage.play("write a ; done").success
    assert "--resume" not in stage.calls[0]["argv"]


def test_a_session_that_has_grown_too_long_is_forgotten(stage: Stage) -> None:
    stage.play("error Prompt is too long")
    assert not stage.left("session.json").exists()


def test_a_program_that_is_not_there(stage: Stage) -> None:
    result = stage.run(Task("T1", "Do it", 1), command=["no-such-agent"])
    assert (result.exit_code, result.category) == (127, "configuration")
    assert str(result.error_message).startswith("cannot start 'no-such-agent': No such file")


def test_a_missing_file_is_named_before_the_run(tmp_path: Path) -> None:
    task = Task("T7", "Do it", 4)
    backend = AgentBackend("writer", {"type": "claude", "prompt_file": str(tmp_path / "rules.md")})
    [problem] = backend.validate(task)
    assert (problem.code, problem.line) == ("missing-file", 4)
    (tmp_path / "rules.md").touch()
    assert backend.validate(task) == []
    assert AgentBackend("writer", {"type": "claude"}).validate(task) == []


def test_whether_it_is_installed(tmp_path: Path) -> None:
    health = AgentBackend("writer", {"type": "claude", "command": ["no-such-agent"]}).health()
    assert (health.ok, health.detail) == (False, "'no-such-agent' is not installed")
    assert health.hint == "install it, or name it with backends.writer.command"
    assert AgentBackend("writer", {"type": "claude", "command": ["sh"]}).health().ok


@pytest.mark.parametrize(
    ("script", "version", "more"),
    [
        ("#!/bin/sh\necho 2.1.212 '(Claude Code)'", "2.1.212", ""),
        ("#!/bin/sh\necho hello $1", None, ""),
        ("#!/bin/sh\n[ $1 = --version ] && exit 3", None, ", whose --version ends with exit code 3"),
        ("#!/bin/sh\nexec sleep 60", None, ", which has not told its version within 0.1 s"),
        ("#!/usr/bin/env no-such-node\n", None, " cannot be started: *no-such-node*"),
        ("#!/no/such/interpreter\n", None, " cannot be started: No such file or directory"),
        ("\x7fELF of another machine", None, " cannot be started: Exec format error"),
        ("#!/bin/sh\nexit 126", None, " cannot be started: exit code 126"),
    ],
)
def test_whether_it_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, version: str | None, more: str
) -> None:
    patience = 0.1 if "sleep" in script else 60.0
    monkeypatch.setattr("pytest_moderator.backends.agents.version._PATIENCE", patience)
    program = tmp_path / "agent"
    program.write_text(script)
    program.chmod(0o755)
    settings = {"type": "claude", "command": [str(program)]}
    ok = "cannot be started" not in more
    health = AgentBackend("writer", settings).started()
    assert (health.ok, health.version) == (ok, version)
    assert fnmatchcase(health.detail, f"{program}{more}")
    assert bool(health.hint) is not ok
    assert AgentBackend("writer", {**settings, "type": "custom"}).started().version is None
    assert not AgentBackend("writer", {"type": "codex", "command": ["no-such-agent"]}).started().ok


def test_rules_that_have_gone_away(stage: Stage, tmp_path: Path) -> None:
    result = stage.play("done", prompt_file=str(tmp_path / "gone.md"))
    assert "prompt_file: cannot read" in str(result.error_message)
    assert "gone.md" in str(result.error_message)


def test_a_long_answer_is_shown_in_part(stage: Stage) -> None:
    stage.place = replace(stage.place, output_limit=100)
    result = stage.play(f"write a ; done {'x' * 1000}")
    assert "900 characters left out" in result.stdout
    assert len(result.stdout) < 200
    assert len(stage.left("answer.md").read_text()) == 1000


def test_an_agent_takes_no_task_unasked() -> None:
    assert not AgentBackend("claude", {"type": "claude"}).accepts(Task("T1", "Write prose", 1))
