"""The forms in which a text may stand in a log: as it is, and as programs write it into something else."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 4
"""Fewer characters (or bytes, once written in some form) stand in too many texts by chance."""

# What programs leave as it is in an address: nothing, a path, encodeURIComponent, encodeURI.
_UNQUOTED = ("", "/", "!~*'()", "!~*'();,/?:@&=+$#")
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_UNICODE = re.compile(r"\\u[0-9a-f]{4}")
_IN_DOUBLE_QUOTES = re.compile(r'([$`"\\])')
_FOR_A_SHELL = (re.compile(r"([^\w@%+=:,./~#^-])"), re.compile(r"([^\w@%+=:./~#-])"))
_SLASHED = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})
_FOR_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027", "+": "\\u002b"})
_SIXTH = 6  # bits of a character of base64
_BYTE = 8


def forms_of(value: str) -> set[bytes]:
    """Give all forms of a value, and of each of its lines, that are long enough to be told from other text.

    Base64 depends on what stands before and behind; given is what the value alone decides, for each of the three
    ways in which it may begin.

    Args:
        value: any text; what stands around it as white space does not count.
    """
    parts = dict.fromkeys(part.strip() for part in (value, *value.splitlines()))
    forms = {form for part in parts if len(part) >= SHORTEST for form in _forms(part)}
    return {form for form in forms if len(form) >= SHORTEST}


def as_bytes(text: str) -> bytes:
    """Give a text as processes write it; what is no text in UTF-8 as the bytes that it was read from."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _forms(text: str) -> Iterator[bytes]:
    raw = as_bytes(text)
    yield raw
    yield from _base64(raw)
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    written = {
        text,
        *_in_addresses(raw),
        *_in_json(text),
        *_in_python(text, raw),
        *_in_shells(text),
        *_in_markup(text),
    }
    for _ in range(2):  # agents tell in JSON what they have read in any form, also in JSON
        written |= {
            json.dumps(form, ensure_ascii=ascii_only)[1:-1]
            for form in written
            for ascii_only in (True, False)
        }
    yield from map(as_bytes, written)


def _base64(raw: bytes) -> Iterator[bytes]:
    for before in range(3):
        undecided = -(-before * _BYTE // _SIXTH)
        decided = (before + len(raw)) * _BYTE // _SIXTH
        for alphabet in (b"+/", b"-_"):
            yield base64.b64encode(bytes(before) + raw, alphabet)[undecided:decided]


def _in_addresses(raw: bytes) -> Iterator[str]:
    for safe in _UNQUOTED:
        quoted = quote_from_bytes(raw, safe)
        for written in (quoted, quoted.replace("%20", "+")):
            yield written
            yield _PERCENT.sub(lambda found: found[0].lower(), written)


def _in_json(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        for written in (once, once.replace("/", "\\/"), once.translate(_FOR_HTML)):
            yield written
            yield _UNICODE.sub(lambda found: f"\\u{found[0][2:].upper()}", written)


def _in_python(text: str, raw: bytes) -> Iterator[str]:
    yield from (repr(text)[1:-1], ascii(text)[1:-1], repr(raw)[2:-1])
    # A text with both kinds of quotes around it has these before its own.
    yield repr(f'"{text}')[2:-1]
    yield repr(f"'{text}\"")[3:-2]


def _in_shells(text: str) -> Iterator[str]:
    yield text.replace("'", "'\"'\"'")
    yield text.replace("'", "'\\''")
    yield _IN_DOUBLE_QUOTES.sub(r"\\\1", text)
    yield from (special.sub(r"\\\1", text) for special in _FOR_A_SHELL)
    yield text.replace("\\", "\\\\").replace("'", "\\'").translate(_SLASHED)


def _in_markup(text: str) -> Iterator[str]:
    tags = html.escape(text, quote=False)
    for double in ('"', "&quot;", "&#34;"):
        for single in ("'", "&#x27;", "&#39;", "&apos;"):
            yield tags.replace('"', double).replace("'", single)
