from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_moderator.safe_yaml import MAX_BYTES, YamlError, load_document, load_entry, load_yaml

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_reads_plain_data_with_the_lines_of_its_keys() -> None:
    document = load_document("\ufeffa: 1\nb:\n  c: [1, {d: 2}]\n")
    assert document.value == {"a": 1, "b": {"c": [1, {"d": 2}]}}
    assert document.lines == {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "c", "1", "d"): 3}


def test_one_entry_is_read_whatever_stands_beside_it() -> None:
    text = "a: !theirs 1\nours:\n  b: 1\n  c: 2\nd: 2026-99-99\nd: 1\n? [e]\n: f\n"
    document = load_entry(text, "ours")
    assert document is not None
    assert document.value == {"b": 1, "c": 2}
    assert document.lines == {("ours",): 2, ("ours", "b"): 3, ("ours", "c"): 4}
    assert load_entry(text, "e") is None
    assert load_entry("- a\n", "a") is None
    assert load_entry("", "a") is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a:\n  b: !mine 1\nc: 1", 2, "tags such as !mine"),
        ("a:\n  b: 1\n  b: 2", 3, "the key 'b' is already there at line 2"),
        ("a: 1\nb: 1\na: 2", 3, "the key 'a' is already there at line 1"),
        ("a: 1\nb: &x 1\nc: *x", 3, "aliases"),
        ("a: {b: 2026-99-99}", 0, "a value that cannot be read"),
    ],
)
def test_what_is_wrong_below_the_entry_is_refused(text: str, line: int, reason: str) -> None:
    with pytest.raises(YamlError) as caught:
        load_entry(text, "a")
    assert (caught.value.line, caught.value.reason[: len(reason)]) == (line, reason)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_empty_text_is_nothing(text: str) -> None:
    assert load_yaml(text) is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: &x 1\nb: *x", 2, "aliases"),
        ("a:\n- !!python/object/apply:os.system [ls]", 2, "tags such as !!python/object/apply:os.system"),
        ("a: !mine 1", 1, "tags such as !mine"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' is already there at line 1"),
        ("a:\n  b: 1\n  b: 1", 3, "the key 'b' is already there at line 2"),
        ("[" * 1000 + "]" * 1000, 1, "nested deeper than 50 levels"),
        ("{a: " * 100_000, 1, "nested deeper than 50 levels"),
        ("a: 1\nb: c: d", 2, "not YAML: mapping values are not allowed"),
        ("a: 1\n---\nb: 2", 2, "not YAML: expected a single document"),
        ("? [1]\n: 2", 1, "a key must be a plain value"),
        ("a: 1\nb: {c: 1", 3, "not YAML: while parsing a flow mapping"),
        ("x: =", 1, "not YAML: could not determine a constructor"),
        ("\x01", 0, "not YAML"),
        ("\ud800", 0, "a value that cannot be read"),
        ("when: 2025-02-30", 0, "a value that cannot be read: day is out of range"),
        ("n: " + "9" * 5000, 0, "a value that cannot be read"),
        ("a" * (MAX_BYTES + 1), 0, "larger than 1,000,000 bytes"),
    ],
)
def test_refuses(text: str, line: int, reason: str) -> None:
    with pytest.raises(YamlError) as caught:
        load_document(text)
    assert caught.value.line == line
    assert reason in caught.value.reason
    assert str(caught.value).startswith(f"line {line}: " if line else caught.value.reason)


@settings(deadline=None)
@given(data=plain)
def test_reads_what_was_written(data: object) -> None:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    assert load_yaml(yaml.dump(data, Dumper=Plain)) == data


@settings(deadline=None)
@given(text=st.text(alphabet=" \n\t:-?[]{}&*!|>'\"%@`#,ab1.~<="))
def test_any_text_is_read_or_refused_with_a_line_of_it(text: str) -> None:
    line = 0
    try:
        load_yaml(text)
    except YamlError as error:
        line = error.line
    assert 0 <= line <= text.count("\n") + 2
