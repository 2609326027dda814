"""Kiro's waves: a graph that says which tasks may run together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_moderator.tasksfile.document import Document


def read_waves(document: Document) -> dict[str, int]:
    """Read Kiro's dependency graph: for every task the number of its wave."""
    waves: dict[str, int] = {}
    for node in document.nodes:
        if node.kind == "fence" and '"waves"' in node.text:
            for number, tasks in _listed_waves(node.text):
                for task in tasks:
                    waves.setdefault(str(task), number)
    return waves


def _listed_waves(text: str) -> Iterator[tuple[int, list[Any]]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    waves = data.get("waves") if isinstance(data, dict) else None
    position: int
    wave: Any
    for position, wave in enumerate(waves if isinstance(waves, list) else []):
        # some write no more than {"waves": [["1", "2"], ["3"]]}
        listed = wave.get("tasks") if isinstance(wave, dict) else wave
        if not isinstance(listed, list):
            continue
        number = wave.get("id", wave.get("wave")) if isinstance(wave, dict) else position
        tasks = [task for task in listed if isinstance(task, (str, int, float))]
        yield (number if isinstance(number, int) else position), tasks
