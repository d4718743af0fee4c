"""A terminal of a given width for the program, to see what a user sees."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path


class Terminal:
    """The program on a pseudo-terminal of its own."""

    def __init__(self, *arguments: object, columns: int = 80, **environment: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "CLICOLOR"}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runforge", *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment},
            start_new_session=True,
        )
        os.close(slave)
        self.said = b""

    def read(self, seconds: float = 0.1) -> bool:
        """Take what is there; return whether there may be more."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self.master, 65536)
        except OSError:
            return False
        self.said += chunk
        return bool(chunk)

    def until(self, text: str, seconds: float = 60.0) -> None:
        """Read until a text has come."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.said:
            assert time.monotonic() < deadline, f"{text!r} did not come: {self.text}"
            assert self.read() or text.encode() in self.said, f"ended without {text!r}: {self.text}"

    def end(self, seconds: float = 40.0) -> int:
        """Read to the end; return the exit code."""
        deadline = time.monotonic() + seconds
        while self.read():
            assert time.monotonic() < deadline, f"does not end: {self.text}"
        os.close(self.master)
        return self.process.wait(10)

    @property
    def text(self) -> str:
        """What came so far."""
        return self.said.decode("utf-8", "replace").replace("\r\n", "\n")


def shown(workspace: Path, *arguments: object, columns: int = 80, **environment: str) -> list[str]:
    """Return the lines of a command that succeeds on a terminal."""
    terminal = Terminal(*arguments, "--workspace", workspace, columns=columns, **environment)
    assert terminal.end() == 0, terminal.text
    return terminal.text.splitlines()
