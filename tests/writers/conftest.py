"""The tools are installed into an environment of their own, by `make test-writers`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def tools() -> Path:
    """Return the Python that has them."""
    return Path(os.environ["RUNFORGE_WRITERS"])
