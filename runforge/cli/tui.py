"""The command that opens the terminal UI, with all its options."""

from __future__ import annotations

from typing import Annotated

import typer

from runforge.cli.options import WorkspaceOption, find


def tui(
    workspace: WorkspaceOption = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Look only: every key that would change something is refused.")
    ] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="No symbols beyond ASCII.")] = False,
    no_mouse: Annotated[
        bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal, for selecting text.")
    ] = False,
    refresh: Annotated[
        float | None,
        typer.Option(
            "--refresh",
            min=0.1,
            max=60.0,
            show_default=False,
            help="Seconds between repaints at the most often; 0.5, over SSH 1.",
        ),
    ] = None,
) -> int:
    """See and steer the queue in the terminal."""
    from runforge.cli.screens import open_screens

    return open_screens(
        find(workspace), read_only=read_only, ascii_only=ascii_only, mouse=not no_mouse, seconds=refresh
    )
