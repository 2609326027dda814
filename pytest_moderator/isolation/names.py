"""Names for folders and branches, made from task ids that may be anything."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from pytest_moderator.errors import ModeratorError

_LONGEST = 64
_LONGEST_SLUG = 40

# No leading or trailing separator and no two in a row: so no `..`, no option, no hidden file, no trailing dot.
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_LEADING = re.compile(r"\A[a-z]+(?=[0-9])")
_HASHED = re.compile(r".*-[0-9a-f]{16}", re.IGNORECASE)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


class EmptyTaskIdError(ModeratorError, ValueError):
    """A task id without a visible character, of which no name can be made."""


@lru_cache
def sanitise_id(task_id: str) -> str:
    """Make a name for a folder, or a part of a branch name, of a task id.

    An id stays as it is when it is plain: at most 64 ASCII letters and digits with single ``.``, ``_`` or
    ``-`` between them, in lower case, except that letters which lead straight into a digit at its start are in
    upper case (``T001``, ``US1``, ``T007a``, ``1.2``, ``set-up``); and neither reserved on Windows
    (``aux``), nor ending in ``.lock`` (git refuses it), nor of the second kind. Every other id becomes
    ``{readable part}-{16 hexadecimal digits of its SHA-256}``, in lower case.

    So two different ids never get one name, not even on a file system that ignores case or normalises
    Unicode, and no name can leave its folder, be an option or be refused by git.

    Args:
        task_id: any text.

    Returns:
        A name of ASCII letters, digits, ``.``, ``_`` and ``-``, 64 of them at most.

    Raises:
        EmptyTaskIdError: there is no visible character in it.
    """
    if not task_id.strip():
        raise EmptyTaskIdError(
            f"a task needs an id that is not empty, not {task_id!r}: give it one such as T001"
        )
    if _is_plain(task_id):
        return task_id
    digest = hashlib.sha256(task_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_slug(task_id)}-{digest}"


def branch_name(base_branch: str, task_id: str) -> str:
    """Name the branch of a task: ``{base_branch}-task-{sanitised id in lower case}``."""
    return f"{base_branch}-task-{sanitise_id(task_id).lower()}"


def _is_plain(task_id: str) -> bool:
    """Whether an id is its own name."""
    folded = task_id.lower()
    return (
        len(task_id) <= _LONGEST
        and _PLAIN.fullmatch(task_id) is not None
        # Of all ids that differ by case only, exactly one may keep its name.
        and task_id == _LEADING.sub(lambda letters: letters[0].upper(), folded)
        and not folded.endswith(".lock")
        and _RESERVED.fullmatch(task_id) is None
        and _HASHED.fullmatch(task_id) is None
    )


def _slug(task_id: str) -> str:
    """Give the readable part of a name that is not the id itself."""
    text = unicodedata.normalize("NFKD", task_id).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", text).strip("-")
    return words[:_LONGEST_SLUG].rstrip("-") or "task"
