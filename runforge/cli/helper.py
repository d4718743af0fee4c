"""Prints the file that scripts may import to talk with RunForge."""

from __future__ import annotations

import sys
from pathlib import Path

from runforge import helper

NAME = "runforge_run.py"


def show() -> int:
    """Print the helper."""
    sys.stdout.write((Path(helper.__path__[0]) / NAME).read_text("utf-8"))
    return 0
