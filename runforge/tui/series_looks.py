"""How curves are told apart: twelve colours and twelve signs, each pair its own; whatever comes after is grey.

The colours are legible on dark and on light backgrounds. Without colours the signs are enough.
"""

from __future__ import annotations

from functools import cache

from rich.style import Style

MARKS = "●◆■▲▼★○◇□△▽☆"
_COLOURS = (
    *("#2f9bff", "#e8901a", "#2fae4e", "#e5484d", "#a06be8", "#b9a200"),
    *("#00a7a7", "#e45fb4", "#a8734a", "#7fb800", "#7d93ad", "#d97757"),
)
#: How many can be told apart.
MOST = len(MARKS)
GREY_MARK = "·"
_GREY = "#808080"
#: Runs that a rule has stopped early: beyond any number of curves that are drawn together.
STOPPED = 1_000
_STOPPED_MARK, _STOPPED_COLOUR = "×", "#c77d0a"  # noqa: RUF001 - the sign that is meant


def mark(look: int) -> str:
    """Return the sign of a curve."""
    if look == STOPPED:
        return _STOPPED_MARK
    return MARKS[look] if look < MOST else GREY_MARK


def colour(look: int) -> str:
    """Return the colour of a curve."""
    if look == STOPPED:
        return _STOPPED_COLOUR
    return _COLOURS[look] if look < MOST else _GREY


@cache
def style(look: int) -> Style:
    """Return the style of a curve."""
    return Style(color=colour(look), dim=MOST <= look < STOPPED)
