"""YAML from strangers: plain data only, of a sane size, and every key with its line."""

from __future__ import annotations

from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from pytest_moderator.errors import ModeratorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_BYTES = 1_000_000
MAX_DEPTH = 50

# The C parser is some ten times faster, and absent from builds of PyYAML without libyaml.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

KeyPath = tuple[str, ...]


class YamlError(ModeratorError):
    """YAML that is not read.

    Attributes:
        reason: what is wrong, without the place.
        line: 1-based line in the text; 0 where no line is to blame.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        """Make the message from both."""
        self.reason = reason
        self.line = line
        super().__init__(f"line {line}: {reason}" if line else reason)


class YamlDocument(NamedTuple):
    """One YAML document.

    Attributes:
        value: its content as plain Python data; ``None`` when it is empty.
        lines: 1-based line of each key of each mapping, by the keys that lead to it.
    """

    value: Any
    lines: Mapping[KeyPath, int] = MappingProxyType({})


def load_yaml(text: str) -> Any:
    """Read one YAML document as plain Python data.

    Args:
        text: the YAML.

    Returns:
        Mappings, lists, strings, numbers, booleans, dates or ``None``.

    Raises:
        YamlError: it is not YAML, or more than plain data: aliases, tags, repeated keys, more than
            one document, nested deeper than 50 levels, larger than 1 MB.
    """
    return load_document(text).value


def load_document(text: str) -> YamlDocument:
    """Read one YAML document together with the lines of its keys.

    Args:
        text: the YAML.

    Returns:
        What it holds.

    Raises:
        YamlError: as :func:`load_yaml`.
    """
    with _refusing(text) as tags:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return YamlDocument(None)
            _refuse_tags(tags)
            lines = dict(_lines_of_keys(node, ()))
            return YamlDocument(loader.construct_document(node), lines)
        finally:
            loader.dispose()


def load_entry(text: str, key: str) -> YamlDocument | None:
    """Read what one key of a YAML document holds, and leave alone what others keep beside it.

    Args:
        text: the YAML.
        key: the key, at the top.

    Returns:
        What it holds, with the lines of its keys, itself included; ``None`` where there is no such key.

    Raises:
        YamlError: as :func:`load_yaml`; but tags, repeated keys and values that cannot be read do no harm where they
            are not below the key.
    """
    with _refusing(text) as tags:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            ours = [(name, value) for name, value in pairs if getattr(name, "value", None) == key]
            if not ours:
                return None
            value = ours[0][1]
            _refuse_tags(tag for tag in tags if value.start_mark.index <= tag.place < value.end_mark.index)
            lines = dict(_lines_of_keys(yaml.MappingNode("", ours), ()))
            return YamlDocument(loader.construct_document(value), lines)
        finally:
            loader.dispose()


class _Tag(NamedTuple):
    """A tag such as ``!name``, and where what it is about begins."""

    name: str
    place: int
    line: int


@contextmanager
def _refusing(text: str) -> Iterator[list[_Tag]]:
    """Look at a text before anything is built from it, and say in our words what is wrong with it, also later."""
    if len(text) > MAX_BYTES:
        raise YamlError(f"larger than {MAX_BYTES:,} bytes")
    try:
        yield _look_at_events(text)
    except yaml.MarkedYAMLError as error:
        raise YamlError(_reason(error), _line(error.problem_mark or error.context_mark)) from error
    except yaml.YAMLError as error:
        raise YamlError(f"not YAML: {str(error).splitlines()[0]}") from error
    except ValueError as error:  # a date such as 2025-02-30, a number of 5000 digits, half a character
        raise YamlError(f"a value that cannot be read: {error}") from error


def _look_at_events(text: str) -> list[_Tag]:
    """Refuse aliases and what is nested too deep; give the tags."""
    depth = 0
    tags = []
    for event in yaml.parse(text, _Loader):
        line = _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise YamlError("aliases (*name) are not supported: write the value out", line)
        tag = getattr(event, "tag", None)
        if tag is not None:
            tags.append(_Tag(tag, _place(event.start_mark), line))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", line)
    return tags


def _refuse_tags(tags: Iterable[_Tag]) -> None:
    for tag in tags:
        shown = tag.name.replace("tag:yaml.org,2002:", "!!")
        raise YamlError(f"tags such as {shown} are not supported: write plain values", tag.line)


def _lines_of_keys(node: yaml.Node, path: KeyPath) -> list[tuple[KeyPath, int]]:
    """Collect the line of each key below ``node``, and refuse keys that are there twice."""
    found: list[tuple[KeyPath, int]] = []
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            found += _lines_of_keys(item, (*path, str(index)))
    elif isinstance(node, yaml.MappingNode):
        seen: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError("a key must be a plain value", _line(key.start_mark))
            line = _line(key.start_mark)
            if (key.tag, key.value) in seen:
                first = seen[key.tag, key.value]
                raise YamlError(f"the key {key.value!r} is already there at line {first}", line)
            seen[key.tag, key.value] = line
            found.append(((*path, key.value), line))
            found += _lines_of_keys(value, (*path, key.value))
    return found


def _reason(error: yaml.MarkedYAMLError) -> str:
    return "not YAML: " + ", ".join(part for part in (error.context, error.problem) if part)


def _line(mark: Any) -> int:
    return 0 if mark is None else int(mark.line) + 1


def _place(mark: Any) -> int:
    return 0 if mark is None else int(mark.index)
