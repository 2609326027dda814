"""Inline code in a line of Markdown."""

from __future__ import annotations

import re
from typing import NamedTuple

_RUN = re.compile(r"`+")


class Code(NamedTuple):
    """A piece of inline code: where it stands, backticks included, and what it holds."""

    start: int
    end: int
    text: str


def inline_code(text: str) -> list[Code]:
    """Find the inline code of a text; a run of backticks ends at the next run of the same length."""
    if "`" not in text:
        return []
    runs = [(match.start(), match.end()) for match in _RUN.finditer(text)]
    closing: list[int | None] = [None] * len(runs)
    later: dict[int, int] = {}
    for index in range(len(runs) - 1, -1, -1):
        length = runs[index][1] - runs[index][0]
        closing[index] = later.get(length)
        later[length] = index
    found = []
    index = 0
    while index < len(runs):
        end = closing[index]
        if end is None:
            index += 1
            continue
        inner = text[runs[index][1] : runs[end][0]]
        if inner.startswith(" ") and inner.endswith(" ") and inner.strip():
            inner = inner[1:-1]  # Markdown takes one space away on both sides
        found.append(Code(runs[index][0], runs[end][1], inner))
        index = end + 1
    return found


def without_code(text: str, keep: re.Pattern[str] | None = None) -> str:
    """Replace inline code by spaces, so that positions stay; what matches ``keep`` in full stays."""
    pieces = []
    position = 0
    for code in inline_code(text):
        kept = keep is not None and keep.fullmatch(code.text.strip())
        pieces += [text[position : code.start], text[code.start : code.end].replace("`", " ") if kept else ""]
        if not kept:
            pieces.append(" " * (code.end - code.start))
        position = code.end
    return "".join([*pieces, text[position:]])


def only_code(text: str) -> str | None:
    """Give what stands in the backticks of a text that is nothing but one piece of inline code."""
    stripped = text.strip()
    found = inline_code(stripped)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(stripped)):
        return found[0].text
    return None


def bare(text: str) -> str:
    """Give a value without the backticks around it; a pair with nothing between holds nothing."""
    code = only_code(text)
    if code is not None:
        return code
    stripped = text.strip()
    return stripped if stripped.strip("`") else ""


def as_code(text: str) -> str:
    """Write a text as inline code, whatever backticks and spaces it has."""
    fence = "`" * (max((len(run) for run in _RUN.findall(text)), default=0) + 1)
    pad = " " if text[:1] in ("`", " ") or text[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
