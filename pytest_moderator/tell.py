"""Telling those who watch a run what happens."""

from __future__ import annotations

import logging

import pytest

LOGGER = logging.getLogger("pytest_moderator")


def tell(config: pytest.Config, hook: str, **facts: object) -> None:
    """Call a hook, each implementation for itself: a mistake of one must change nothing for all others.

    Args:
        config: pytest's.
        hook: the name of the hook.
        **facts: its arguments.
    """
    for implementation in reversed(getattr(config.hook, hook).get_hookimpls()):
        try:
            implementation.function(*(facts[argument] for argument in implementation.argnames))
        except pytest.exit.Exception:
            raise
        except (Exception, pytest.fail.Exception, pytest.skip.Exception):
            LOGGER.exception("%s failed; the run goes on", hook)
