"""Sends fewer bytes: writes only the cells that differ from what the terminal already shows.

Textual repaints a changed line of a widget completely, with its blanks. Over a slow SSH line, or with a
scrolling log, that is most of the traffic. This keeps what was written last and writes only the difference.
Lines with wide or combining characters are written completely, because terminals disagree about their widths.

It depends on the form of Textual's updates, which is not public. So the requirement is limited to the current
major version, and a test compares what a terminal shows with and without it.
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

#: This many equal cells between two different ones are written again: a cursor jump costs as much.
_BRIDGE = 8
Cell: TypeAlias = "tuple[str, Style | None]"


class Wire:
    """What the terminal shows, as it was written here."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._lines: list[list[Cell | None]] = []

    def forget(self) -> None:
        """Write everything the next time: the terminal may show something else."""
        self._size = Size(0, 0)

    def thinned(self, update: Any, size: Size) -> Any:
        """Return an update that writes less; other objects are returned unchanged."""
        if isinstance(update, LayoutUpdate):
            self.forget()
        if not isinstance(update, (ChopsUpdate, LayoutUpdate)):
            return update
        if size != self._size:
            self._size = size
            self._lines = [[None] * size.width for _ in range(size.height)]
        return _Difference(self, update)

    def differences(self, update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
        """Yield what must be written, as (x, y, strip), and remember it."""
        for y, x, strip in _pieces(update):
            if y >= len(self._lines):
                continue
            line, cells = self._lines[y], _cells(strip)
            if cells is None or len(cells) != strip.cell_length:
                line[x : x + strip.cell_length] = [None] * strip.cell_length
                yield x, y, strip.simplify()
                continue
            del cells[len(line) - x :]
            before = line[x : x + len(cells)]
            if any(before):
                for start, end in _runs(before, cells):
                    yield x + start, y, _strip(cells[start:end])
            else:  # nothing is known of what is there
                yield x, y, strip.crop(0, len(cells)).simplify()
            line[x : x + len(cells)] = cells


class _Difference(CompositorUpdate):
    """An update that writes only what differs."""

    def __init__(self, wire: Wire, update: ChopsUpdate | LayoutUpdate) -> None:
        self._wire = wire
        self._update = update

    def render_segments(self, console: Console) -> str:
        """Return the segments for the terminal."""
        return "".join(
            Control.move_to(x, y).segment.text + strip.render(console)
            for x, y, strip in self._wire.differences(self._update)
        )


def _pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Yield an update's pieces as (y, x, strip), each cropped to its region."""
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
    """Yield the ranges that differ, together with short equal ones between them."""
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
    """Return cells as a strip; neighbours with the same style are joined."""
    return Strip(
        Segment("".join(text for text, _ in group), style)
        for style, group in groupby(cells, key=lambda cell: cell[1])
    )
