"""The daemon's log: what it prints to its standard error."""

from __future__ import annotations

import os
import sys


def log(line: str) -> None:
    """Write a line into the log. A full disk is no reason to stop."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
