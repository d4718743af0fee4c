"""Draws how far something is that takes long, on standard error, if that is a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from runforge.cli import output

#: What is done sooner shows nothing.
_QUIET_SECONDS = 1.0
_PAUSE_SECONDS = 0.2


class Progress:
    """One line of progress; it is erased at the end of the block."""

    def __init__(self, name: str, unit: str) -> None:
        self._name, self._unit = name, unit
        self._draws = output.can_redraw(sys.stderr)
        self._next = time.monotonic() + _QUIET_SECONDS
        self._is_drawn = False

    def __call__(self, done: int, total: int) -> None:
        """Say how many there are and how many are done."""
        if not self._draws or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE_SECONDS
        line = f"{self._name}: {output.bar(done, total)} {done:,}/{total:,} {self._unit}"
        sys.stderr.write(f"\r\x1b[K{line[: output.terminal_width() - 1]}")
        sys.stderr.flush()
        self._is_drawn = True

    def __enter__(self) -> Progress:  # noqa: PYI034 - `typing_extensions` costs ten milliseconds
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
