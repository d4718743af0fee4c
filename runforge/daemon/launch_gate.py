"""Holding launches back while the machine has no room for them, and going on by itself.

A launch that failed for the machine's reasons is tried again only after a look whether its like would work
now: each try is an attempt that the user sees counted.
"""

from __future__ import annotations

from collections.abc import Callable

from runforge import machine_faults
from runforge.backends.base import Backend
from runforge.clock import Clock

#: Seconds between two looks; doubled from the first to the last while launches go on failing.
_FIRST_PAUSE = 0.25
_LAST_PAUSE = 2.0
#: Seconds for which a disk that had room is believed to have it still.
_FRESH = 0.5
#: A launch that fails so many seconds after the last one is a new misfortune.
_FORGOTTEN = 30.0


class LaunchGate:
    """Whether launches may go; says in the log, once, why not, and once that they go on."""

    def __init__(self, backend: Backend, clock: Clock, log: Callable[[str], None]) -> None:
        self._backend = backend
        self._clock = clock
        self._log = log
        self._next_look = 0.0
        self._pause = _FIRST_PAUSE
        self._failed_at = 0.0
        self._is_failing = False
        self._told: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether launches are held back, as far as the last look told."""
        return self._told is not None

    def fault(self, number: int) -> None:
        """Hold launches back: one has failed for a reason of the machine's."""
        now = self._clock.monotonic()
        is_new = now - self._failed_at >= _FORGOTTEN
        self._pause = _FIRST_PAUSE if is_new else min(self._pause * 2, _LAST_PAUSE)
        self._failed_at, self._is_failing = now, True
        self._next_look = now + self._pause
        self._tell(machine_faults.kind(number), machine_faults.words(number))

    def suspect(self) -> None:
        """Look at the next chance whether every launch would fail as one has just done."""
        self._is_failing, self._next_look = True, 0.0

    def allows(self) -> bool:
        """Return whether launches may go now."""
        now = self._clock.monotonic()
        if now < self._next_look:
            return not self.is_closed
        found = self._backend.shortage(is_failing=self._is_failing)
        if found is not None:
            self._tell(found.kind, found.text)
        else:
            self._is_failing = False
            self._tell(None, "")
        self._next_look = now + (self._pause if self.is_closed else _FRESH)
        return not self.is_closed

    def _tell(self, kind: str | None, text: str) -> None:
        if kind != self._told:
            self._log("launching again" if kind is None else f"WARNING: nothing is launched: {text}")
        self._told = kind
