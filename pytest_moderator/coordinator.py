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

Nothing here knows a process, a clock or pytest: it is asked, and told what happened.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_moderator.errors import ModeratorError
from pytest_moderator.graph import find_cycles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    _Entry = tuple[float, int, str]  # the lowest is the most urgent


@dataclass(frozen=True, slots=True)
class Step:
    """Something that runs once: a task, or an ordinary test beside the tasks.

    Attributes:
        key: unique among the steps.
        needs: keys that must have succeeded before.
        after: keys that must have ended before. Steps that share the very same tuple share its bookkeeping,
            so that a phase of thousands does not cost its square.
        locks: names of what it uses alone.
        priority: the higher, the earlier.
    """

    key: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    priority: float = 0.0


@dataclass(frozen=True, slots=True)
class Blocked:
    """A step that ended without having run.

    Attributes:
        key: the step.
        by: keys of the steps that it needed in vain, direct ones.
    """

    key: str
    by: tuple[str, ...]


class DependencyCycleError(ModeratorError):
    """Steps that wait for each other.

    Attributes:
        cycles: such as ``("a", "b", "a")``: each waits for the next.
    """

    def __init__(self, cycles: Sequence[Sequence[str]]) -> None:
        """Name the steps."""
        self.cycles = tuple(tuple(cycle) for cycle in cycles)
        shown = "; ".join(" -> ".join(cycle) for cycle in self.cycles)
        super().__init__(f"these wait for each other and could never start: {shown}")


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
        self._ended: dict[str, bool] = {}
        self._gate_before: dict[str, _Gate] = {}
        self._blocked: set[str] = set()
        self._passed: set[str] = set()
        self._held: set[str] = set()
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
    def finished(self) -> bool:
        """Whether nothing runs and nothing will start."""
        return not self._running and (self._stopped or len(self._ended) == len(self._steps))

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
        while self._ready and not self._stopped and not self.paused:
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

    def _is_stale(self, key: str) -> bool:
        """Whether an entry is left over from before its step was started, ended or held otherwise."""
        return key in self._ended or key in self._running or key in self._held

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
        """Put a running step back among the ready ones, to be started once more; else do nothing."""
        if self._free(key):
            self._push(key)

    def hold(self, key: str) -> None:
        """Take a running step back and do not start it, until :meth:`let_go`; else do nothing."""
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
        """Let go of what a step used alone; give whether it ran."""
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
