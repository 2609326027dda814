"""The shell backend, with real shells."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.attempt import LocalLauncher, run_task
from pytest_moderator.backends import shell
from pytest_moderator.backends.shell import ShellBackend
from pytest_moderator.model import Command, Task, TaskResult, TaskStatus

if TYPE_CHECKING:
    from pytest_moderator.backends.base import AttemptContext, ProcessOutcome, ProcessSpec

needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
LANGUAGES = ["sh", "shell", "bash", "console", pytest.param("zsh", marks=needs_zsh)]


def task_of(*scripts: str, language: str = "sh", **values: Any) -> Task:
    commands = tuple(Command(language, script, 10 * line) for line, script in enumerate(scripts, 1))
    return Task("T001", "A task", 3, commands=commands, **values)


def run(task: Task, place: AttemptContext) -> TaskResult:
    return run_task(task, ShellBackend(), place)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_failing_command_ends_it(place: AttemptContext, language: str) -> None:
    prompt = "$ " if language == "console" else ""
    script = "".join(f"{prompt}{line}\n" for line in ("echo one", "(exit 5)", "echo two"))
    result = run(task_of(script, language=language), place)
    assert (result.status, result.exit_code) == (TaskStatus.FAILED, 5)
    assert (result.stdout, result.error_message) == ("one\n", "exit code 5")


@pytest.mark.parametrize("language", ["bash", pytest.param("zsh", marks=needs_zsh)])
def test_a_failure_inside_a_pipe_counts(place: AttemptContext, language: str) -> None:
    assert run(task_of("(exit 4) | cat\necho no\n", language=language), place).exit_code == 4


def test_a_bash_fence_is_for_bash(place: AttemptContext) -> None:
    assert run(task_of('a=(1 2); echo "${a[1]}"\n', language="bash"), place).stdout == "2\n"


def test_the_place(place: AttemptContext) -> None:
    folder = place.workspace / "else where"
    folder.mkdir()
    result = run(task_of("pwd; echo $0\n"), replace(place, working_directory=folder))
    assert result.stdout == f"{folder}\nsh\n"


def test_a_long_script_is_run_from_a_file(place: AttemptContext) -> None:
    text = f"echo first\n{'# as long as an argument may not be' * 10_000}\necho last\n"
    assert run(task_of(text), place).stdout == "first\nlast\n"
    assert (place.directory / "script-10.sh").read_text() == text


class Noting(LocalLauncher):
    """Notes what is started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[str, ...]] = []
        self.limits: list[float | None] = []

    def run(self, spec: ProcessSpec) -> ProcessOutcome:
        self.started.append(spec.argv)
        self.limits.append(spec.timeout)
        return super().run(spec)


class Held(Noting):
    """Notes what is started, while no time passes for it."""

    def clock(self) -> float:
        return 7.0


def test_time_in_which_processes_are_held_is_left_to_those_that_follow(place: AttemptContext) -> None:
    task = replace(task_of("true\n"), commands=task_of("sleep 0.1\n").commands * 2, verify=("true",))
    held = Held()
    result = run_task(task, ShellBackend(), replace(place, launcher=held, timeout=60.0))
    assert (result.success, held.limits) == (True, [60.0] * 3)


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.mark.parametrize("language", ["sh", "shell", "console"])
def test_a_plain_command_needs_no_shell(place: AttemptContext, noting: Noting, language: str) -> None:
    prompt = "$ " if language == "console" else ""
    task = task_of(f"{prompt}env A=1 printenv  A\n", language=language)
    result = run(task, replace(place, launcher=noting))
    assert result.stdout == "1\n"
    assert noting.started == [("env", "A=1", "printenv", "A")]


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("echo -n", ""),
        ("printf %s hi", "hi"),
        ("A=1 printenv A", "1\n"),
        ("printenv A || true", ""),
        ("true # nothing", ""),
        ("printenv 'PWD'", "{here}\n"),
        ("ls *.md", "tasks.md\n"),
        ("ls ~/nothing 2>&1 | wc -l", "1\n"),
        ("printenv\nPWD", None),
        ("cd ..", ""),
        ("test -d .", ""),
        ("exit 0", ""),
        ("if true; then true; fi", ""),
        ("greet", "hello\n"),
    ],
)
def test_a_shell_gets_what_only_it_understands(
    place: AttemptContext, noting: Noting, monkeypatch: pytest.MonkeyPatch, script: str, output: str | None
) -> None:
    (place.working_directory / "tasks.md").touch()
    monkeypatch.setenv("BASH_FUNC_greet%%", "() { echo hello; }")
    if script == "greet":
        bash = shutil.which("bash")
        monkeypatch.setattr(shell, "_which", lambda _: bash)  # as where `sh` is bash
    result = run(task_of(script), replace(place, launcher=noting))
    ((program, *_),) = noting.started
    assert program.endswith("sh")
    if output is not None:
        assert result.stdout == output.format(here=place.working_directory)


