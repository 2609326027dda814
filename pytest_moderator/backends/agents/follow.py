"""Reading an agent's output while it grows."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any

from pytest_moderator.backends.agents.events import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_moderator.attempt.masking import Masker
    from pytest_moderator.backends.agents.adapter import Adapter
    from pytest_moderator.backends.agents.events import AgentEvent, Transcript

    Tell = Callable[[Mapping[str, object]], None]

_PORTION = 256 * 1024  # bytes read at once
_PATIENCE = 0.2  # seconds
_LONGEST_LINE = 32 * 1024 * 1024  # bytes; the rest of a longer line is passed over
_TEXT = 2000  # characters of what an agent says that are told


class Follower:
    """Reads an agent's output, and remembers when something came, on a clock that may stand still.

    Attributes:
        active_at: when the last event came, or any output of an agent that tells no events; on that clock.
        final_at: when the event came with which its work has ended; ``None`` while it has not.
        size: bytes of output that have been read.
        garbage: lines that were no events.
    """

    def __init__(
        self,
        path: Path,
        adapter: Adapter,
        transcript: Transcript,
        tell: Tell | None,
        masker: Masker | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._adapter = adapter
        self._transcript = transcript
        self._tell = tell
        self._masker = masker
        self._clock = clock
        self._rest = bytearray()
        self._skipping = False
        self._told_session = ""
        self.active_at = clock()
        self.final_at: float | None = None
        self.size = 0
        self.garbage = 0

    def poll(self, patience: float = _PATIENCE) -> None:
        """Read what has come since the last time.

        Args:
            patience: seconds after which the rest is left for the next time: it may come faster than we read.
        """
        begun = time.monotonic()
        try:
            log = self._path.open("rb")
        except FileNotFoundError:
            return
        with log:
            log.seek(self.size)
            while portion := log.read(_PORTION):
                self.size += len(portion)
                if self._adapter.output == "jsonl":
                    self._take(portion)
                else:
                    self.active_at = self._clock()
                if time.monotonic() - begun > patience:
                    break

    def finish(self) -> None:
        """Read the rest, once the agent has ended: its last line may lack its end, and its one document is whole."""
        self.poll(math.inf)
        if self._adapter.output == "json":
            self._read_document()
        elif self._rest and not self._skipping:
            self._read_line(bytes(self._rest))
        self._rest.clear()

    def _take(self, portion: bytes) -> None:
        *lines, rest = portion.split(b"\n")
        for line in lines:
            if not self._skipping:
                self._read_line(bytes(self._rest) + line)
            self._rest.clear()
            self._skipping = False
        if not self._skipping:
            self._rest += rest
        if len(self._rest) > _LONGEST_LINE:
            self.garbage += 1
            self._rest.clear()
            self._skipping = True

    def _read_line(self, line: bytes) -> None:
        line = line.strip()
        if not line:
            return
        event = _parse(line) if line.startswith(b"{") else None
        if isinstance(event, dict):
            self._read_event(event)
        else:
            self.garbage += 1

    def _read_document(self) -> None:
        """Read the one document; where there is more around it, the last line that is one."""
        try:
            with self._path.open("rb") as log:
                content = log.read(_LONGEST_LINE).strip()
        except FileNotFoundError:
            return
        candidates = [content, *reversed(content.splitlines())]
        documents = (_parse(candidate) for candidate in candidates if candidate[:1] in (b"{", b"["))
        found = next((document for document in documents if document is not None), None)
        for event in found if isinstance(found, list) else [found]:
            if isinstance(event, dict):
                self._read_event(event)
            elif content:
                self.garbage += 1

    def _read_event(self, event: Mapping[str, Any]) -> None:
        self.active_at = self._clock()
        if self._masker is not None:  # before anything is shortened, or put into one line
            event = {name: self._masker.mask_all(value) for name, value in event.items()}
        for told in self._adapter.read(event):
            self._transcript.add(told)
            if told.begins:
                self.final_at = None
            if told.final:
                self.final_at = self.active_at
            if self._tell is not None:
                self._pass_on(told, self._tell)

    def _pass_on(self, event: AgentEvent, tell: Tell) -> None:
        """Tell of an event to whoever wants to know while the task runs."""
        session = self._transcript.session
        if event.session and session != self._told_session:
            self._told_session = session
            tell({"kind": "session", "session_id": session})
        if event.tool:
            tell({"kind": "tool", "tool": event.tool, "detail": event.detail})
        if event.text:
            tell({"kind": "text", "text": event.text[:_TEXT]})
        if event.usage is not None and self._transcript.usage is not None:
            tell({"kind": "usage", **self._transcript.usage.to_dict()})
        if event.error:
            tell({"kind": "error", "text": brief(event.error)})
        if event.limited_until is not None:
            tell({"kind": "limit", "resets_at": event.limited_until.isoformat()})


def _parse(text: bytes) -> object:
    """Read JSON; ``None`` where it is none. What is no text in it may come from a tool, and spoils nothing else."""
    try:
        found: object = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found
