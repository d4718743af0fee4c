"""The loaded lines of a log, and their reading in another thread than the view's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runforge.text import coloured_log
from runforge.tui.coloured import Line, parsed
from runforge.views.log_file import LogFile

#: How many view heights are read above and below the visible lines.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Which lines a view shows; `top` is a line number of this generation and shift."""

    generation: int
    shifted: int
    top: int
    height: int
    follow: bool
    #: The view lacks lines that it should show: a page that was read for it may not have arrived.
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines of a log, and the state of the whole log."""

    generation: int = 0
    #: How many lines were added before the first line since the generation began.
    shifted: int = 0
    count: int = 0
    size: int = 0
    #: Bytes at the log's beginning that are not read yet.
    left: int = 0
    is_complete: bool = True
    first: int = 0
    lines: list[Line] = field(default_factory=list)

    def line(self, number: int) -> Line | None:
        """Return a line if it is loaded; a line that does not exist is empty."""
        if not 0 <= number < self.count:
            return Line("")
        at = number - self.first
        return self.lines[at] if 0 <= at < len(self.lines) else None

    def covers(self, top: int, height: int) -> bool:
        """Return whether all lines from here are loaded."""
        low, high = max(0, top), min(self.count, top + height)
        return low >= high or (self.first <= low and high <= self.first + len(self.lines))


class LogSource:
    """A log file; for the reading thread only."""

    def __init__(self, path: Path) -> None:
        self._log = LogFile(path, coloured_log)
        self._page: LogPage | None = None
        #: The line found last, with the generation and shift that it was numbered by.
        self._match: tuple[int, int, int] | None = None

    def look(self, place: Place) -> LogPage | None:
        """Return the requested lines; None if there is nothing new and the last page has them."""
        has_news, page = self._log.refresh(), self._page
        is_known = page is not None and not has_news and not place.is_short
        if is_known and page is not None and page.covers(self._top(place), place.height):
            return None
        return self._read(self._top(place), place.height)

    def find(
        self, text: str, start: int, place: Place, *, backwards: bool
    ) -> tuple[LogPage | None, int | None]:
        """Return the next line from `start` (or backwards, around the end) with the text, or None.

        The lines around it are returned too.
        """
        log = self._log
        start += log.shifted - place.shifted if log.generation == place.generation else 0
        return self._find(text, start, place, backwards=backwards)

    def find_next(self, text: str, by: int, place: Place) -> tuple[LogPage | None, int | None]:
        """Return the next line with the text after the one found last, or before it; as `find` does."""
        log, start = self._log, self._top(place)
        if self._match is not None and self._match[1] == log.generation:
            start = self._match[0] + log.shifted - self._match[2]
        return self._find(text, start + by, place, backwards=by < 0)

    def _find(
        self, text: str, start: int, place: Place, *, backwards: bool
    ) -> tuple[LogPage | None, int | None]:
        log = self._log
        found = log.find(text, start, backwards=backwards)
        if found is None:  # around the end
            found = log.find(text, log.line_count - 1 if backwards else 0, backwards=backwards)
        self._match = None if found is None else (found, log.generation, log.shifted)
        top = self._top(place)
        if found is not None and not top <= found < top + place.height:
            top = max(0, found - place.height // 2)
        return self._read(top, place.height), found

    def close(self) -> None:
        """Close the file."""
        self._log.close()

    def _top(self, place: Place) -> int:
        """Return the first visible line in the current numbering."""
        last = max(0, self._log.line_count - place.height)
        if place.follow:
            return last
        moved = self._log.shifted - place.shifted if place.generation == self._log.generation else 0
        return min(last, max(0, place.top + moved))

    def _read(self, top: int, height: int) -> LogPage:
        log = self._log
        first = max(0, top - _AHEAD * height)
        end = min(log.line_count, top + (_AHEAD + 1) * height)
        lines = [parsed(log.line(number)) for number in range(first, end)]
        known = (log.generation, log.shifted, log.line_count, log.size, log.offset, log.is_complete)
        self._page = LogPage(*known, first, lines)
        return self._page