def test_a_plain_command_starts_in_its_place(
    place: AttemptContext, noting: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", "/elsewhere")
    result = run(task_of("printenv PWD\n"), replace(place, launcher=noting))
    assert result.stdout == f"{place.working_directory}\n"
    assert noting.started == [("printenv", "PWD")]


def test_a_file_without_a_line_for_its_interpreter_is_a_script_for_the_shell(place: AttemptContext) -> None:
    program = place.working_directory / "greet"
    program.write_text("echo hello $1\n")
    program.chmod(0o700)
    assert run(task_of("./greet you\n"), place).stdout == "hello you\n"


def test_what_is_missing_is_said_by_the_shell(place: AttemptContext) -> None:
    result = run(task_of("no-such-program --now\n"), place)
    assert (result.exit_code, result.error_message) == (127, "exit code 127")
    assert "no-such-program" in result.stderr
    assert "not found" in result.stderr


def test_a_plain_command_that_uses_too_much_memory_is_run_once(place: AttemptContext) -> None:
    code = "import time; open('ran', 'a').write('x'); text = 'x' * 400_000_000; time.sleep(60)"
    (place.working_directory / "eat.py").write_text(code)
    result = run(task_of(f"{sys.executable} eat.py\n", memory=200_000_000, retries=0), place)
    assert result.exit_code == 137
    assert (place.working_directory / "ran").read_text() == "x"


def test_several_fences_run_in_order_each_by_its_shell(place: AttemptContext) -> None:
    result = run(task_of("x=1; echo one\n", "echo two $x\n"), place)
    assert result.stdout == "one\ntwo\n"
    assert result.success
    assert result.cpu_seconds is not None


def test_the_fence_that_failed_is_named(place: AttemptContext) -> None:
    result = run(task_of("echo one\n", "exit 3\n", "echo three\n"), place)
    assert result.stdout == "one\n"
    assert result.error_message == "exit code 3, in the commands at line 20"


def test_one_limit_for_all_fences(place: AttemptContext) -> None:
    for limit in (1.0, 10.0, 100.0):  # a longer one where it was over in the first of them
        result = run(task_of("sleep 0.2\n", "sleep 600\n", timeout=limit), place)
        if "line 20" in (result.error_message or ""):
            break
    assert result.exit_code == 124
    assert result.error_message in {
        "timed out after 1 s, in the commands at line 20",
        "timed out after 10 s, in the commands at line 20",
        "timed out after 1m 40s, in the commands at line 20",
    }


def test_without_a_limit(place: AttemptContext) -> None:
    assert run(task_of("true\n"), replace(place, timeout=None)).success


def test_a_signal_is_named(place: AttemptContext) -> None:
    result = run(task_of("kill -SEGV $$\n"), place)
    assert (result.exit_code, result.error_message) == (139, "exit code 139 (SIGSEGV)")


def test_what_is_left_behind_is_named(place: AttemptContext) -> None:
    script = 'sleep 600 & until [ "$(ps -o comm= -p $!)" = sleep ]; do sleep 0.01; done\n'
    result = run(task_of(script), place)
    assert result.success
    assert result.stderr.startswith("moderator: ended what the task had left behind: sleep (")


def test_output_is_shown_in_part(place: AttemptContext) -> None:
    result = run(task_of("yes | head -c 100000\n"), replace(place, output_limit=1000))
    assert "99,000 bytes left out" in result.stdout
    assert len(result.stdout) < 1300


def test_odd_output_is_cleaned(place: AttemptContext) -> None:
    result = run(task_of("printf '\\033[31mred\\033[0m \\377\\000.'\n"), place)
    assert result.stdout == "red \ufffd."


def test_a_script_may_hold_anything(place: AttemptContext) -> None:
    text = "# \udcff ü\ncat <<'END'\n`id` $x\nEND"
    assert run(task_of(text), place).stdout == "`id` $x\n"


def test_values_are_never_part_of_a_script(place: AttemptContext) -> None:
    title = "$(touch hacked); `touch hacked`\n'\""
    task = replace(task_of('printf %s "$MODERATOR_TASK_TITLE"\n'), title=title)
    assert run(task, place).stdout == title
    assert not (place.workspace / "hacked").exists()


def test_a_console_session(place: AttemptContext) -> None:
    session = """\
$ echo one \\
> two
one two
> not a command
$ cat <<END
> three
> END
three
"""
    result = run(task_of(session, language="console"), place)
    assert result.stdout == "one two\nthree\n"


@pytest.mark.parametrize(
    ("task", "accepted"),
    [
        (task_of("true\n"), True),
        (task_of("$ true\n", language="console"), True),
        (task_of("just output\n", language="console"), False),
        (task_of("x = 1\n", language="python"), False),
        (task_of("true\n", call="a:b"), False),
        (Task("T001", "In prose", 3), False),
    ],
)
def test_what_it_accepts(task: Task, accepted: bool) -> None:
    assert ShellBackend().accepts(task) is accepted


@pytest.mark.parametrize("task", [Task("T1", "", 3), task_of("x", language="console"), task_of("\n")])
def test_nothing_to_run_is_a_problem(task: Task, place: AttemptContext) -> None:
    (problem,) = ShellBackend().validate(task)
    assert (problem.code, problem.line) == ("no-command", 3)
    result = run(task, place)
    assert (result.error_message or "").startswith("nothing to run: no command for a shell: add a fence")


def test_a_missing_shell_is_a_problem(place: AttemptContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_which", lambda name: shutil.which(name, path="/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    task = task_of("true\n", language="zsh")
    (problem,) = ShellBackend().validate(task)
    assert (problem.code, problem.line) == ("missing-shell", 10)
    assert problem.message == "'zsh' is not installed, but the commands at line 10 are for it"
    result = run(task, place)
    assert (result.exit_code, result.error_message) == (
        127,
        "cannot start 'zsh': No such file or directory: 'zsh'",
    )


def test_a_shell_that_is_there_is_none() -> None:
    assert ShellBackend().validate(task_of("true\n", "false\n")) == []
    assert shell._which("sh")
