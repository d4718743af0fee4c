"""A terminal without a window: runs a program on a pseudo-terminal and knows what a person would see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

#: Questions to the terminal that pyte would print: the kitty protocol, and questions about modes.
_UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*u|\x1b\[\?[0-9;]*\$p")
#: Makes the terminal the controlling one, then becomes the program. In its own process: after a fork of a
#: process with threads, no Python may run before the exec.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
#: Variables that a user's terminal seldom has: sizes and colours, and what lets Python compile all modules each time.
_UNUSUAL = {"NO_COLOR", "COLUMNS", "LINES", "COLORTERM", "PYTHONDONTWRITEBYTECODE"}
#: How the line of keys begins.
_KEYS = " open "
_PARTIAL = re.compile(rb"\x1b(\[[<>=?]?[0-9;]*\$?)?$")


class Terminal:
    """The program on a terminal of a given size. `raw` is every byte that it wrote."""

    def __init__(
        self,
        arguments: Sequence[object],
        *,
        columns: int = 80,
        lines: int = 24,
        program: Sequence[str] = ("-m", "runforge"),
        **environment: str,
    ) -> None:
        self._master, slave = pty.openpty()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._rest = b""
        self.raw = b""
        self._set_size(columns, lines)
        kept = {name: value for name, value in os.environ.items() if name not in _UNUSUAL}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *program, *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment},
            start_new_session=True,
        )
        os.close(slave)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, seconds: float = 0.05) -> bool:
        """Read what was written; return whether the program still has its terminal."""
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self._master, 65536)
        except OSError:
            return False
        self.raw += chunk
        data = self._rest + chunk
        partial = _PARTIAL.search(data)
        self._rest = partial.group() if partial else b""
        self._stream.feed(_UNKNOWN.sub(b"", data[: len(data) - len(self._rest)]))
        return bool(chunk)

    @property
    def lines(self) -> list[str]:
        """The current lines of the screen."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> float:
        """Read until a condition is true; return how long that took. TimeoutError shows the screen."""
        start = time.monotonic()
        while not condition():
            if time.monotonic() - start > seconds:
                raise TimeoutError(f"not within {seconds} s: {what}\n{self.text}")
            if not self.read() and not condition():
                raise TimeoutError(f"the program ended without {what}\n{self.text}")
        return time.monotonic() - start

    def sees(self, *texts: str, seconds: float = 60.0) -> float:
        """Read until all the texts are on the screen; return how long that took."""
        return self.until(lambda: all(text in self.text for text in texts), f"{texts} to be seen", seconds)

    def comes_up(self, *texts: str, seconds: float = 60.0) -> float:
        """Read until the screens are there, with all the texts; return how long that took.

        Before that the queue's first rows are there, as plain text without the line of keys.
        """
        return self.until(
            lambda: _KEYS in self.text and all(text in self.text for text in texts),
            f"the screens with {texts}",
            seconds,
        )

    def misses(self, text: str, seconds: float = 60.0) -> float:
        """Read until the text is not on the screen."""
        return self.until(lambda: text not in self.text, f"{text!r} to go", seconds)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size."""
        self._screen.resize(lines, columns)
        self._set_size(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def hang_up(self) -> None:
        """Take the terminal away, as a lost SSH line does."""
        os.close(self._master)

    def end(self, seconds: float = 10.0) -> int:
        """Read to the end; return the exit code."""
        deadline = time.monotonic() + seconds
        while self.read() and self.process.poll() is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"does not end\n{self.text}")
        while select.select([self._master], [], [], 0)[0] and self.read(0):
            pass
        return self.process.wait(seconds)

    def close(self) -> None:
        """Kill the program if it runs, and close the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self._master)


def open_screens(workspace: Path, *options: object, columns: int = 80, lines: int = 24) -> Terminal:
    """Open the terminal UI on a workspace, in its own terminal, as somebody does who has chosen no order nor theme yet."""
    choices = os.environ.get("XDG_CONFIG_HOME", str(workspace / ".no-settings"))
    return Terminal(
        ["tui", "--workspace", workspace, *options], columns=columns, lines=lines, XDG_CONFIG_HOME=choices
    )
