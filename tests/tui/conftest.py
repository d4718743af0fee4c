"""Pilots wait for the screen to be done, and not for the processor to be idle."""

from __future__ import annotations

import asyncio
import time

import pytest

#: As long as Textual's own waiting lasts at most.
_MOST_SECONDS = 1.0


async def _settled(min_sleep: float = 0.0, max_sleep: float = _MOST_SECONDS) -> None:
    """Wait until all that can run now has run; the rest waits for time, a thread or a file.

    Textual's own way sleeps 20 ms and more a key until the process has used no processor: slow, and never sure.
    """
    loop = asyncio.get_running_loop()
    end = time.monotonic() + max(min_sleep, max_sleep)
    await asyncio.sleep(0)
    while loop._ready and time.monotonic() < end:  # type: ignore[attr-defined]
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _pilots_wait_for_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.app.wait_for_idle", _settled)
    monkeypatch.setattr("textual.pilot.wait_for_idle", _settled)
