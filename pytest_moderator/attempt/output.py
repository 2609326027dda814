"""What of a log is shown: its first and last part, cleaned for terminals, XML and pages."""

from __future__ import annotations

import codecs
import os
from typing import TYPE_CHECKING

from pytest_moderator.cleaning import clean

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["clean", "excerpt"]

_CONTINUATION = bytes(range(0x80, 0xC0))  # what UTF-8 never begins a character with


def excerpt(path: Path, limit: int = 65536) -> str:
    """Read the first and last part of a log, cleaned for display.

    Args:
        path: the log; one that does not exist is empty.
        limit: how many bytes of it are read at most, half from either end.

    Returns:
        The text; a line in its middle says how much was left out, and where all of it is.
    """
    try:
        if not path.stat().st_size:
            return ""
        with path.open("rb") as log:
            size = os.fstat(log.fileno()).st_size
            if size <= limit:
                return clean(log.read(limit).decode("utf-8", "replace"))
            head = log.read(limit // 2)
            log.seek(size - limit // 2)
            tail = log.read(limit // 2)
    except FileNotFoundError:
        return ""
    left_out = f"… {size - len(head) - len(tail):,} bytes left out, all of it in {path} …"
    return f"{_text(head)}\n{clean(left_out)}\n{_text(tail)}"


def _text(part: bytes) -> str:
    """Decode a part whose first and last character may have been cut in two."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return clean(decoder.decode(part.lstrip(_CONTINUATION))).strip("\n")
