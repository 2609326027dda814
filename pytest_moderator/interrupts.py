"""Signals that ask a run to end: SIGTERM and SIGHUP count as Ctrl-C."""

from __future__ import annotations

import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    import pytest

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def listen(config: pytest.Config) -> None:
    """Have these signals interrupt the session until pytest is done with this configuration.

    Those that are ignored already stay so, as ``nohup`` wants it. Without effect outside of the main thread, where
    Python allows no handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        config.add_cleanup(partial(_restore, number, signal.signal(number, _interrupt)))


def _restore(number: int, handler: Any) -> None:
    signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    raise KeyboardInterrupt(f"received {signal.Signals(number).name}")
