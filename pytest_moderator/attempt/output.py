"""What of a log is shown: its first and last part, cleaned for terminals, XML and pages."""

from __future__ import annotations

import codecs
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CONTINUATION = bytes(range(0x80, 0xC0))  # what UTF-8 never begins a character with

# Sequences with a payload (OSC, DCS, SOS, PM, APC), then CSI, then the short ones. A payload without an end
# loses its introducer only: what follows is output that somebody wants to read.
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])(?:[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c))?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
# What XML 1.0 forbids or discourages, and what turns the direction of the text around it.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    "|["
    + "".join(chr(plane * 0x10000 + 0xFFFE) + chr(plane * 0x10000 + 0xFFFF) for plane in range(1, 17))
    + "]"
)


def clean(text: str) -> str:
    """Take out of a text whatever a terminal would obey, XML cannot hold or a reader would be misled by.

    Escape sequences, control characters, lone surrogates and bidirectional controls go. Line ends become
    plain line feeds; of a line that was written over again and again (a progress bar) the last state stays.
    """
    text = _UNWANTED.sub("", _ESCAPES.sub("", text))
    if "\r" not in text:
        return text
    return "\n".join(_last_state(line) for line in text.split("\n"))


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


def _last_state(line: str) -> str:
    """Give what is left on the screen of a line with carriage returns in it."""
    return next((state for state in reversed(line.split("\r")) if state), "")
