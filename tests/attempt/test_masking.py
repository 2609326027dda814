"""Secrets in texts and streams: none comes through, and nothing else is lost."""

from __future__ import annotations

import base64
import html
import json
import shlex
import shutil
import string
import subprocess
import urllib.parse

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_moderator.attempt.masking import Masker
from pytest_moderator.attempt.written_forms import forms_of

ODD = "p4ss/w+rd 'x\"y$`\\n<&>é~#,{}!=;"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n"

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*"), min_size=4, max_size=30)
SECRETS = (st.text(string.printable.replace("*", ""), min_size=4, max_size=30) | TEXTS).filter(
    lambda text: len(text.strip()) >= 4
)
ENCODINGS = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 behind one": lambda text: base64.b64encode(b"x" + text.encode() + b"y").decode(),
    "base64 behind two": lambda text: base64.b64encode(b"a:" + text.encode() + b"\n").decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode() * 4).decode(),
    "hex": lambda text: text.encode().hex(),
    "upper hex": lambda text: text.encode().hex().upper(),
    "URL": urllib.parse.quote,
    "URL, all of it": lambda text: urllib.parse.quote(text, safe=""),
    "form": lambda text: urllib.parse.urlencode({"token": text}),
    "JSON": json.dumps,
    "JSON in UTF-8": lambda text: json.dumps({"a": text}, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps({"text": json.dumps({"token": text})}),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of an exception": lambda text: repr(ValueError(f'it\'s "{text}"')),
    "shell": shlex.quote,
    "HTML": html.escape,
    "one character a line": "\n".join,
    "lines of three": lambda text: "\r\n".join(text[at : at + 3] for at in range(0, len(text), 3)),
    "lines in JSON": lambda text: json.dumps("\n".join(text[at : at + 5] for at in range(0, len(text), 5))),
}


def filtered(masker, portions):
    stream = masker.stream()
    return b"".join(map(stream.feed, portions)) + stream.finish()


@st.composite
def chunked(draw, data):
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@settings(max_examples=400, deadline=None)
@given(st.data(), st.lists(SECRETS, min_size=1, max_size=3), st.sampled_from(sorted(ENCODINGS)))
def test_no_form_of_a_secret_survives_however_the_stream_is_cut(data, secrets, encoding):
    masker = Masker(secrets)
    words = st.sampled_from([ENCODINGS[encoding](secret).encode() for secret in secrets])
    text = b"".join(data.draw(st.lists(words | st.binary(max_size=8), max_size=6)))
    whole = filtered(masker, [text])

    assert filtered(masker, data.draw(chunked(text))) == whole
    for secret in secrets:
        for form in forms_of(secret):
            assert form not in whole
            line = form.translate(None, b"\r\n")
            assert len(line) < 4 or line not in whole.translate(None, b"\r\n")


@settings(max_examples=200, deadline=None)
@given(
    st.data(),
    st.text(string.ascii_letters + string.digits + "/+ '\"\\$&", min_size=4).filter(
        lambda s: len(s.strip()) >= 4
    ),
    st.sampled_from(["plain", "hex", "URL, all of it", "shell"]),
    st.binary(),
    st.binary(),
)
def test_all_other_bytes_stay_as_they_are(data, secret, encoding, before, after):
    secret = secret.strip()
    quotes = b"'" if encoding == "shell" and ENCODINGS[encoding](secret) != secret else b""
    around = bytes(range(0x80, 0x100))  # no form of such a secret has any of these
    before, after = (bytes(around[byte % len(around)] for byte in part) for part in (before, after))
    assume(secret.isprintable())
    text = before + ENCODINGS[encoding](secret).encode() + after

    masked = filtered(Masker([secret]), data.draw(chunked(text)))

    assert masked == before + quotes + b"***" + quotes + after


@settings(max_examples=100, deadline=None)
@given(st.binary(), st.data())
def test_bytes_without_a_secret_come_through(text, data):
    masker = Masker(["zq-no-such-text-zq"])
    assert filtered(masker, data.draw(chunked(text))) == text


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize(
    "secret", [ODD, "hunter22", "sk-live/51+Hx==", KEY], ids=["odd", "word", "key", "lines"]
)
def test_every_form_of_a_text_is_masked(secret, encoding):
    written = ENCODINGS[encoding](secret)
    masked = Masker([secret]).mask(f"it is {written} and more")

    assert "***" in masked
    assert masked.startswith("it is ")
    assert masked.endswith(" and more")
    survivors = [form for form in forms_of(secret) if form in masked.encode()]
    assert survivors == []


