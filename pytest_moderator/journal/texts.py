"""Texts as the database can hold them."""

from __future__ import annotations

import json


def clean(text: str) -> str:
    """Give a text as the database can hold it: bytes of a file's name that are no UTF-8 are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def clean_or_none(text: str | None) -> str | None:
    """Give a text as the database can hold it, where there is one."""
    return None if text is None else clean(text)


def to_json(data: object) -> str:
    """Give JSON text; what JSON does not know becomes text."""
    return _ENCODER.encode(data)


_ENCODER = json.JSONEncoder(default=str, separators=(",", ":"))  # json.dumps would make one each time
