"""Selecting the prerequisites of what was selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_moderator.items import TaskItem
from pytest_moderator.marks import candidates, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from pytest_moderator.handout import Handout


def select_prerequisites(
    handout: Handout, items: Sequence[pytest.Item], collected: Mapping[str, pytest.Item]
) -> list[pytest.Item]:
    """Find the items that selected ones need, directly or through others, and that are not selected.

    Tasks that were done before are not among them.

    Args:
        handout: the tasks files.
        items: what is selected.
        collected: by node id, all that there is to select from; a task may be missing where only others of its
            file were named on the command line.
    """
    modules = {item.parent.nodeid: item.parent for item in collected.values() if isinstance(item, TaskItem)}
    seen = {item.nodeid for item in items}
    added: list[pytest.Item] = []
    queue = list(items)
    for item in queue:
        for need in _needs_of(handout, item):
            found = handout.find(need)
            if need in seen or (found and found[1].done):
                continue
            seen.add(need)
            other = collected.get(need)
            if other is None and found and found[0].nodeid in modules:
                other = modules[found[0].nodeid].item_of(found[1])
            if other is not None:
                added.append(other)
                queue.append(other)
    return added


def _needs_of(handout: Handout, item: pytest.Item) -> list[str]:
    needs = [nodeid for name in names_of(item) for nodeid in candidates(handout, item.nodeid, name) or [name]]
    found = handout.find(item.nodeid)
    if found and found[1].id in found[0].groups:
        file, group = found
        needs.extend(f"{file.nodeid}::{task.id}" for task in file.tasks if task.parent == group.id)
    return needs
