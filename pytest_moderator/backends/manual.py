"""The ``manual`` backend: a person does the task."""

from __future__ import annotations

from pytest_moderator.backends.base import Health
from pytest_moderator.backends.elsewhere import ElsewhereBackend


class ManualBackend(ElsewhereBackend):
    """Has a task done by a person, who says when it is done."""

    name = "manual"
    asks_people = True
    waits_for = "a person"

    def health(self) -> Health:
        """People are taken to be well."""
        return Health(detail="a person does it, and says when it is done")
