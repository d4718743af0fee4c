"""Adds up what the running attempts use of their GPUs, from the looks that are made while they run.

In memory alone: what an earlier daemon saw of an attempt is lost, and `watched` says how much of its time is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runforge.core.outcome import ExitRecord
from runforge.core.used import Used
from runforge.machine.gpu_world import Seen

#: A look counts for the time since the look before, but never for longer than this.
_LONGEST = 3.0


@dataclass(slots=True)
class _Sums:
    devices: Sequence[str]
    peaks: dict[str, int] = field(default_factory=dict)
    busy: float = 0.0
    told: float = 0.0
    watched: float = 0.0


class GpuUse:
    """What each attempt that has devices has used so far, by its token."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sums] = {}
        self._last: tuple[Seen, ...] = ()
        self._at: float | None = None

    def begin(self, token: str, devices: Sequence[str]) -> None:
        """Watch an attempt with these devices."""
        if devices:
            self._sums[token] = _Sums(devices)

    def add(self, seen: tuple[Seen, ...], now: float) -> None:
        """Take note of a look, once."""
        if seen is self._last or not self._sums:
            self._last = seen
            self._at = None if not self._sums else self._at
            return
        lasted = 0.0 if self._at is None else min(_LONGEST, now - self._at)
        self._last, self._at = seen, now
        of_device = {each.uuid: each for each in seen}
        for token, sums in self._sums.items():
            found = [of_device[uuid] for uuid in sums.devices if uuid in of_device]
            for each in found:
                self._peak(sums, each, _memory(each, token))
            self._time(sums, found, lasted)

    def _peak(self, sums: _Sums, seen: Seen, memory_mb: int) -> None:
        is_alone = sum(seen.uuid in other.devices for other in self._sums.values()) == 1
        if not seen.has_pids and is_alone:
            memory_mb = seen.used_mb  # nobody knows whose it is, and nobody else has the device
        sums.peaks[seen.uuid] = max(sums.peaks.get(seen.uuid, 0), memory_mb)

    def _time(self, sums: _Sums, found: Sequence[Seen], lasted: float) -> None:
        if len(found) == len(sums.devices):
            sums.watched += lasted
        uses = [each.use for each in found if each.use is not None]
        if uses:
            sums.busy += lasted * sum(uses) / len(uses)
            sums.told += lasted

    def forget(self, token: str) -> None:
        """Stop watching an attempt: its end is recorded."""
        self._sums.pop(token, None)

    def of(self, token: str, record: ExitRecord | None) -> Used | None:
        """Return all that is known of an attempt that has ended; None if that is nothing."""
        sums = self._sums.get(token)
        if record is None and (sums is None or not sums.peaks):
            return None
        used = Used()
        if record is not None:
            used = used._replace(peak_rss_mb=record.peak_rss_mb, cpu_seconds=record.cpu_seconds)
        if sums is not None:
            used = _with_devices(used, sums, None if record is None else record.duration_ms / 1000)
        return None if used == Used() else used


def _with_devices(used: Used, sums: _Sums, duration: float | None) -> Used:
    lasted = sums.watched if duration is None else duration
    return used._replace(
        peak_vram={uuid: peak for uuid, peak in sums.peaks.items() if peak},
        gpu_use=round(sums.busy / sums.told, 1) if sums.told else None,
        gpu_seconds=round(lasted * len(sums.devices), 3),
        watched=round(min(1.0, sums.watched / duration), 3) if duration else None,
    )


def _memory(seen: Seen, token: str) -> int:
    return sum(_memories(seen, token))


def _memories(seen: Seen, token: str) -> Iterable[int]:
    return (owner.memory_mb or 0 for owner in seen.owners if owner.token == token)
