"""Which id was meant by one that does not exist."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class NearestIds:
    """Finds ids that are one slip away: a character more, less or another one, two swapped, or the case.

    A file may hold thousands of wrong ids among thousands of right ones, so nothing is compared pair by pair: two
    texts are one slip apart if they become the same by leaving out at most one character of each.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = tuple(known)

    @cached_property
    def _by_remains(self) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._known:
            for remains in _remains(name):
                found[remains].append(name)
        return found

    def of(self, name: str) -> str | None:
        """Give the id that was most likely meant: of several the one that begins most alike."""
        found = [near for remains in _remains(name) for near in self._by_remains.get(remains, ())]
        return max(found, key=lambda near: _alike(near, name), default=None)


def _alike(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _remains(name: str) -> Iterator[str]:
    name = name.lower()
    yield name
    for place in range(len(name)):
        yield name[:place] + name[place + 1 :]
