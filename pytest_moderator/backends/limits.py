"""How often, and how many at once, a backend may be used: rate limits, concurrency, and a circuit breaker.

One object is for all workers of a run, in the process that decides which task starts. It has no clock and no thread:
every question and every fact comes with a time in seconds, on one monotonic clock.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_moderator.units import format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_WAIT = 6 * 3600.0
"""Seconds that tasks wait at most for the end of a limit that a backend has met: agents have some for five hours."""

_RATE = re.compile(r"(\d{1,9})\s*(?:/|per\s)\s*(\S.*)", re.IGNORECASE)
_UNITS = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
    **dict.fromkeys(("d", "day"), 86400.0),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many starts in any span of so many seconds.

    Attributes:
        count: at least 1.
        seconds: above 0.
    """

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Breaker:
    """When a backend is left alone for a while.

    Attributes:
        failures: after so many in a row; at least 1.
        pause: for so many seconds, above 0; then one task tries whether it works again.
    """

    failures: int = 5
    pause: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed of one backend; what is ``None`` is not limited."""

    rate: Rate | None = None
    max_concurrent: int | None = None
    breaker: Breaker | None = None


class Circuit(StrEnum):
    """Where a circuit breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class BackendLimits:
    """Says when a task of a backend may start.

    Args:
        limits: by name of backend; those that are not in it have none.
    """

    def __init__(self, limits: Mapping[str, Limits] = MappingProxyType({})) -> None:
        self._limits = limits
        self._backends: dict[str, _Backend] = {}
        self._running: dict[str, _Start] = {}

    def may_start(self, backend: str, now: float) -> float:
        """Say how long the next task of a backend has to wait.

        Args:
            backend: its name.
            now: seconds on the clock of the run.

        Returns:
            Seconds: 0 for none; infinite where it is for a task of this backend to end first. What is given holds as
            long as no other task of it starts or ends.
        """
        until = max((moment for moment, _ in self._of(backend).obstacles(now)), default=now)
        wait = until - now
        while now + wait < until:  # a rounding error less than asked for
            wait = math.nextafter(wait, math.inf)
        return max(0.0, wait)

    def why(self, backend: str, now: float) -> str:
        """Say in words what the next task of a backend waits for; empty where it may start."""
        obstacles = list(self._of(backend).obstacles(now))
        return max(obstacles)[1] if obstacles else ""

    def open_circuit(self, backend: str, now: float) -> str:
        """Say why a backend is not tried just now, so that a fallback may take its place; empty where it is.

        A task that starts in its place needs no probe; the first one that starts with the backend after the pause is
        the probe.
        """
        return self._of(backend).open_circuit(now)

    def circuit(self, backend: str, now: float) -> Circuit:
        """Say where the breaker of a backend stands."""
        return self._of(backend).circuit(now)

    def unwell(self, backend: str, why: str, now: float) -> None:
        """Take note that a backend has been asked how it is, and cannot be used.

        Its circuit opens, and no fallback gives its place back before :meth:`well`. Tasks that have none wait where
        it has a breaker, and try it after the pause of that; without one they do not wait.

        Args:
            backend: its name.
            why: what is wrong with it, in a few words.
            now: seconds on the clock of the run.
        """
        self._of(backend).unwell(why, now)

    def well(self, backend: str, now: float) -> None:
        """Take note that a backend can be used, as it says: the next task of it tries whether that is so."""
        self._of(backend).well(now)

    def is_to_be_asked(self, backend: str, now: float) -> bool:
        """Whether a backend that was unwell has been left alone for a pause, so that it can be asked again."""
        return self._of(backend).is_to_be_asked(now)

    def started(self, backend: str, key: str, now: float) -> None:
        """Take note that a task has started.

        Args:
            backend: the backend that does it.
            key: names the task until it has ended; one that is running already counts as started anew.
            now: seconds on the clock of the run.
        """
        if key in self._running:
            self.ended(key, ok=None, now=now)
        self._running[key] = self._of(backend).start(now)

    def ended(self, key: str, *, ok: bool | None, now: float, retry_after: float | None = None) -> None:
        """Take note that a task has ended.

        Args:
            key: as it was started; one that is not running changes nothing.
            ok: whether the backend did its part, which it has also where the task failed by its own fault; ``None``
                where nobody can say, as for a task that was cancelled.
            now: seconds on the clock of the run.
            retry_after: seconds for which the backend has asked to be left alone. Its tasks wait that long, and it
                counts as no failure: it has said when it will work again.
        """
        if (start := self._running.pop(key, None)) is not None:
            start.backend.end(start, now, ok=ok, retry_after=retry_after)

    def hold(self, backend: str, seconds: float, now: float, *, failed: bool = False) -> None:
        """Take note that a backend is to be left alone, before any task of it has started.

        Args:
            backend: its name.
            seconds: for how long; finite.
            now: seconds on the clock of the run.
            failed: whether that is because tasks have failed, so that one tries it then; else it has asked for it.
        """
        held = self._of(backend)
        if failed:
            held.open_until = now + seconds
        else:
            held.held_until = max(held.held_until, now + seconds)

    def held(self, backend: str, now: float) -> float:
        """Say for how many more seconds a backend has asked to be left alone; 0 where it has not."""
        return max(0.0, self._of(backend).held_until - now)

    def opened(self, backend: str, now: float) -> float:
        """Say for how many more seconds a backend is left alone because tasks have failed; 0 where it is not."""
        held = self._of(backend)
        return 0.0 if held.open_until is None or held.illness else max(0.0, held.open_until - now)

    def running(self, backend: str) -> int:
        """Count the tasks of a backend that have started and not ended."""
        return self._of(backend).running

    def _of(self, backend: str) -> _Backend:
        if backend not in self._backends:
            self._backends[backend] = _Backend(self._limits.get(backend, Limits()))
        return self._backends[backend]


