"""Asking backends whether they can be used: all at once, with a time limit, each once a run."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_moderator.backends.base import Health

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_moderator.backends.base import Backend


class HealthChecks:
    """Asks backends, and remembers what they have answered.

    Args:
        limit: seconds that they have together; who has not answered by then cannot be used.
    """

    def __init__(self, limit: float = 5.0) -> None:
        self._limit = limit
        self._known: dict[str, Health] = {}

    def of(self, backends: Iterable[Backend]) -> dict[str, Health]:
        """Ask those that have not been asked yet, each in a thread of its own.

        Args:
            backends: the backends.

        Returns:
            By name, how each of them is.
        """
        wanted = {backend.name: backend for backend in backends}
        answers: dict[str, Health] = {}
        threads = {
            name: threading.Thread(
                target=_ask, args=(backend, answers), name=f"health of {name}", daemon=True
            )
            for name, backend in wanted.items()
            if name not in self._known
        }
        for thread in threads.values():
            thread.start()
        deadline = time.monotonic() + self._limit
        for name, thread in threads.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            self._known[name] = answers.get(name) or self._no_answer()
        return {name: self._known[name] for name in wanted}

    def _no_answer(self) -> Health:
        detail = f"it has not said within {self._limit:g} s whether it can be used"
        hint = "see why it is slow; 'health_timeout' in 'backend_routing' gives it more time"
        return Health(ok=False, detail=detail, hint=hint)


def _ask(backend: Backend, answers: dict[str, Health]) -> None:
    """Ask one backend; whatever happens in a stranger's code is an answer."""
    try:
        health = backend.health()
    except (Exception, SystemExit) as error:  # noqa: BLE001 (see above)
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        health = Health(ok=False, detail=f"its health check raised {message}", hint="repair or replace it")
    if not isinstance(health, Health):
        detail = f"its health check gave {health!r} instead of a Health"
        health = Health(ok=False, detail=detail, hint="repair or replace it")
    if not health.ok and not health.detail:
        health = replace(health, detail="it does not say why")
    answers[backend.name] = health
