"""Textual's driver for a terminal on which something was written before."""

from __future__ import annotations

from collections.abc import Callable

from textual.drivers.linux_driver import LinuxDriver

_ENTER = "\x1b[?1049h"


def taking_over(hand_over: Callable[[], bool]) -> type[LinuxDriver]:
    """Return a driver that does not enter the alternate screen again: terminals clear it then, and that flickers.

    `hand_over` says whether it was entered before.
    """

    class TakingOver(LinuxDriver):
        def write(self, data: str) -> None:
            """Write to the terminal."""
            if data != _ENTER or not hand_over():
                super().write(data)

    return TakingOver
