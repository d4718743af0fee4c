"""What the processes of a run used, added up as each of them is collected."""

from __future__ import annotations

import resource
import sys

#: Linux tells the memory in KB, macOS in bytes.
_PER_MB = 1024.0 * 1024 if sys.platform == "darwin" else 1024.0


class Use:
    """The largest memory of one process, and the processor time of all."""

    def __init__(self) -> None:
        self._most = 0.0
        self._seconds = 0.0
        self._is_known = False

    def add(self, used: resource.struct_rusage, earlier: float = 0.0) -> None:
        """Add a process that has ended, with those that it had waited for; without the seconds of its earlier runs."""
        self.add_part(used.ru_maxrss / _PER_MB, max(0.0, used.ru_utime + used.ru_stime - earlier))

    def add_part(self, peak_rss_mb: float, cpu_seconds: float) -> None:
        """Add what a process has used for this run, whatever it does later."""
        self._is_known = True
        self._most = max(self._most, peak_rss_mb)
        self._seconds += cpu_seconds

    @property
    def peak_rss_mb(self) -> float | None:
        """The memory of the largest process in MB; None if none has ended."""
        return round(self._most, 1) if self._is_known else None

    @property
    def cpu_seconds(self) -> float | None:
        """The processor time of all; None if none has ended."""
        return round(self._seconds, 3) if self._is_known else None
