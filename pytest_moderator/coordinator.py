"""Who may start now, who cannot start any more, and why.

The rules, told once:

1. A step is *ready* when all steps that it ``needs`` have succeeded and all that it comes ``after`` have ended.
2. A step that needs one which has ended without success is *blocked*: it ends at once, without having run, and
   those who need it are blocked in turn. Who comes ``after`` such a step comes after all that it came after itself.
3. Two steps that share a lock never run at the same time.
4. Of the ready steps, the one with the highest priority starts first; among equals the first in the list.
5. After :meth:`Coordinator.stop`, or while it is paused, nothing new starts.
6. A step that was started may be *held* instead, and let go later: until then it is as if it were not ready.
7. A step that has failed may be opened again, and with it all that is blocked because of it.
8. A step may be *reserved*: it is to start as soon as another one ends, and until then it is neither ready nor
   does it run. Only one that would be next anyway, whatever ends first, is reserved.

Nothing here knows a process, a clock or pytest: it is asked, and told what happened.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.graph import find_cycles
from pytest_moderator.step import Blocked, DependencyCycleError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from pytest_moderator.step import Step

    _Entry = tuple[float, int, str]  # the lowest is the most urgent


class Coordinator:
    """Keeps account of one run's steps.

    Args:
        steps: all steps of the run, in the order in which equals start.
        satisfied: keys outside ``steps`` that count as having succeeded (done before, say); any other key
            outside ``steps`` that is needed blocks who needs it.

    Attributes:
        blocked_at_start: the steps that are blocked from the start, in the order in which they were found.
        paused: whether nothing new starts for now.

    Raises:
        DependencyCycleError: steps wait for each other.
    """

    def __init__(self, steps: Iterable[Step], satisfied: Collection[str] = ()) -> None:
        """Find out who is ready and who is blocked from the start."""
        self._steps = {step.key: step for step in steps}
        cycles = find_cycles(
            {step.key: step.needs for step in self._steps.values()},
            {step.key: step.after for step in self._steps.values()},
        )
        if cycles:
            raise DependencyCycleError(cycles)
        self._position = {key: position for position, key in enumerate(self._steps)}
        self._missing = dict.fromkeys(self._steps, 0)
        self._needed_by: defaultdict[str, list[str]] = defaultdict(list)
        self._gates_of: defaultdict[str, list[_Gate]] = defaultdict(list)
        self._ready: list[_Entry] = []
        self._parked: defaultdict[str, list[_Entry]] = defaultdict(list)
        self._busy: set[str] = set()
        self._running: dict[str, None] = {}
        self._reserved: dict[str, None] = {}
        self._ended: dict[str, bool] = {}
        self._gate_before: dict[str, _Gate] = {}
        self._blocked: set[str] = set()
        self._passed: set[str] = set()
        self._held: set[str] = set()
        self._top_behind: dict[str, float] = {}
        self._satisfied = frozenset(satisfied)
        self._stopped = False
        self.paused = False
        self.blocked_at_start = self._wire()

    def _wire(self) -> tuple[Blocked, ...]:
        gates: dict[int, _Gate] = {}
        doomed: list[Blocked] = []
        for step in self._steps.values():
            for need in step.needs:
                if need in self._steps:
                    self._needed_by[need].append(step.key)
                    self._missing[step.key] += 1
            absent = tuple(n for n in step.needs if n not in self._steps and n not in self._satisfied)
            if absent:
                doomed.append(Blocked(step.key, absent))
            if not step.after:
                continue
            gate = gates.get(id(step.after))
            if gate is None:
                gate = gates[id(step.after)] = self._make_gate(step.after)
            if gate.closed:
                self._gate_before[step.key] = gate
                gate.waiting.append(step.key)
                self._missing[step.key] += 1
        for key, missing in self._missing.items():
            if not missing:
                self._push(key)
        return tuple(self._block(doomed))

    def _make_gate(self, keys: tuple[str, ...]) -> _Gate:
        gate = _Gate(closed=0, waiting=[])
        for key in dict.fromkeys(keys):
            if key in self._steps:
                gate.closed += 1
                self._gates_of[key].append(gate)
        return gate

    @property
    def running(self) -> tuple[str, ...]:
        """What runs now, in the order in which it started."""
        return tuple(self._running)

    @property
    def taken(self) -> tuple[str, ...]:
        """What runs now, and what is reserved."""
        return (*self._running, *self._reserved)

    @property
    def pending(self) -> tuple[str, ...]:
        """What has neither started nor ended, in the order of the list."""
        return tuple(k for k in self._steps if k not in self._ended and k not in self._running)

    @property
    def outcomes(self) -> Mapping[str, bool]:
        """What has ended, in the order in which it did, and whether with success."""
        return self._ended

    @property
    def stopped(self) -> bool:
        """Whether nothing new starts any more."""
        return self._stopped

    @property
    def halted(self) -> bool:
        """Whether nothing new starts, for now or for ever."""
        return self._stopped or self.paused

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing will start."""
        return (
            not self._running
            and not self._reserved
            and (self._stopped or len(self._ended) == len(self._steps))
        )

    def waits(self, key: str) -> bool:
        """Whether a step comes after others, of which it may need some.

        Raises:
            KeyError: there is no such step.
        """
        return bool(self._steps[key].needs or self._steps[key].after)

    def start_next(self) -> str | None:
        """Take the most urgent step that may start now.

        Returns:
            Its key, which counts as running from now on; ``None`` when nothing may start now.
        """
        while self._ready and not self.halted:
            entry = heapq.heappop(self._ready)
            key, locks = entry[2], self._steps[entry[2]].locks
            busy = next((lock for lock in locks if lock in self._busy), None)
            if busy is None and not self._is_stale(key):
                self._busy.update(locks)
                self._running[key] = None
                return key
            if busy is not None:
                heapq.heappush(self._parked[busy], entry)
            self._give_way(locks)
        return None

    def reserve_next(self) -> str | None:
        """Take the step that :meth:`start_next` would give now and also when any one of those that run has ended.

        Returns:
            Its key: it starts with :meth:`begin`, or later with :meth:`again`. ``None`` where there is none, or where
            it uses something alone, which others could use until then.
        """
        if self.halted or not self._ready:
            return None
        key = self._ready[0][2]
        step = self._steps[key]
        if step.locks or self._is_stale(key) or self._may_be_overtaken(step.priority):
            return None
        heapq.heappop(self._ready)
        self._reserved[key] = None
        return key

    def begin(self, key: str) -> None:
        """Start a step that was reserved.

        Raises:
            KeyError: it is not.
        """
        del self._reserved[key]
        self._running[key] = None

    def _may_be_overtaken(self, priority: float) -> bool:
        """Whether something more urgent may become ready when what runs ends."""
        most = len(self._running)
        return any(
            self._most_urgent_after(key) > priority
            or any(
                gate.closed <= most and self._most_urgent_behind(gate) > priority
                for gate in self._gates_of[key]
            )
            for key in self._running
        )

    def _most_urgent_after(self, key: str) -> float:
        """Give the highest priority of those that need a step."""
        if key not in self._top_behind:
            behind = (self._steps[other].priority for other in self._needed_by[key])
            self._top_behind[key] = max(behind, default=-math.inf)
        return self._top_behind[key]

    def _most_urgent_behind(self, gate: _Gate) -> float:
        if gate.top is None:
            gate.top = max((self._steps[other].priority for other in gate.waiting), default=-math.inf)
        return gate.top

    def _is_stale(self, key: str) -> bool:
        """Whether an entry is left over from before its step was started, ended or held otherwise."""
        return key in self._ended or key in self._running or key in self._reserved or key in self._held

    def end(self, key: str, *, success: bool) -> list[Blocked]:
        """Record that a step has ended.

        Args:
            key: the step; it need not have been started.
            success: whether those who need it may start.

        Returns:
            The steps that are blocked by that, in the order in which they were found.

        Raises:
            KeyError: there is no such step.
        """
        if self._steps[key].key in self._ended:
            return []
        self._free(key)
        self._held.discard(key)
        self._ended[key] = success
        if not self._is_held_up(key):
            self._open_gates(key)
        if not success:
            return self._block([Blocked(other, (key,)) for other in self._needed_by[key]])
        for other in self._needed_by[key]:
            self._release(other)
        return []

    def again(self, key: str) -> None:
        """Put a step that runs or is reserved back among the ready ones; else do nothing."""
        if self._free(key):
            self._push(key)

    def hold(self, key: str) -> None:
        """Take a step back that runs or is reserved, and do not start it until :meth:`let_go`; else do nothing."""
        if self._free(key):
            self._held.add(key)

    def let_go(self, key: str) -> None:
        """Put a held step among the ready ones again; do nothing if it is not held."""
        if key in self._held:
            self._held.discard(key)
            self._push(key)

    @property
    def held(self) -> frozenset[str]:
        """What was held and has not been let go or ended."""
        return frozenset(self._held)

    def reopen(self, key: str) -> list[str]:
        """Let a step that ended without success start once more, and what only that one blocked wait for it again.

        Returns:
            All steps that are open again, the step itself first; none when there is nothing to open: it has
            not ended, it has succeeded, or something that it needs has not.

        Raises:
            KeyError: there is no such step.
        """
        if self._ended.get(self._steps[key].key, True) or self._is_doomed(key):
            return []
        opened = [key]
        for other in opened:
            del self._ended[other]
            waiting = [n for n in dict.fromkeys(self._needed_by[other]) if n in self._blocked]
            opened.extend(n for n in waiting if not self._is_doomed(n, other))
            self._blocked.difference_update(opened)
        if not self._missing[key]:
            self._push(key)
        return opened

    def _is_doomed(self, key: str, but: str | None = None) -> bool:
        """Whether something that a step needs, besides one, is missing or has ended without success."""
        needs = (need for need in self._steps[key].needs if need != but and need not in self._satisfied)
        return any(need not in self._steps or not self._ended.get(need, True) for need in needs)

    def stop(self) -> None:
        """Let nothing new start; what runs goes on."""
        self._stopped = True

    def _free(self, key: str) -> bool:
        """Let go of what a step used alone; give whether it ran or was reserved."""
        if key in self._reserved:
            del self._reserved[key]
            return True
        if key not in self._running:
            return False
        del self._running[key]
        self._busy.difference_update(self._steps[key].locks)
        self._give_way(self._steps[key].locks)
        return True

    def _give_way(self, locks: Iterable[str]) -> None:
        """Make ready, for each lock that is free, the most urgent step that was parked for it.

        Only that one: the others would find the lock taken again. If it can not start, it gives way in turn.
        """
        for lock in locks:
            if lock not in self._busy and self._parked[lock]:
                heapq.heappush(self._ready, heapq.heappop(self._parked[lock]))

    def _block(self, doomed: Sequence[Blocked]) -> list[Blocked]:
        found: list[Blocked] = []
        queue = list(doomed)
        for entry in queue:
            if entry.key in self._ended:
                continue
            self._ended[entry.key] = False
            self._blocked.add(entry.key)
            found.append(entry)
            if not self._is_held_up(entry.key):
                self._open_gates(entry.key)
            queue.extend(Blocked(other, (entry.key,)) for other in self._needed_by[entry.key])
        return found

    def _is_held_up(self, key: str) -> bool:
        """Whether a step that has ended without having run stands behind a gate that is still closed."""
        return key in self._gate_before and self._gate_before[key].closed > 0

    def _open_gates(self, key: str) -> None:
        """Open what only waited for this step, and go on with those behind it that had been blocked meanwhile."""
        keys = [key]
        for passed in keys:
            if passed in self._passed:
                continue  # it was opened again, and has ended a second time
            self._passed.add(passed)
            for gate in self._gates_of[passed]:
                gate.closed -= 1
                if gate.closed:
                    continue
                for other in gate.waiting:
                    if other in self._ended:
                        keys.append(other)
                    self._release(other)

    def _release(self, key: str) -> None:
        self._missing[key] -= 1
        if not self._missing[key] and key not in self._ended:
            self._push(key)

    def _push(self, key: str) -> None:
        heapq.heappush(self._ready, (-self._steps[key].priority, self._position[key], key))


@dataclass(slots=True)
class _Gate:
    """Opens when all steps that it stands behind have ended."""

    closed: int
    waiting: list[str]
    top: float | None = None
