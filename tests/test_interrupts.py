"""Signals that ask a run to end."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_moderator import interrupts
from pytest_moderator.attempt import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Config:
    """What is used of pytest's."""

    def __init__(self) -> None:
        self.cleanups: list[Callable[[], object]] = []
        self.add_cleanup = self.cleanups.append


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    monkeypatch.setattr(interrupts, "_IN_VAIN", 3600.0)  # else a signal late in a test would end all tests
    config = Config()
    yield config
    for cleanup in reversed(config.cleanups):
        cleanup()
    assert not processes._hurried.is_set()


def send(number: signal.Signals = signal.SIGINT) -> None:
    signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_the_first_interrupts_and_the_second_hurries(config: Config, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    interrupts.listen(config)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt, match=f"received {number.name}"):
        send(number)
    assert not processes._hurried.is_set()
    send(number)
    assert processes._hurried.is_set()
    send(number)  # somebody leans on the key
    for cleanup in config.cleanups:
        cleanup()
    assert signal.getsignal(number) is before


def test_who_still_waits_can_interrupt_even_that(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_IN_VAIN", -1.0)
    interrupts.listen(config)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        send()
    send(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        send()


def test_what_is_done_as_a_whole(config: Config) -> None:
    done: list[str] = []

    @interrupts.whole
    def inner() -> None:
        send()
        done.append("inner")

    @interrupts.whole
    def outer() -> str:
        inner()
        done.append("outer")
        return "value"

    interrupts.listen(config)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt, match="received SIGINT"):
        outer()
    assert done == ["inner", "outer"]
    assert outer() == "value"  # the second one interrupts nothing
    assert processes._hurried.is_set()


def test_what_is_ignored_stays_so(config: Config) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupts.listen(config)  # type: ignore[arg-type]
        send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_of_the_main_thread(config: Config) -> None:
    thread = threading.Thread(target=interrupts.listen, args=(config,))
    thread.start()
    thread.join()
    assert not config.cleanups
