"""Signals that ask a run to end: Ctrl-C, SIGTERM and SIGHUP count alike.

The first one is an interrupt, as pytest knows it. From then on all that is left to do is to end what runs and to
write down what came of it, and nothing must come between: the second one only says that no process is to be asked
any more before it is killed. Whoever still waits after that can interrupt even this.
"""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pytest_moderator.attempt import hurry, take_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    import pytest

    P = ParamSpec("P")
    R = TypeVar("R")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IN_VAIN = 2.0  # seconds after the second signal from which on a further one interrupts whatever goes on


@dataclass
class _Asked:
    """What this process was asked so far.

    Attributes:
        times: how many signals have come.
        hurried_at: when the second one came, on the monotonic clock.
        busy: how many calls must not be interrupted now.
        held: the interrupt that waits for their end.
    """

    times: int = 0
    hurried_at: float = 0.0
    busy: int = 0
    held: str | None = None


_asked = _Asked()


def listen(config: pytest.Config) -> None:
    """Have these signals interrupt the session until pytest is done with this configuration.

    Those that are ignored already stay so, as ``nohup`` wants it. Without effect outside of the main thread, where
    Python allows no handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    _forget()
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        config.add_cleanup(partial(_restore, number, signal.signal(number, _interrupt)))
    config.add_cleanup(_forget)


def whole(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function of the main thread be done as a whole: the first interrupt waits for its end."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        _asked.busy += 1
        try:
            return function(*args, **kwargs)
        finally:
            _asked.busy -= 1
            if not _asked.busy and (held := _asked.held) is not None:
                _asked.held = None
                raise KeyboardInterrupt(held)

    return call


def _forget() -> None:
    _asked.times, _asked.busy, _asked.held = 0, 0, None
    take_time()


def _restore(number: int, handler: Any) -> None:
    signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    reason = f"received {signal.Signals(number).name}"
    _asked.times += 1
    if _asked.times == 1 and _asked.busy:
        _asked.held = reason
    elif _asked.times == 2:  # noqa: PLR2004 (see above)
        _asked.hurried_at = time.monotonic()
        hurry()
    elif _asked.times == 1 or time.monotonic() > _asked.hurried_at + _IN_VAIN:
        raise KeyboardInterrupt(reason)
