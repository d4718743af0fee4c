"""Keeps devices for runs that have waited long: otherwise small runs would always be quicker."""

from __future__ import annotations

from collections.abc import Collection

from runforge.core import devices
from runforge.core.devices import Reservation
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity, Head, has_all_but_devices, place

#: After so many seconds at the head, devices are kept for a run as they come free.
SECONDS = 600.0


class Patience:
    """Since when the next runs of each need could not start for want of devices."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._since: dict[Resources, float] = {}
        self._kept: frozenset[str] = frozenset()

    def reservation(self, heads: Collection[Head], capacity: Capacity, now: float) -> Reservation | None:
        """Return what is kept for the run that has waited longest; None while none has waited long enough.

        One at a time: two that keep devices from each other would both wait for ever.
        """
        blocked = {head.needs: head for head in heads if _is_blocked(head, capacity)}
        waiting = {head.needs for head in heads}
        self._since = {needs: since for needs, since in self._since.items() if needs in waiting}
        for needs in blocked:
            self._since.setdefault(needs, now)
        for needs, since in sorted(self._since.items(), key=lambda each: each[1]):
            if now - since >= self._seconds and needs in blocked:
                kept = devices.reserve(needs, capacity.devices or (), self._kept)
                if kept or capacity.devices is None:
                    self._kept = kept
                    return Reservation(needs, kept, blocked[needs].job_id)
        return None

    def forget(self, needs: Resources) -> None:
        """Note that a run with these needs has started: the next one waits from now on."""
        self._since.pop(needs, None)


def _is_blocked(head: Head, capacity: Capacity) -> bool:
    return has_all_but_devices(head.needs, capacity) and place(head.needs, capacity) is None
