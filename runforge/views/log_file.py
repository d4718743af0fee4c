"""Shows a log of any size as lines: its end at once, the rest when it is read.

It keeps only a few hundred lines in memory. What it returns is harmless to a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runforge.text import safe_log
from runforge.views.line_index import LineIndex
from runforge.views.watched_file import WatchedFile

#: The most bytes shown of a line: its beginning, or its end for a progress bar.
LINE_LIMIT = 16 * 1024
#: How much is read when a log is opened, so that its end is there at once.
TAIL = 256 * 1024
#: How much one refresh reads at most.
MOST = 8 * 1024 * 1024
_CHUNK = 4 * 1024 * 1024
_KEPT_LINES = 512


class LogFile:
    """The log at a path.

    It opens the last 256 KiB. Each refresh then reads up to 8 MiB: first what was appended, then what comes
    before the known part. Such lines are added at the front and increase `shifted`. A file that was cut or
    replaced is opened again, with another `generation`.
    """

    def __init__(self, path: Path, harmless: Callable[[str], str] = safe_log) -> None:
        self._file = WatchedFile(path)
        #: Makes a line's text harmless; `coloured_log` keeps its colours.
        self._harmless = harmless
        self._index = LineIndex(self._file.read, 0)
        self._lines: dict[int, str] = {}
        #: Changes when old line numbers are no longer valid.
        self.generation = 0
        #: How many lines were added before the first line since the generation began.
        self.shifted = 0

    @property
    def size(self) -> int:
        """The log's bytes."""
        return self._file.size

    @property
    def offset(self) -> int:
        """The bytes before line 0 that are not read yet."""
        return self._index.begin

    @property
    def line_count(self) -> int:
        """How many lines are known."""
        return self._index.line_count

    @property
    def is_complete(self) -> bool:
        """Whether all lines are known."""
        return self._index.begin == 0 and self._index.end >= self.size

    def refresh(self) -> bool:
        """Read what has changed in the file; return whether there is something new to show."""
        before = self._state()
        if self._file.look():
            self.generation += 1
            self.shifted = 0
            self._index = LineIndex(self._file.read, max(0, self.size - TAIL))
            self._lines.clear()
            self._index.append(self.size, 2 * TAIL)
        else:
            self._grow(MOST)
        return self._state() != before

    def _state(self) -> tuple[object, ...]:
        return self.generation, self.line_count, self.size, self._index.begin, self._index.end

    def _grow(self, most: int) -> None:
        # The last line may have grown, and the first may begin earlier.
        self._lines.pop(self.line_count - 1, None)
        room = most - self._index.append(self.size, most)
        begin = self._index.begin
        self.shifted += self._index.prepend(room)
        if self._index.begin != begin:
            self._lines.clear()

    def line(self, number: int) -> str:
        """Return a line for display: cut, without control characters, with a progress bar's last state."""
        if not 0 <= number < self.line_count:
            return ""
        found = self._lines.get(number)
        if found is None:
            if len(self._lines) >= _KEPT_LINES:
                self._lines.clear()
            found = self._lines[number] = self._load(*self._index.span(number))
        return found

    def _load(self, start: int, end: int) -> str:
        if end - start <= LINE_LIMIT:
            return self._text(start, end)
        # A progress bar writes one line for hours: only its end matters.
        last = self._file.read(end - LINE_LIMIT, LINE_LIMIT)
        if b"\r" in last.rstrip(b"\r"):
            return self._text(end - LINE_LIMIT, end)
        return self._text(start, start + LINE_LIMIT) + "…"

    def _text(self, start: int, end: int) -> str:
        text = self._file.read(start, end - start).decode("utf-8", "replace").replace("\n", " ")
        return self._harmless(text)

    def find(self, text: str, start_line: int, *, backwards: bool = False) -> int | None:
        """Return the next line from here (or backwards) with a text, without regard to case, or None.

        It searches the whole file, so it reads all of it first. Lines added at the front increase `shifted`.
        """
        before = self.shifted
        while text and not self.is_complete:
            known = (self._index.begin, self._index.end)
            self._grow(MOST)
            if known == (self._index.begin, self._index.end):
                break  # it got shorter or cannot be read: search the known part
        line = start_line + self.shifted - before
        if not text or not self.line_count or not (line >= 0 if backwards else line < self.line_count):
            return None
        if backwards:
            return self._find_last(text, self._index.span(min(line, self.line_count - 1))[1])
        return self._find_first(text, self._index.span(max(0, line))[0])

    def _find_first(self, text: str, start: int) -> int | None:
        overlap = 4 * len(text)
        for at in range(start, self._index.end, _CHUNK):
            found = self._match(text, at, min(at + _CHUNK + overlap, self._index.end), is_last=False)
            if found is not None:
                return found
        return None

    def _find_last(self, text: str, end: int) -> int | None:
        overlap = 4 * len(text)
        for until in range(end, self._index.begin, -_CHUNK):
            start = max(self._index.begin, until - _CHUNK)
            found = self._match(text, start, min(until + overlap, end), is_last=True)
            if found is not None:
                return found
        return None

    def _match(self, text: str, start: int, end: int, *, is_last: bool) -> int | None:
        """Return the first or last line with the text in a piece of the file."""
        data = self._file.read(start, end - start)
        if text.isascii():
            raw, needle = data.lower(), text.lower().encode("ascii")
            at = raw.rfind(needle) if is_last else raw.find(needle)
            return None if at < 0 else self._index.line_at(start + at)
        whole, wanted = data.decode("utf-8", "replace").lower(), text.lower()
        at = whole.rfind(wanted) if is_last else whole.find(wanted)
        return None if at < 0 else self._index.line_at(start) + whole.count("\n", 0, at)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._lines.clear()
