"""The first text of the screens: the queue's first rows, readable while Textual is still imported.

The quick way of the lists makes it. It is written onto the alternate screen, and the screens are drawn over it. Whatever
ends the program before they are there, an error, a signal or a key, gives the terminal back as it was.
"""

from __future__ import annotations

import os
import signal
import sys

from runforge.cli import output, quick_lists, tables
from runforge.place import Place
from runforge.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

#: Enters the alternate screen, empty, without a cursor; and leaves it.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[H\x1b[2J\x1b[?25l", "\x1b[?1049l\x1b[?25h"
#: What ends the program if nobody hears it. SIGINT is an exception.
_DEADLY = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: The lines above the rows, so that the screens have theirs at about the same place: the workspace, and nothing.
_ABOVE = 2
#: Textual draws on standard error.
_TERMINAL = 2


class FirstText:
    """The text, from `show` until the screens take the terminal over."""

    def __init__(self) -> None:
        self._is_shown = False
        self._before: dict[signal.Signals, Any] = {}

    def show(self, root: str) -> None:
        """Write the queue's first rows, if it is plain and has some."""
        size = os.get_terminal_size(_TERMINAL)
        found = (
            quick_lists.first_jobs(Place(root), size.lines - _ABOVE - 1) if size.lines > _ABOVE + 1 else []
        )
        if not found:
            return
        title = output.cut(f" RunForge  {safe(root)}", size.columns)
        lines = [title, *[""] * (_ABOVE - 1), *tables.job_lines(found)]
        self._hear_signals()
        self._is_shown = True
        _write(_ENTER + "\r\n".join(lines))

    def hand_over(self) -> bool:
        """Return whether the alternate screen is on; from now on it is the caller's."""
        was_shown, self._is_shown = self._is_shown, False
        return was_shown

    def take_back(self) -> None:
        """Leave the alternate screen, if it is still this text's."""
        if self.hand_over():
            _write(_LEAVE)
            for number, before in self._before.items():
                signal.signal(number, before)

    def _hear_signals(self) -> None:
        """Take the text back before a signal ends the program. A stop waits: Textual does it better."""
        heard: dict[signal.Signals, Any] = {
            **dict.fromkeys(_DEADLY, self._die),
            signal.SIGTSTP: signal.SIG_IGN,
        }
        for number, handler in heard.items():
            if signal.getsignal(number) == signal.SIG_DFL:
                self._before[number] = signal.signal(number, handler)

    def _die(self, number: int, _frame: FrameType | None) -> None:
        self.take_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _write(text: str) -> None:
    data = text.encode(sys.stdout.encoding or "ascii", "backslashreplace")
    while data:
        data = data[os.write(_TERMINAL, data) :]
