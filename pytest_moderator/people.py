"""Asking people: whether somebody is there, and the questions that stand at the terminal while the run goes on.

The terminal is left as it is: an answer is a line, and ends with Enter. A thread reads the lines; the main thread
acts on them, and writes the questions.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_moderator.cleaning import clean
from pytest_moderator.journal.requests import who

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_moderator.handout import FileHandout
    from pytest_moderator.settings import Settings

    Soon = Callable[[Callable[[], None]], None]

LATER = "later"
"""What puts a question off; those of all questions are understood by their first letter as well."""

_PERIOD = 0.1  # seconds
_AT_ONCE = 4096  # bytes


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a person can be asked at the terminal.

    Attributes:
        text: the question, in one line; no other task has the same.
        otherwise: how to answer it elsewhere.
        replies: by the word that is typed, with different first letters, what is called with the name of the person
            and what was typed behind the word.
        stands: whether an answer is still wanted. Asked in the main thread, after the question was handed over.
    """

    text: str
    otherwise: str
    replies: Mapping[str, Callable[[str, str], None]]
    stands: Callable[[], bool]

    @property
    def words(self) -> tuple[str, ...]:
        """All that can be answered."""
        return (*self.replies, LATER)

    @property
    def choices(self) -> str:
        """What can be answered, such as ``[y]es [n]o [l]ater``."""
        return " ".join(f"[{word[0]}]{word[1:]}" for word in self.words)


class People:
    """Those who can be asked. Registered in the controlling process.

    Args:
        config: pytest's.
        settings: by node id of a file, its settings.

    Attributes:
        soon: has the main thread do something soon.
    """

    def __init__(self, config: pytest.Config, settings: Mapping[str, Settings]) -> None:
        self._config = config
        self._settings = settings
        self._present, self._terminal = _find_terminal(config)
        self._asked: list[Question] = []
        self._put_off: list[Question] = []
        self._shown: Question | None = None
        self._woken = False
        self._debugging = threading.Event()
        self._reading = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.soon: Soon  # there is nobody who does anything before the run is made

    def there(self, file: FileHandout) -> bool:
        """Whether somebody is there who may answer, at a terminal or elsewhere."""
        mode = self._settings[file.nodeid].approval
        return self._present if mode == "auto" else mode == "wait"

    def ask(self, question: Question) -> None:
        """Say once that an answer is wanted, and ask at the terminal if there is one; returns at once."""
        if any(known.text == question.text and known.stands() for known in (*self._asked, *self._put_off)):
            return
        self._asked = [known for known in self._asked if known.text != question.text]
        self._asked.append(question)
        if self._terminal is None:
            self._write(f"{question.text} {question.otherwise}")
            return
        if self._shown is None or not self._shown.stands():
            self._open(question)
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="moderator-people", daemon=True)
            self._thread.start()

    def _go_on(self) -> None:
        """Show the next question, unless one is shown already."""
        self._woken = False
        self._asked = [question for question in self._asked if question.stands()]
        self._put_off = [question for question in self._put_off if question.stands()]
        if self._shown in self._asked:
            return
        self._shown = None
        if self._asked and self._terminal is not None:
            self._open(self._asked[0])

    def _open(self, question: Question) -> None:
        """Show a question, and take what is typed from now on as its answer."""
        self._shown = question
        if self._terminal is not None and _in_front(self._terminal):
            with self._reading, contextlib.suppress(termios.error):  # what was typed was no answer to this
                termios.tcflush(self._terminal, termios.TCIFLUSH)
        self._show(question)

    def _show(self, question: Question) -> None:
        self._write(f"{question.text} {question.choices}")

    def _write(self, text: str) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(clean(text), yellow=True)

    def _listen(self) -> None:
        """Read what is typed, in a thread of its own; in the background, that must not stop the process."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN})
        rest = b""
        while not self._over.is_set():
            shown = self._shown
            if shown is not None and not self._woken and not shown.stands():
                self._woken = True
                self.soon(self._go_on)
            data = self._typed()
            if data == b"":  # Ctrl-D, or the terminal has gone away
                self.soon(self._say_where_else)
                return
            *lines, rest = (rest + (data or b"")).split(b"\n")
            for line in lines:
                self.soon(partial(self._heard, self._shown, line.decode(errors="replace").strip()))

    def _typed(self) -> bytes | None:
        """Wait a moment for what is typed; ``None`` when that is nothing for us."""
        terminal = self._terminal
        if terminal is None:
            return b""
        if self._debugging.is_set() or not _in_front(terminal):
            self._over.wait(_PERIOD)
            return None
        try:
            select.select([terminal], [], [], _PERIOD)
            with self._reading:  # what was thrown away in between would be waited for
                ready, _, _ = select.select([terminal], [], [], 0)
                return os.read(terminal, _AT_ONCE) if ready and not self._debugging.is_set() else None
        except OSError:  # it is gone, or we are in the background since a moment ago
            return b"" if _in_front(terminal) else None

    def _heard(self, question: Question | None, text: str) -> None:
        """Act on a line that was typed while a question was shown."""
        if question is None:
            if not text:
                self._asked, self._put_off = self._put_off, []
                self._go_on()
            return
        word, _, rest = text.partition(" ")
        meant = [known for known in question.words if word.casefold() in (known, known[0])]
        if not question.stands():
            self._write("that needs no answer any more")
        elif not meant:
            self._show(question)
            return
        elif meant[0] == LATER:
            self._put_off.append(question)
            self._asked = [known for known in self._asked if known is not question]
            self._write(f"{question.otherwise}; Enter asks again")
        else:
            question.replies[meant[0]](who(), rest.strip())
        self._go_on()

    def _say_where_else(self) -> None:
        for question in self._asked:
            self._write(question.otherwise)
        self._terminal = None

    def pytest_enter_pdb(self) -> None:
        """Leave what is typed to the debugger."""
        with self._reading:
            self._debugging.set()

    def pytest_leave_pdb(self) -> None:
        """Listen again."""
        self._debugging.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Ask nothing any more."""
        self._over.set()
        if self._thread is not None and self._thread.is_alive():  # Ctrl-C may have come before it started
            self._thread.join()


def _find_terminal(config: pytest.Config) -> tuple[bool, int | None]:
    """Say whether there is somebody at a terminal, and give it if questions can be asked there; to be closed.

    pytest puts others in the place of standard input and output, and back for a moment when it is asked to.
    """
    if os.environ.get("CI"):
        return False, None
    manager: Any = config.pluginmanager.get_plugin("capturemanager")
    if manager is not None:
        manager.suspend_global_capture(in_=True)
    try:
        if not os.isatty(0):
            return False, None
        terminal = os.dup(0) if os.isatty(1) else None
    finally:
        if manager is not None:  # all but standard input was let go already
            manager.resume_global_capture()
            manager.suspend_global_capture()
    if terminal is not None:
        config.add_cleanup(partial(os.close, terminal))
    return True, terminal


def _in_front(terminal: int) -> bool:
    """Whether this process may read from a terminal: one in the background is stopped when it tries."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True  # it is not the one that this process was started from
