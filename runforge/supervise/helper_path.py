"""Lets a run import `runforge_run`: its folder is the last of the run's PYTHONPATH, so that it hides nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "helper"


def added(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a run's environment with the folder."""
    known = environment.get("PYTHONPATH", "")
    folder = str(FOLDER)
    if os.pathsep in folder or folder in known.split(os.pathsep):
        return dict(environment)
    # An empty entry would stand for the current folder.
    return {**environment, "PYTHONPATH": f"{known}{os.pathsep}{folder}" if known else folder}
