"""The one place that runs git: quietly, without questions, and never as something else than data.

GitPython's command layer starts it, as a list of arguments. Nothing that this process has inherited from a git that
runs it (a hook, for example) reaches it, and nothing of the repository runs on our account: no hook, no file system
monitor, no garbage collection.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_ALWAYS = (
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgsign=false",
    "submodule.recurse=false",
    "status.showUntrackedFiles=normal",  # work that a status does not show would be lost
    "diff.ignoreSubmodules=none",
    "i18n.commitEncoding=UTF-8",
    "protocol.ext.allow=never",
)
_CEILING = "GIT_CEILING_DIRECTORIES"
_NO_HOOKS = "core.hooksPath=/dev/null"
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_EDITOR": "true",
}
# Who the user is, where the configuration is and how a server is reached; all else is about another repository.
_KEPT = re.compile(
    r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|(KEY|VALUE)_\d+)|(AUTHOR|COMMITTER)_(NAME|EMAIL)|EXEC_PATH"
    r"|SSH\w*|SSL_\w+|PYTHON_\w+)"
)
_BUSY = re.compile(
    r"unable to create '[^']*\.lock': file exists|could not lock config file|failed to read \S+/commondir"
    r"|unable to lock|cannot lock ref .*unable to create",
    re.IGNORECASE,
)
_LOCK_FILE = re.compile(r"'([^']*\.lock)'")
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds; 6.4 together


class GitError(ModeratorError):
    """Git did not do what it was asked to.

    Attributes:
        status: its exit code; 127 where there is no git.
        stderr: what it said.
    """

    def __init__(self, message: str, status: int = 127, stderr: str = "") -> None:
        """Keep what a caller may want to look at."""
        self.status = status
        self.stderr = stderr
        super().__init__(message)


class Answer(NamedTuple):
    """What came of a git process: its exit code, and what it wrote. Bytes that are no text are kept as surrogates."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """What it wrote, without white space around it."""
        return self.out.strip()

    @property
    def parts(self) -> list[str]:
        """What it wrote, cut at NUL characters."""
        return self.out.split("\0")[:-1] if self.out.endswith("\0") else self.out.split("\0")


class Git:
    """Runs git in a directory.

    Args:
        directory: where it works.
        lock: descriptor of the repository's lock while that is held. Git inherits it, so that the lock is held until
            what was begun under it has ended, also when this process is killed.
        top: the top of the work tree that is meant: git does not look above it for another one.
    """

    def __init__(self, directory: Path, lock: int | None = None, *, top: Path | None = None) -> None:
        if shutil.which("git") is None:
            raise GitError("there is no git on the search path: install git 2.38 or newer")
        from git.cmd import Git as Command  # noqa: PLC0415 (takes 70 ms, and most runs do without)

        self.directory = directory
        self._lock = lock
        self._ceiling = {} if top is None else {_CEILING: os.path.realpath(top.parent)}
        self._command = Command(os.fspath(directory))

    def __call__(
        self,
        *arguments: str,
        accept: Sequence[int] = (0,),
        config: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        hooks: bool = False,
    ) -> Answer:
        """Run git to its end; wait a little and try again while a lock of git's own is held by somebody.

        Args:
            arguments: the sub-command and its arguments.
            accept: exit codes that are no error.
            config: further settings for this call, as ``name=value``.
            env: further environment variables.
            hooks: whether the repository's hooks run.

        Raises:
            GitError: another exit code.
        """
        settings = [*_ALWAYS, *([] if hooks else [_NO_HOOKS]), *config]
        env = {**_ENVIRONMENT, **self._ceiling, **(env or {})}
        command = [
            *_scrub(env),
            "git",
            *(part for setting in settings for part in ("-c", setting)),
            *arguments,
        ]
        for pause in (*_PAUSES, None):
            answer = self._execute(command, env)
            if answer.status in accept:
                return answer
            if pause is None or not _BUSY.search(answer.err):
                break
            time.sleep(pause)
        raise GitError(_complaint(arguments, answer, self.directory), answer.status, answer.err)

    def _execute(self, command: Sequence[str], environment: Mapping[str, str]) -> Answer:
        answer = self._command.execute(
            command,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            env=environment,
            # Its own session: what is sent to our process group, Ctrl-C or worse, does not leave half of a change.
            start_new_session=True,
            pass_fds=() if self._lock is None else (self._lock,),
        )
        status, out, err = answer
        return Answer(int(status), os.fsdecode(out), str(err))


def _scrub(ours: Mapping[str, str]) -> Iterator[str]:
    """Take variables of an outer git out of the environment; GitPython can only add to it."""
    theirs = (name for name in os.environ if name not in ours and not _KEPT.fullmatch(name))
    foreign = [name for name in theirs if name.startswith("GIT_")]
    if foreign:
        yield "env"
        for name in foreign:
            yield from ("-u", name)


def _complaint(arguments: Sequence[str], answer: Answer, directory: Path) -> str:
    said = " ".join(answer.err.split()) or f"exit code {answer.status}"
    command = next(argument for argument in arguments if not argument.startswith("-"))
    message = f"git {command} failed in {str(directory)!r}: {said}"
    if _BUSY.search(answer.err):
        lock = _LOCK_FILE.search(answer.err)
        name = repr(lock[1]) if lock else "the file"
        message += f"; wait until no other git is at work there; if none is, remove {name}"
    return message