@dataclass(slots=True)
class _Start:
    """A task that is running.

    Attributes:
        backend: what does it.
        round: how often the circuit had been opened when it started: what started before says nothing about later.
        probe: whether it tries if the backend works again.
    """

    backend: _Backend
    round: int
    probe: bool


@dataclass(slots=True)
class _Backend:
    """What is known of one backend."""

    limits: Limits
    starts: deque[float] = field(default_factory=deque)
    running: int = 0
    failures: int = 0
    round: int = 0
    open_until: float | None = None
    illness: str = ""
    ask_at: float = math.inf
    probing: bool = False
    held_until: float = -math.inf

    def obstacles(self, now: float) -> Iterator[tuple[float, str]]:
        """Go through all that keeps a task from starting, with the moment until which it does."""
        if self.held_until > now:
            yield (
                self.held_until,
                f"it has asked to be left alone for {format_duration(self.held_until - now)}",
            )
        if self.limits.breaker is not None and self.open_until is not None:
            if self.open_until > now:
                yield self.open_until, self.open_circuit(now)
            elif self.probing:
                yield math.inf, self.open_circuit(now)
        rate, most = self.limits.rate, self.limits.max_concurrent
        if rate is not None:
            while self.starts and self.starts[0] + rate.seconds <= now:
                self.starts.popleft()
            if len(self.starts) >= rate.count:
                due = self.starts[-rate.count] + rate.seconds
                yield due, f"{rate.count} have started in {format_duration(rate.seconds)}, which is its limit"
        if most is not None and self.running >= most:
            yield math.inf, f"{self.running} of its tasks are running, which is its limit"

    def circuit(self, now: float) -> Circuit:
        """Say where the breaker stands."""
        if self.open_until is None:
            return Circuit.CLOSED
        is_tried = self.probing if self.illness else now >= self.open_until
        return Circuit.HALF_OPEN if is_tried else Circuit.OPEN

    def open_circuit(self, now: float) -> str:
        """Say why it is not tried; empty where it is."""
        if self.illness:
            return f"it cannot be used: {self.illness}"
        circuit = self.circuit(now)
        if circuit is Circuit.OPEN and self.open_until is not None:
            return f"{self._failed()}; it is tried again in {format_duration(self.open_until - now)}"
        if circuit is Circuit.HALF_OPEN and self.probing:
            return f"{self._failed()}; one task tries whether it works again"
        return ""

    def _failed(self) -> str:
        return f"it has failed {self.failures} times in a row" if self.failures > 1 else "it has failed"

    def unwell(self, why: str, now: float) -> None:
        """Open the circuit, whatever has failed."""
        pause = (self.limits.breaker or Breaker()).pause
        self.illness, self.ask_at = why, now + pause
        if self.open_until is None:
            self.round += 1
            self.open_until = now + pause

    def well(self, now: float) -> None:
        """Let a task try, if none could because it was unwell."""
        if self.illness:
            self.illness, self.ask_at, self.open_until = "", math.inf, now

    def is_to_be_asked(self, now: float) -> bool:
        """Whether it is time to ask it how it is."""
        return self.ask_at <= now

    def start(self, now: float) -> _Start:
        """Take note of a start."""
        if self.limits.rate is not None:
            self.starts.append(now)
        self.running += 1
        probe = self.open_until is not None and self.open_until <= now and not self.probing
        self.probing = self.probing or probe
        return _Start(self, self.round, probe)

    def end(self, start: _Start, now: float, *, ok: bool | None, retry_after: float | None) -> None:
        """Take note of an end."""
        self.running -= 1
        if retry_after is not None and math.isfinite(retry_after):
            self.held_until = max(self.held_until, now + retry_after)
            ok = ok or None
        if start.probe:
            self.probing = False
        if ok is None or start.round != self.round or not (start.probe or self.open_until is None):
            return
        if ok:
            self.failures, self.open_until, self.illness, self.ask_at = 0, None, "", math.inf
            return
        self.failures += 1
        breaker = self.limits.breaker
        if start.probe or (breaker is not None and self.failures >= breaker.failures):
            self.round += 1
            self.open_until = now + (breaker or Breaker()).pause


