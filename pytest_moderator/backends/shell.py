"""The ``shell`` backend: code fences and ``run:`` lines that a shell runs."""

from __future__ import annotations

import errno
import functools
import re
import shutil
from typing import TYPE_CHECKING

from pytest_moderator.backends.base import Backend, Health
from pytest_moderator.errors import ModeratorError
from pytest_moderator.model import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_moderator.backends.base import AttemptContext, ProcessOutcome
    from pytest_moderator.model import Command, Task, TaskResult

_NO_COMMAND = "nothing to run: no command for a shell"
_ADD_ONE = "add a fence such as ```sh, or a 'run:' line"
# A shell runs a script without `#!`, and says in its own words what is missing.
_FOR_A_SHELL = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENOEXEC})
_LONGEST_ARGUMENT = 30_000  # characters; Linux takes 131,072 bytes
_STRICT = ("-e", "-o", "pipefail")

# What `sh` would pass on as it stands: a program and arguments without any character that means something to it.
_PLAIN = re.compile(r"\s*[\w./@%+:,-]+(?: +[\w./@%+:,=-]+)*\s*", re.ASCII)
# What it does itself, in any of the shells that a system calls `sh`; programs do the same as its `true` and `false`.
_OF_THE_SHELL = frozenset(
    """. : alias autoload bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc
    declare dirs disown do done echo elif else enable esac eval exec exit export fc fg fi for function getopts hash
    hist history if in jobs kill let local logout mapfile newgrp popd print printf pushd pwd read readarray readonly
    return select set shift shopt source stop suspend test then time times trap type typeset ulimit umask unalias
    unset until wait whence which while""".split()  # noqa: SIM905 (readable)
)
_SHELLS = {
    "sh": ("sh", "-e"),
    "shell": ("sh", "-e"),
    "console": ("sh", "-e"),
    "bash": ("bash", *_STRICT),
    "zsh": ("zsh", *_STRICT),
}


class ShellBackend(Backend):
    """Runs the fences ``sh``, ``shell``, ``bash``, ``zsh`` and ``console``, and the ``run:`` line, of a task.

    Each is run by a shell of its own, one after another, in the task's working directory. A failing command ends
    its script, and the task: ``sh -e``, and with bash and zsh, a failure inside a pipe as well.

    A script for ``sh`` that is a single program with plain arguments is started without a shell in between, which
    costs as much as a small program does itself.

    Of a ``console`` fence, lines that begin with ``$`` and a space are commands, and those after them that
    begin with ``>`` and a space go on with them; the rest is sample output.
    """

    name = "shell"
    needs_command = True

    def accepts(self, task: Task) -> bool:
        """Whether the first thing to run in the task is for a shell."""
        return not task.call and bool(_commands(task)) and task.commands[0].language in _SHELLS

    def validate(self, task: Task) -> list[Problem]:
        """Name what is missing: commands, or the shell for them."""
        commands = _commands(task)
        if not commands:
            return [Problem(Severity.ERROR, "no-command", _NO_COMMAND, _ADD_ONE, line=task.line)]
        return [problem for command in commands for problem in _missing_shell(command)]

    def health(self) -> Health:
        """Look for ``sh``; which other shells tasks need is for :meth:`validate` to say."""
        path = shutil.which("sh")
        if path is None:
            return Health(
                ok=False, detail="sh was not found", hint="install it, or put its directory into PATH"
            )
        return Health(detail=path)

    def execute(self, task: Task, context: AttemptContext) -> TaskResult:
        """Run the scripts one after another, up to the first that fails."""
        from pytest_moderator.backends.process import describe_failure, process_result  # noqa: PLC0415 (see below)

        commands = _commands(task)
        if not commands:
            raise ModeratorError(f"{_NO_COMMAND}: {_ADD_ONE}")
        deadline = context.deadline()
        outcomes: list[ProcessOutcome] = []
        for command in commands:
            outcomes.append(_run(command, context, deadline))
            if outcomes[-1].exit_code:
                break
        message = None
        if len(commands) > 1:
            message = describe_failure(outcomes[-1], context.timeout)
            message += f", in the commands at line {commands[len(outcomes) - 1].line}"
        return process_result(task, context, outcomes, backend=self.name, error_message=message)


def _commands(task: Task) -> list[Command]:
    """List what is for a shell in a task."""
    return [command for command in task.commands if command.language in _SHELLS and _script(command).strip()]


def _missing_shell(command: Command) -> list[Problem]:
    shell = _SHELLS[command.language][0]
    if _which(shell):
        return []
    message = f"{shell!r} is not installed, but the commands at line {command.line} are for it"
    hint = "install it, or name another shell in the fence"
    return [Problem(Severity.ERROR, "missing-shell", message, hint, line=command.line)]


def _run(command: Command, context: AttemptContext, deadline: float | None) -> ProcessOutcome:
    """Run a script with what is left of the time."""
    from pytest_moderator.backends.process import run_process  # noqa: PLC0415 (only where tasks run)

    def run(argv: Sequence[str]) -> ProcessOutcome:
        return run_process(context, argv, timeout=context.left(deadline))

    if words := _words(command, context.environment):
        outcome = run(words)
        if outcome.errno not in _FOR_A_SHELL:
            return outcome
    return run(_argv(command, context.directory))


def _words(command: Command, environment: Mapping[str, str]) -> list[str]:
    """Give the program and the arguments of a script that needs no shell; nothing where it may need one."""
    script = _script(command)
    if _SHELLS[command.language][0] != "sh" or not _PLAIN.fullmatch(script):
        return []
    words = script.split()
    # A `sh` that is bash takes functions from its environment.
    return [] if words[0] in _OF_THE_SHELL or f"BASH_FUNC_{words[0]}%%" in environment else words


def _argv(command: Command, directory: Path) -> list[str]:
    """Say how a script is run: as an argument, since a file costs more than the shell; from a file if it is long."""
    script = _script(command)
    shell, *options = _SHELLS[command.language]
    if len(script) < _LONGEST_ARGUMENT:
        return [_which(shell) or shell, *options, "-c", script, shell]
    file = directory / f"script-{command.line}.sh"
    file.write_bytes(script.encode("utf-8", "surrogateescape"))
    return [_which(shell) or shell, *options, str(file)]


def _script(command: Command) -> str:
    """Give the commands alone."""
    if command.language != "console":
        return command.text
    lines = []
    continued = False
    for line in command.text.splitlines():
        continued = line.startswith("$ ") or (continued and line.startswith("> "))
        if continued:
            lines.append(line[2:])
    return "".join(f"{line}\n" for line in lines)


@functools.cache
def _which(program: str) -> str | None:
    return shutil.which(program)
