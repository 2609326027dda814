"""Text from anywhere, made fit for terminals, XML and pages."""

from __future__ import annotations

import re

# Sequences with a payload (OSC, DCS, SOS, PM, APC), then CSI, then the short ones. A payload without an end
# loses its introducer only: what follows is output that somebody wants to read.
_ESCAPES = (
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])(?:[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c))?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
# What XML 1.0 forbids or discourages, and what turns the direction of the text around it.
_UNWANTED = (
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
    if text.isprintable():
        return text
    text = re.sub(_UNWANTED, "", re.sub(_ESCAPES, "", text))
    if "\r" not in text:
        return text
    return "\n".join(_last_state(line) for line in text.split("\n"))


def _last_state(line: str) -> str:
    """Give what is left on the screen of a line with carriage returns in it."""
    return next((state for state in reversed(line.split("\r")) if state), "")
