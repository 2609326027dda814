"""Taking values that nobody may read out of texts and of streams of bytes, however they are written there."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from pytest_moderator.attempt.written_forms import SHORTEST, as_bytes, forms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MASK = "***"
"""What stands in place of a secret."""

_MASK = MASK.encode()
_ENDS_OF_LINES = re.compile(rb"[\r\n]+")
_ALSO_WRITTEN_OUT = re.compile(rb"[\r\n]+|\\+[rn]")  # as in JSON, or in JSON inside JSON
_PATIENCE = 4096  # bytes that are held back at most, besides those of the longest form,
_STRETCH = 8  # which ends of lines make so many times as long


class Span(NamedTuple):
    """A part of some bytes."""

    start: int
    end: int


class Masker:
    """Puts ``***`` in place of secret values.

    A value is found as it is, in base64, hex, URLs, JSON, Python's and the shell's quoting, and markup; each also
    over the end of a line, which stays. Of a value of several lines each line counts by itself.

    Args:
        values: the values; those of less than four characters are not looked for.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in forms_of(value)}
        self._views = [_View(removed, forms) for removed in (None, _ENDS_OF_LINES, _ALSO_WRITTEN_OUT)]
        self._most_held = _PATIENCE + _STRETCH * max(map(len, forms), default=0)

    def mask(self, text: str) -> str:
        """Give a text without the values."""
        data = as_bytes(text)
        if not self.find(data):
            return text
        stream = self.stream()
        return (stream.feed(data) + stream.finish()).decode("utf-8", "surrogateescape")

    def mask_all(self, value: object) -> object:
        """Give a value of plain JSON types with all texts in it masked, the keys of mappings included."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, Mapping):
            return {self.mask_all(key): self.mask_all(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.mask_all(item) for item in value]
        return value

    def stream(self) -> MaskedStream:
        """Begin a stream of bytes that is masked portion by portion."""
        return MaskedStream(self)

    def find(self, data: bytes) -> list[Span]:
        """Find what is to be masked: spans in order that neither overlap nor touch."""
        return _merged(span for view in self._views for span in view.find(data))

    def open_at(self, data: bytes) -> int:
        """Say where the earliest value begins that may go on behind the end; the length where there is none."""
        start = max(0, len(data) - self._most_held)
        end = data[start:]
        return start + min(view.open_at(end) for view in self._views)


class MaskedStream:
    """Masks bytes that come in portions, and holds back no more than what may be the beginning of a value."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = b""
        self._covered: list[Span] = []  # what of the held bytes is to be masked in any case
        self._in_mask = False

    def feed(self, data: bytes) -> bytes:
        """Take a portion, and give what can be written now."""
        data = self._held + data
        spans = _merged((*self._covered, *self._masker.find(data)))
        return self._pass_on(data, spans, self._masker.open_at(data))

    def finish(self) -> bytes:
        """Give the rest: nothing comes any more."""
        return self._pass_on(self._held, self._covered, len(self._held))

    def _pass_on(self, data: bytes, spans: Sequence[Span], end: int) -> bytes:
        """Write what stands before an end, and keep the rest."""
        written = []
        position = 0
        for start, stop in spans:
            if start >= end:
                break
            written.append(data[position:start])
            if not (start == 0 and self._in_mask):
                written.append(_MASK)
            position = min(stop, end)
        written.append(data[position:end])
        if end:
            self._in_mask = any(start < end <= stop for start, stop in spans)
        self._held = data[end:]
        self._covered = [Span(max(start, end) - end, stop - end) for start, stop in spans if stop > end]
        return b"".join(written)


class _View:
    """Bytes without some of them, so that what these have cut in two is in one piece."""

    def __init__(self, removed: re.Pattern[bytes] | None, forms: Iterable[bytes]) -> None:
        self._removed = removed
        squeezed = {self._squeeze(form) for form in forms}
        self._forms = sorted(form for form in squeezed if len(form) >= SHORTEST)

    def _squeeze(self, data: bytes) -> bytes:
        if self._removed is None:
            return data
        if self._removed is _ALSO_WRITTEN_OUT and b"\\" in data:
            return self._removed.sub(b"", data)
        return data.translate(None, b"\r\n")  # much faster

    def find(self, data: bytes) -> Iterator[Span]:
        """Find all forms; one that was cut in two gives two spans."""
        squeezed = self._squeeze(data)
        found = _merged(span for form in self._forms for span in _occurrences(squeezed, form))
        if len(squeezed) == len(data):
            yield from found
        elif found:
            kept = self._kept(data)
            for span in found:
                yield from _spread(span, *kept)

    def open_at(self, data: bytes) -> int:
        """Say where the earliest form begins that the data ends in the middle of."""
        squeezed = self._squeeze(data)
        begins = _open_at(squeezed, self._forms)
        if self._removed is _ALSO_WRITTEN_OUT and squeezed.endswith(
            b"\\"
        ):  # what may become the end of a line
            begins = min(begins, _open_at(squeezed.rstrip(b"\\"), self._forms))
        if begins == len(squeezed):
            return len(data)
        if len(squeezed) == len(data):
            return begins
        return next(_spread(Span(begins, begins + 1), *self._kept(data))).start

    def _kept(self, data: bytes) -> tuple[list[int], list[Span]]:
        """Give the parts that are not removed, and where each begins in what is left."""
        starts, parts, position, length = [], [], 0, 0
        removed = [found.span() for found in self._removed.finditer(data)] if self._removed else []
        for start, end in (*removed, (len(data), len(data))):
            if start > position:
                starts.append(length)
                parts.append(Span(position, start))
                length += start - position
            position = end
        return starts, parts


def _occurrences(data: bytes, form: bytes) -> Iterator[Span]:
    at = data.find(form)
    while at >= 0:
        yield Span(at, at + len(form))
        at = data.find(form, at + 1)


def _open_at(data: bytes, forms: Iterable[bytes]) -> int:
    """Say where the longest end of some bytes starts that is the beginning of a form, and not all of it."""
    earliest = len(data)
    for form in forms:
        at = data.find(form[:1], max(0, len(data) - len(form) + 1), earliest)
        while at >= 0:
            if form.startswith(data[at:]):
                earliest = at
                break
            at = data.find(form[:1], at + 1, earliest)
    return earliest


def _spread(span: Span, starts: Sequence[int], parts: Sequence[Span]) -> Iterator[Span]:
    """Say where a span of what is left lies in the whole."""
    number = bisect_right(starts, span.start) - 1
    while number < len(parts) and starts[number] < span.end:
        part, offset = parts[number], parts[number].start - starts[number]
        yield Span(max(span.start + offset, part.start), min(span.end + offset, part.end))
        number += 1


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Put spans in order, and make one of those that overlap or touch."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
