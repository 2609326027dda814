"""What a task itself says, in short: whether it is still the same is known without comparing all of it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pytest_moderator.tasksfile.own_text import is_status, own_text, said_in

if TYPE_CHECKING:
    from pytest_moderator.model import Task

# What a task says besides its text. Whatever is left open is left out, so that a field that comes with a new
# version changes no fingerprint.
_SAID = (
    "call", "backend", "verify", "timeout", "retries", "approve", "isolation", "env",
    "secrets", "fixtures", "resources", "memory", "estimate", "budget", "refresh", "reduced",
)  # fmt: skip
_JSON = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"))
_DIGITS = 16


def fingerprint(task: Task) -> str:
    """Give a short hash of what a task itself says: its id, its text and its keys.

    Whether it is done, where it stands (line, phase, wave, parent), ``[P]`` and the story make no difference, nor do
    boxes and states within its text. It is the same in every process and with every version of Python.

    Args:
        task: the task as it was read, before any setting is filled in.

    Returns:
        16 hexadecimal digits.
    """
    said: dict[str, object] = {
        "id": task.id,
        "optional": task.optional,
        "critical": task.critical,
        "text": own_text(task),
        "commands": [(command.language, command.text) for command in task.commands],
        "depends_on": sorted(set(task.depends_on)),
        "files": sorted(set(task.files)),
        "notes": {name: tuple(said_in(text)) for name, text in task.notes.items() if not is_status(name)},
    }
    for name in _SAID:
        value = getattr(task, name)
        if value is not None and value not in ((), {}):
            said[name] = dict(value) if name in ("env", "reduced") else value
    return hashlib.sha256(_JSON.encode(said).encode("ascii")).hexdigest()[:_DIGITS]
