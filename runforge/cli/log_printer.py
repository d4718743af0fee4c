"""Printing a log that grows: as it is into a pipe, harmless and line by line on a terminal.

A terminal gets the colours of the log, and after each piece of it its own colours back: what else is written there,
and the shell after Ctrl-C, is not to be painted.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from pathlib import Path

from runforge.cli import output
from runforge.files.durable import open_file
from runforge.text import SGR, coloured_log, safe_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_CHUNK = 256 * 1024
#: A longer line is printed in pieces, so that it needs no more memory.
_LONGEST_LINE = 64 * 1024
_RESET = "\x1b[0m"
_RESETS = ("\x1b[m", "\x1b[0m", "\x1b[00m")
#: No program uses more styles than this at once.
_MOST_STYLES = 16


class LogPrinter:
    """Prints what was added to a file since the last look; a replaced file is printed from its beginning."""

    def __init__(self, path: Path, *, last: int | None = None) -> None:
        self._path = path
        self._inode = -1
        self._position = 0
        #: Of what is there at the first look, only so many lines at the end are printed.
        self._last = last
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self._is_drawn = False
        self._styles: list[str] = []

    def pump(self) -> None:
        """Print what is new."""
        try:
            with open(open_file(self._path, os.O_RDONLY), "rb") as stream:
                info = os.fstat(stream.fileno())
                if info.st_ino != self._inode or info.st_size < self._position:
                    self.finish()
                    self._inode, self._position = info.st_ino, 0
                    if self._last is not None:
                        self._position, self._last = _start_of_last(stream, self._last, info.st_size), None
                stream.seek(self._position)
                while chunk := stream.read(_CHUNK):
                    self._position += len(chunk)
                    self._print(chunk)
        except FileNotFoundError:
            return
        sys.stdout.flush()

    def finish(self) -> None:
        """Print what is after the last newline."""
        self._erase()
        rest = self._pending + self._decoder.decode(b"", final=True)
        if rest:
            self._write(rest + "\n")
        self._pending = ""
        self._styles = []
        self._decoder.reset()
        sys.stdout.flush()

    def _print(self, chunk: bytes) -> None:
        if not output.is_terminal():
            sys.stdout.flush()
            sys.stdout.buffer.write(chunk)
            return
        self._erase()
        lines, newline, rest = (self._pending + self._decoder.decode(chunk)).rpartition("\n")
        self._write(lines + newline)
        if len(rest) > _LONGEST_LINE:
            self._write(rest)
            rest = ""
        self._pending = rest
        self._draw()

    def _write(self, text: str) -> None:
        """Write a piece of the log with its colours, if it has some; the next piece continues with them."""
        if not output.has_colour():
            sys.stdout.write(safe_log(text))
            return
        shown = coloured_log(text)
        found = re.findall(SGR, shown)
        before = "".join(self._styles)
        for style in found:
            self._styles = [] if style in _RESETS else [*self._styles[1 - _MOST_STYLES :], style]
        sys.stdout.write(before + shown + (_RESET if found or before else ""))

    def _draw(self) -> None:
        """Show the unfinished line, usually a progress bar, if the terminal can overwrite it."""
        if self._pending and output.can_redraw():
            width = output.terminal_width()
            sys.stdout.write(output.cut(safe_log(self._pending).expandtabs(1), width - 1))
            self._is_drawn = True

    def _erase(self) -> None:
        if self._is_drawn:
            sys.stdout.write("\r\x1b[K")
        self._is_drawn = False


def _start_of_last(stream: BinaryIO, lines: int, size: int) -> int:
    """Return where the last lines of a file begin; an unfinished one counts too."""
    if lines == 0:
        return size
    end, wanted = size, lines + 1
    while end > 0:
        begin = max(0, end - _CHUNK)
        stream.seek(begin)
        chunk = stream.read(end - begin)
        if end == size and not chunk.endswith(b"\n"):
            wanted -= 1  # there is no newline behind the last line
        place = len(chunk)
        while wanted and (place := chunk.rfind(b"\n", 0, place)) >= 0:
            wanted -= 1
        if not wanted:
            return begin + place + 1
        end = begin
    return 0
