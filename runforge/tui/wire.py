"""Less on the wire: only the cells that differ from what the terminal already shows are written.

Textual repaints a changed widget's line from its left edge, with its blanks; over a slow SSH line, or with a
log scrolling by, that is most of the traffic. This keeps what was written last and writes the difference.
Lines with wide or combining characters are written whole: terminals disagree about their widths.

It relies on the shape of Textual's updates, which is not public (the requirement is pinned below the next
major version; a test compares what a terminal shows with and without it).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

#: Equal cells between two different ones that are written rather than jumped over: a jump costs as much.
_BRIDGE = 8
Cell: TypeAlias = "tuple[str, Style | None]"


class Wire:
    """What the terminal shows, as far as it was written through here."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._lines: list[list[Cell | None]] = []

    def forget(self) -> None:
        """Write everything next time: the terminal may show something else."""
        self._size = Size(0, 0)

    def thinned(self, update: Any, size: Size) -> Any:
        """Return an update that writes less; what is no update of the screen comes back as it is."""
        if isinstance(update, LayoutUpdate):
            self.forget()
        if not isinstance(update, (ChopsUpdate, LayoutUpdate)):
            return update
        if size != self._size:
            self._size = size
            self._lines = [[None] * size.width for _ in range(size.height)]
        return _Difference(self, update)

    def differences(self, update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
        """Yield what is to be written, as (x, y, strip), and take note of it."""
        for y, x, strip in _pieces(update):
            if y >= len(self._lines):
                continue
            line, cells = self._lines[y], _cells(strip)
            if cells is None or len(cells) != strip.cell_length:
                line[x : x + strip.cell_length] = [None] * strip.cell_length
                yield x, y, strip.simplify()
                continue
            del cells[len(line) - x :]
            for start, end in _runs(line[x : x + len(cells)], cells):
                yield x + start, y, _strip(cells[start:end])
            line[x : x + len(cells)] = cells


class _Difference(CompositorUpdate):
    """An update that writes only what differs."""

    def __init__(self, wire: Wire, update: ChopsUpdate | LayoutUpdate) -> None:
        self._wire = wire
        self._update = update

    def render_segments(self, console: Console) -> str:
        """Return what is written to the terminal."""
        return "".join(
            Control.move_to(x, y).segment.text + strip.render(console)
            for x, y, strip in self._wire.differences(self._update)
        )


def _pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Yield an update's pieces as (y, x, strip), each cropped to what it is about."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            yield y, update.region.x, Strip.join(strips)
        return
    for y, start, end in update.spans:
        for chop_end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            low, high = max(start, x), min(end, chop_end)
            if strip is None or low >= high:
                continue
            if _cells(strip) is None:  # a cut could go through a wide character
                yield y, x, strip
            else:
                yield y, low, strip.crop(low - x, high - x)


def _cells(strip: Strip) -> list[Cell] | None:
    """Return a strip's cells; None if a character of it is not one column wide."""
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        if not text.isascii() and cell_len(text) != len(text):
            return None
        cells.extend((character, style) for character in text)
    return cells


def _runs(before: list[Cell | None], now: list[Cell]) -> Iterator[tuple[int, int]]:
    """Yield the stretches that differ, short equal ones between them included."""
    start = end = -1
    for index, (old, new) in enumerate(zip(before, now, strict=True)):
        if old == new:
            continue
        if start >= 0 and index - end > _BRIDGE:
            yield start, end
            start = index
        elif start < 0:
            start = index
        end = index + 1
    if start >= 0:
        yield start, end


def _strip(cells: list[Cell]) -> Strip:
    """Return cells as a strip, those of one style together."""
    return Strip(
        Segment("".join(text for text, _ in group), style)
        for style, group in groupby(cells, key=lambda cell: cell[1])
    )
