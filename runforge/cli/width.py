"""How wide the terminal is. `shutil` would say the same, and take as long to import as a short command runs."""

from __future__ import annotations

import sys

from runforge.system import os

_USUAL = 80


def terminal_width() -> int:
    """Return the terminal's width in columns: $COLUMNS first, 80 if nobody knows."""
    try:
        width = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        width = 0
    if width > 0:
        return width
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):  # it is none, or it is closed
        return _USUAL
