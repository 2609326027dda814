"""What of the environment an agent is given: what is on a list, not everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.attempt.environment import TASK_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_moderator.backends.base import AttemptContext
    from pytest_moderator.model import Task

_EVERYBODY = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TERM",
    "TMPDIR",
    "VIRTUAL_ENV",
    "XDG_*",
    # how the network is reached, and whom it trusts
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    # git fails instead of asking
    "GIT_TERMINAL_PROMPT",
    "GIT_EDITOR",
)


def agent_environment(task: Task, context: AttemptContext, allowed: Iterable[str]) -> dict[str, str]:
    """Take from a task's environment what its agent is given.

    Args:
        task: the task; the variables that it sets, and those that its ``secrets`` name, are given.
        context: the attempt.
        allowed: names of further variables; a ``*`` at the end stands for any rest.
    """
    named = {*TASK_VARIABLES, *context.given, *task.env, *task.secrets}
    beginnings = tuple(name[:-1] for name in (*_EVERYBODY, *allowed) if name.endswith("*"))
    named.update(name for name in (*_EVERYBODY, *allowed) if not name.endswith("*"))
    environment: Mapping[str, str] = context.environment
    return {
        name: value
        for name, value in environment.items()
        if name in named or (beginnings and name.startswith(beginnings))
    }