def parse_limits(values: Mapping[str, object]) -> Limits:
    """Read the keys ``rate_limit``, ``max_concurrent`` and ``breaker`` of what is set for a backend.

    Args:
        values: the settings; other keys are left alone.

    Raises:
        ValueError: one of them is wrong; the message names it.
    """
    parts: dict[str, Any] = {}
    for key, name, parse in (
        ("rate_limit", "rate", parse_rate),
        ("max_concurrent", "max_concurrent", parse_count),
        ("breaker", "breaker", parse_breaker),
    ):
        if values.get(key) is not None:
            try:
                parts[name] = parse(values[key])
            except ValueError as error:
                raise ValueError(f"{key} {error}") from error
    return Limits(**parts)


def parse_rate(value: object) -> Rate:
    """Read ``10/min``, ``2 per hour`` or ``5/10s``.

    Raises:
        ValueError: it is no such text; the message begins with ``must``.
    """
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = _span(match[2].strip().lower()) if match else None
    if match is None or seconds is None or int(match[1]) == 0:
        raise ValueError(f"must be a number of starts per time, such as 10/min or 5/10s, not {value!r}")
    return Rate(int(match[1]), seconds)


def parse_breaker(value: object) -> Breaker | None:
    """Read ``{failures: 5, pause: 1m}``; ``true`` means these defaults, ``false`` none.

    Raises:
        ValueError: it is something else; the message begins with ``must``.
    """
    if isinstance(value, bool):
        return Breaker() if value else None
    usual = Breaker()
    if isinstance(value, Mapping) and set(value) <= {"failures", "pause"}:
        pause = _span(value.get("pause", usual.pause))
        if pause is not None:
            return Breaker(parse_count(value.get("failures", usual.failures)), pause)
    raise ValueError(f"must be true, false, or a mapping such as {{failures: 5, pause: 1m}}, not {value!r}")


def parse_count(value: object) -> int:
    """Read a whole number from 1.

    Raises:
        ValueError: it is something else; the message begins with ``must``.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ValueError(f"must be a whole number from 1, not {value!r}")


def _span(value: object) -> float | None:
    """Read a time, or the name of a unit."""
    if isinstance(value, str) and value in _UNITS:
        return _UNITS[value]
    try:
        return parse_duration(value) if isinstance(value, (str, int, float)) else None
    except (ValueError, OverflowError):
        return None
