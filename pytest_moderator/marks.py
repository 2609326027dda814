"""The ``depends_on`` mark: what it names, and which items that means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

    from pytest_moderator.handout import Handout


def names_of(item: pytest.Item) -> list[str]:
    """Gather what an item's ``depends_on`` marks name: ids of tasks, or node ids."""
    return [str(name) for mark in item.iter_markers("depends_on") for name in mark.args]


def candidates(handout: Handout, nodeid: str, name: str, items: Collection[str] = ()) -> list[str]:
    """Find the node ids that a name in a mark may mean.

    Args:
        handout: the tasks files.
        nodeid: the item that carries the mark: a task of its own file is meant before those of others.
        name: what the mark names.
        items: node ids that can be named as they are, besides those of tasks.
    """
    if name in items or handout.find(name):
        return [name]
    homes = [file for file in handout.files if name in file.by_id]
    own = [file for file in homes if nodeid.startswith(f"{file.nodeid}::")]
    return [f"{file.nodeid}::{name}" for file in own or homes]
