"""Stops launches while the machine has no room for them, and allows them again by itself.

After a launch failed because of the machine, a check must first show that launches would work again. Each
real try would be an attempt that the user sees.
"""

from __future__ import annotations

from collections.abc import Callable

from runforge import machine_faults
from runforge.backends.base import Backend
from runforge.clock import Clock

#: Seconds between two checks, at first and at most. They double while launches fail.
_FIRST_PAUSE = 0.25
_LAST_PAUSE = 2.0
#: For so many seconds after a check the disk counts as having room.
_FRESH = 0.5
#: A failure this many seconds after the last one counts as a new problem.
_FORGOTTEN = 30.0


class LaunchGate:
    """Whether launches are allowed. Logs once why not, and once that they are allowed again."""

    def __init__(self, backend: Backend, clock: Clock, log: Callable[[str], None]) -> None:
        self._backend = backend
        self._clock = clock
        self._log = log
        self._next_look = 0.0
        self._pause = _FIRST_PAUSE
        self._failed_at = 0.0
        self._is_failing = False
        self._told: str | None = None
        self._text = ""

    @property
    def problem(self) -> str | None:
        """Why launches are stopped; None if they are not."""
        return self._text if self.is_closed else None

    @property
    def is_closed(self) -> bool:
        """Whether launches are stopped, by the last check."""
        return self._told is not None

    def fault(self, number: int) -> None:
        """Stop launches: one has failed because of the machine."""
        now = self._clock.monotonic()
        is_new = now - self._failed_at >= _FORGOTTEN
        self._pause = _FIRST_PAUSE if is_new else min(self._pause * 2, _LAST_PAUSE)
        self._failed_at, self._is_failing = now, True
        self._next_look = now + self._pause
        self._tell(machine_faults.kind(number), machine_faults.words(number))

    def suspect(self) -> None:
        """Check at the next chance whether every launch would fail like this one."""
        self._is_failing, self._next_look = True, 0.0

    def allows(self) -> bool:
        """Return whether launches are allowed now."""
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
        self._told, self._text = kind, text
