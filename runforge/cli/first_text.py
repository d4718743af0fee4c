"""The first text of the screens: the queue's first rows, readable while Textual is still imported.

The quick way of the lists makes it. It is written onto the alternate screen, and the screens are drawn over it. Whatever
ends the program before they are there, an error, a signal or a key, gives the terminal back as it was.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` makes enumerations, which takes long
import os
import sys

from runforge.cli import output, quick, quick_lists, tables
from runforge.place import Place
from runforge.text import safe
from runforge.tui import choices, terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

#: The options with which it is as without; with another one there is none.
_LIKE_NONE = ("--read-only", "--no-mouse", "--bell")
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
        self._before: dict[int, Any] = {}

    def show(self, words: list[str]) -> None:
        """Write the first rows of the queue that a plain call means, if the queue is plain too and has some."""
        root = _root_of(words) if _is_usual() else None
        size = os.get_terminal_size(_TERMINAL) if root is not None else os.terminal_size((0, 0))
        if root is None or size.lines <= _ABOVE + 1:
            return
        found = quick_lists.first_jobs(Place(root), size.lines - _ABOVE - 1)
        if not found:
            return
        terminal.ignore_env_size()
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
        heard: dict[int, Any] = {
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
    try:
        while data:
            data = data[os.write(_TERMINAL, data) :]
    except OSError:  # the terminal is gone: nobody sees it, and the screens end for it
        return


def _is_usual() -> bool:
    """Return whether the screens can be drawn here, with all signs, in the order of a new user."""
    if terminal.why_not() is not None or terminal.needs_ascii():
        return False
    return choices.read(choices.path()).is_usual_order


def _root_of(words: list[str]) -> str | None:
    """Return the workspace that a plain call of the screens means; None if it is not plain."""
    workspace, rest = None, iter(words)
    for word in rest:
        if word in quick.WORKSPACE and workspace is None:
            workspace = next(rest, "")
            if not workspace or workspace.startswith("-"):
                return None
        elif word not in _LIKE_NONE:
            return None
    return quick.root(workspace)


#: The one of this process.
FIRST = FirstText()
