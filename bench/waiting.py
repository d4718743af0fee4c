"""Waits for what a benchmark measures: every wait is for a fact and has an end."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    condition: Callable[[], object],
    what: str,
    *,
    seconds: float = 60.0,
    pause: float = 0.005,
    error: type[Exception] = TimeoutError,
) -> None:
    """Wait until the condition is true, checked every `pause` seconds. Raises `error` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise error(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)
