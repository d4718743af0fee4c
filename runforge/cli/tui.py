"""The command that opens the terminal UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runforge.cli.options import find

if TYPE_CHECKING:
    from pathlib import Path


def tui(
    workspace: Path | None,
    read_only: bool,
    ascii_only: bool,
    no_mouse: bool,
    bell: bool,
    refresh: float | None,
) -> int:
    """Open the terminal UI and return its exit code."""
    from runforge.cli.screens import open_screens

    return open_screens(
        find(workspace, only_look=read_only),
        read_only=read_only,
        ascii_only=ascii_only,
        mouse=not no_mouse,
        bell=bell,
        seconds=refresh,
    )
