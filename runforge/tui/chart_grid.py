"""Many small charts side by side: how many fit, which is where, and the legend that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rich.segment import Segment
from rich.style import Style

from runforge import cells
from runforge.text import safe
from runforge.tui.chart import Lines
from runforge.tui.series_looks import mark, style

#: The smallest chart that can be read.
_WIDTH, _HEIGHT = 38, 8
_MOST_ACROSS = 4
_NAME = 40


@dataclass(frozen=True, slots=True)
class Grid:
    """Charts across and down; the number of the first one; the lines above them."""

    across: int
    down: int
    first: int = 0
    top: int = 0

    @property
    def seats(self) -> int:
        """How many charts are visible."""
        return self.across * self.down

    def at(self, x: int, y: int, width: int, height: int) -> tuple[int, int]:
        """Return the chart at a position, and its left edge."""
        wide, high = max(1, width // self.across), max(1, (height - self.top) // self.down)
        column, line = min(self.across - 1, x // wide), min(self.down - 1, max(0, y - self.top) // high)
        return self.first + line * self.across + column, column * wide


def seats(count: int, width: int, height: int, *, top: int = 0) -> Grid:
    """Return how this many charts are arranged; they share the room as evenly as possible."""
    across = max(1, min(_MOST_ACROSS, width // _WIDTH))
    down = max(1, height // _HEIGHT)
    across = min(across, max(1, ceil(count**0.5))) if count <= across * down else across
    down = min(down, ceil(count / across))
    return Grid(min(across, ceil(count / down)), down, top=top)


def joined(drawn: Sequence[Lines], across: int, width: int, height: int) -> Lines:
    """Return charts in rows, as lines."""
    lines: Lines = []
    for start in range(0, len(drawn), across):
        row = drawn[start : start + across]
        for y in range(height):
            line: list[Segment] = []
            for chart in row:
                line += Segment.adjust_line_length(chart[y] if y < len(chart) else [], width)
            lines.append(line)
    return lines


def legend_lines(entries: Sequence[tuple[int, str]], width: int, most: int) -> Lines:
    """Return what the colours and signs mean, in at most so many lines; what has no room is counted."""
    lines: Lines = [[]] if entries else []
    used = 0
    for place, (look, name) in enumerate(entries):
        text = f" {mark(look)} {safe(name, _NAME)} "
        wide, more = cells.columns(text), f" +{len(entries) - place} more"
        is_last_line, is_last = len(lines) == most, place == len(entries) - 1
        if used + wide + (len(more) if is_last_line and not is_last else 0) > width:
            if is_last_line:
                lines[-1].append(Segment(more, Style(dim=True)))
                break
            lines.append([])
            used = 0
        lines[-1].append(Segment(cells.cut(text, width), style(look)))
        used += wide
    return lines
