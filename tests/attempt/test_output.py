"""What of a log is shown: whatever was printed, it can be shown anywhere."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_moderator.attempt.output import clean, excerpt

if TYPE_CHECKING:
    from pathlib import Path

noise = st.lists(
    st.one_of(
        st.text(),
        st.sampled_from(
            ["\x1b", "\x1b[", "\x1b]0;", "\x1bP", "\x07", "\x1b\\", "\x9b", "\x9d", "\r", "\n", "m"]
        ),
        st.sampled_from(["\ud800", "\ufffe", "\U0001ffff", "\x00", "\u202e", "\x85"]),
    )
).map("".join)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain\n\ttext\n", "plain\n\ttext\n"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;ZXZpbA==\x1b\\text", "text"),
        ("\x9d0;title\x9ctext", "text"),
        ("\x1bPq#0;2;0\x1b\\text", "text"),
        ("\x1b]0;no end of it\nmore", "0;no end of it\nmore"),
        ("\x1b[6n\x1b(B\x1bc\x1b=text", "text"),
        ("cut off\x1b", "cut off"),
        ("cut off\x1b[38;5", "cut off"),
        ("nul\0 bell\a back\b", "nul bell back"),
        ("\ud800\ufffe\U0001fffftext", "text"),
        ("abc\u202edcba\u2066", "abcdcba"),
        ("one\r\ntwo\r\r\nthree", "one\ntwo\nthree"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("10%\r100%\r", "100%"),
        ("50%\r\x1b[Kdone\n", "done\n"),
        ("", ""),
    ],
)
def test_cleaning(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(noise)
@example("\x1b\x1b[31m]0;x\x07")
@example("a\r\x00")
def test_clean_text_can_be_shown_anywhere(raw: str) -> None:
    text = clean(raw)
    assert clean(text) == text
    assert not {unicodedata.category(char) for char in text if char not in "\t\n"} & {"Cc", "Cs"}
    assert ET.fromstring(f"<log>{escape(text)}</log>").text == (text or None)


@given(raw=st.text(st.characters(exclude_categories=["C"])))
def test_ordinary_text_is_left_alone(raw: str) -> None:
    assert clean(raw) == raw


def test_a_short_log_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes("grüße\n".encode())
    assert excerpt(log, 7 + 1) == "grüße\n"


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    assert excerpt(tmp_path / "none") == ""


def test_a_long_log_is_shown_by_its_ends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\n" + "middle\n" * 200_000 + "last\n")
    text = excerpt(log, 40)
    head, gap, tail = text.split("\n…")[0], text.splitlines()[-4], text.splitlines()[-1]
    assert head.startswith("first\nmiddle")
    assert tail == "last"
    assert gap == f"… 1,399,971 bytes left out, all of it in {log} …"


def test_no_character_is_cut_in_two(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ü" * 1000)
    for limit in range(8, 20):
        assert "\ufffd" not in excerpt(log, limit)


@given(content=st.binary(max_size=200), limit=st.integers(2, 64))
def test_any_bytes_can_be_shown(tmp_path_factory: pytest.TempPathFactory, content: bytes, limit: int) -> None:
    log = tmp_path_factory.getbasetemp() / "any.log"
    log.write_bytes(content)
    text = excerpt(log, limit)
    assert clean(text) == text
    ET.fromstring(f"<log>{escape(text)}</log>")
    if len(content) <= limit:
        assert text == clean(content.decode("utf-8", "replace"))
    else:
        assert "left out" in text
