"""Whether the program of an agent can be started at all, and which version it is."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.attempt.launcher import CANNOT_EXECUTE, NOT_FOUND
from pytest_moderator.attempt.output import clean
from pytest_moderator.backends.agents.events import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_moderator.backends.base import Health

_PATIENCE = 4.0  # seconds
_HINT = "install it anew, and try it by hand with --version"


def started(command: Sequence[str], found: Health) -> Health:
    """Start a program to ask it for its version.

    Args:
        command: the program, and arguments that always stand right behind it.
        found: what is known without starting it.

    Returns:
        The same with its version, as far as it tells one; one that is not well where it cannot be started.
    """
    try:
        done = subprocess.run(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:  # its interpreter is missing, or it is for another machine
        return replace(
            found, ok=False, detail=f"{found.detail} cannot be started: {error.strerror}", hint=_HINT
        )
    except subprocess.SubprocessError:
        return replace(found, detail=f"{found.detail}, which has not told its version within {_PATIENCE:g} s")
    if done.returncode in (CANNOT_EXECUTE, NOT_FOUND):  # what it is started by lacks something
        why = brief(clean(done.stderr)) or f"exit code {done.returncode}"
        return replace(found, ok=False, detail=f"{found.detail} cannot be started: {why}", hint=_HINT)
    if done.returncode:
        return replace(found, detail=f"{found.detail}, whose --version ends with exit code {done.returncode}")
    version = re.search(r"\d+(?:\.\d+)+[\w.+-]*", done.stdout)
    return replace(found, version=version[0] if version else None)