@pytest.mark.parametrize(
    "command",
    [
        'printf %s "$SECRET"',
        'printf %q "$SECRET"',
        'echo "$SECRET" | base64 -w 20',
        'printf "user:%s" "$SECRET" | base64',
        'printf %s "$SECRET" | xxd -p -c 7',
        'printf %s "$SECRET" | od -An -v -tx1 | tr -d " \\n"',
        'printf %s "$SECRET" | fold -w 5',
        'set -x; : "$SECRET"',
        "set | grep ^SECRET=",
        "export -p | grep SECRET=",
        "declare -p SECRET",
    ],
)
def test_what_tools_make_of_a_secret_is_masked(command):
    if "xxd" in command and not shutil.which("xxd"):
        pytest.skip("there is no xxd")
    secret = ODD.replace("é", "e")
    done = subprocess.run(
        ["bash", "-c", command],
        env={"SECRET": secret, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    output = done.stdout + done.stderr

    masked = filtered(Masker([secret]), [output[at : at + 3] for at in range(0, len(output), 3)])

    assert output.strip()
    assert b"***" in masked
    letters = masked.replace(b"***", b"").replace(b"\n", b"")
    assert not any(secret[at : at + 6].encode() in letters for at in range(len(secret) - 6))


def test_ends_of_lines_in_a_secret_stay():
    masker = Masker(["abcdefgh"])
    assert masker.mask("1 abcd\nefgh 2") == "1 ***\n*** 2"
    assert masker.mask('{"a": "abc\\ndef\\r\\ngh"}') == '{"a": "***\\n***\\r\\n***"}'


def test_secrets_side_by_side_and_in_each_other_are_one_mask():
    masker = Masker(["abcd", "cdefgh", "abcdefghij"])
    assert masker.mask("-abcdabcd-") == "-***-"
    assert masker.mask("-abcdefgh-") == "-***-"
    assert masker.mask("-abcdefghij-") == "-***-"
    assert filtered(masker, [b"-abcd", b"e", b"fgh", b"i-"]) == b"-***i-"
    assert filtered(masker, [b"-abcd", b"abc", b"d", b""]) == b"-***"


def test_only_what_may_begin_a_secret_is_held_back():
    stream = Masker(["swordfish"]).stream()
    assert stream.feed(b'{"type": "result"}\n') == b'{"type": "result"}\n'
    assert stream.feed(b"the sword") == b"the "
    assert stream.feed(b" is there\nswo") == b"sword is there\n"
    assert stream.finish() == b"swo"


def test_what_is_held_back_has_a_limit():
    stream = Masker(["swordfish"]).stream()
    given = b"sword" + b"\n" * 300_000
    written = stream.feed(given)
    assert len(given) - len(written) < 100_000
    assert written + stream.finish() == given


def test_short_values_and_short_lines_are_not_looked_for():
    assert Masker(["abc", "", "  a  "]).mask("abc a") == "abc a"
    assert Masker(["{\n}\nlong-enough\n"]).mask("{ } long-enough") == "{ } ***"


def test_white_space_around_a_value_does_not_count():
    assert Masker(["hunter22\n"]).mask("x=hunter22;") == "x=***;"


def test_a_value_that_is_no_text_is_masked():
    value = b"pass\xff\xfeword".decode("utf-8", "surrogateescape")
    masker = Masker([value])
    assert filtered(masker, [b"<pass\xff", b"\xfeword>"]) == b"<***>"
    assert masker.mask(f"<{value}>") == "<***>"


def test_a_text_that_no_file_can_hold_is_masked_all_the_same():
    assert Masker(["hunter22"]).mask("\ud800 hunter22") != "\ud800 hunter22"
    assert "hunter22" not in Masker(["hunter22"]).mask("\ud800 hunter22")
    assert Masker(["hunter22"]).mask("\ud800") == "\ud800"


def test_all_texts_in_a_payload_are_masked():
    masker = Masker(["hunter22"])
    payload = {"kind": "tool", "hunter22": 1, "detail": ["-p hunter22", 4, None, ("hunter22",)]}
    assert masker.mask_all(payload) == {"kind": "tool", "***": 1, "detail": ["-p ***", 4, None, ["***"]]}
