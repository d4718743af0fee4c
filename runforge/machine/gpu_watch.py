"""The GPUs of one daemon, looked at again and again: a device may be lost, a driver mended, a stranger come.

While runs have devices or wait for some, it looks each second; otherwise only at what is broken. A look runs in a thread of its own, since a broken driver may answer late or never. `step` takes over what it has
found, so that nothing changes between two calls of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from runforge.clock import Clock
from runforge.machine.foreign_memory import ForeignMemory
from runforge.machine.gpu_look import Looker
from runforge.machine.gpus import Gpu, Gpus, Refused

#: Seconds between two looks at what does not work, and at devices that are in use or wanted.
PERIOD = 30.0
LIVE = 1.0
#: By a look that is older than this no device is given: somebody may have come since.
FRESH = 1.0
#: How soon to come back for a look that is going on.
_SOON = 0.02
#: For so long a daemon that starts waits for the first look, in seconds; and every other look may take so long.
PATIENCE = 10.0
_SILENT = Gpus(problem="NVIDIA's driver does not answer")


class GpuWatch:
    """What the last look has found; says once in the log what is wrong, and once that it is right again."""

    def __init__(
        self,
        clock: Clock,
        log: Callable[[str], None],
        look: Callable[[Collection[str]], Gpus] | None = None,
    ) -> None:
        self._clock = clock
        self._log = log
        self._look = look or Looker().look
        #: The tokens of the running attempts: what has one of them is not foreign.
        self.tokens: frozenset[str] = frozenset()
        self._foreign = ForeignMemory()
        self._is_wanted = False
        self._seen: Gpus | None = None
        #: Every device that there has been, by UUID.
        self.known: dict[str, Gpu] = {}
        self._most = 0
        self._seen_at = 0.0
        self.found = Gpus()
        self._thread: threading.Thread | None = self._start()
        self._thread.join(PATIENCE)
        self.step(is_in_use=False)

    def step(self, *, is_in_use: bool) -> Gpus:
        """Return what is known now, and look again when it is time; `is_in_use`: runs have devices or wait for some.

        While all is well and no run has or wants a device, nobody looks: that can cost a second, and wakes the
        devices. What was seen long ago is then marked as stale, until somebody has looked.
        """
        now = self._clock.monotonic()
        self._is_wanted = is_in_use
        if self._thread is not None and not self._thread.is_alive():
            self._thread, self._looked_at, self._seen_at = None, now, now
            self._take(self._seen or _SILENT)
        elif self._thread is not None and now - self._looked_at >= PATIENCE:
            self._take(_SILENT)
        self._mark_stale(now)
        if self._thread is None and now - self._looked_at >= self._period():
            self._thread = self._start()
        return self.found

    def _period(self) -> float:
        if not self.found.usable:
            return PERIOD
        if self._is_wanted:
            return min(LIVE, PERIOD)
        return PERIOD if self.found.refused else float("inf")

    def _mark_stale(self, now: float) -> None:
        if self.found.seen and not self.found.is_stale and now - self._seen_at > FRESH:
            self.found = self.found._replace(is_stale=True)

    def wait_seconds(self) -> float | None:
        """Return the seconds until `step` should be called again; None if that is not urgent."""
        if not self._is_wanted or not self.found.usable:
            return None
        if self._thread is not None:
            return _SOON if self.found.is_stale else LIVE / 4
        return max(0.0, self._looked_at + self._period() - self._clock.monotonic())

    def _start(self) -> threading.Thread:
        self._looked_at = self._clock.monotonic()
        self._seen = None
        thread = threading.Thread(target=self._see, name="gpus", daemon=True)
        thread.start()
        return thread

    def _see(self) -> None:
        self._seen = self._look(self.tokens)

    def _take(self, seen: Gpus) -> None:
        found = self._with_the_gone(self._foreign.added(seen, self._clock.monotonic()))
        self.known.update({gpu.uuid: gpu for gpu in found.usable})
        self._most = max(self._most, found.total)
        if found != self.found:
            self._tell(self.found, found)
        self.found = found  # also if all is as before: it is another look

    def _with_the_gone(self, seen: Gpus) -> Gpus:
        """Return a reading with the devices that there were before: they are lost, and not absent."""
        if seen.problem is not None or seen.total >= self._most:
            return seen
        if not seen.total:
            return Gpus(problem=f"the GPUs are gone: {seen.absence}")
        there = {gpu.uuid for gpu in seen.usable}
        gone = [
            Refused(f"GPU {g.index} ({g.uuid})", "it is gone")
            for g in self.known.values()
            if g.uuid not in there
        ]
        return seen._replace(refused=(*seen.refused, *gone[: self._most - seen.total]))

    def _tell(self, before: Gpus, now: Gpus) -> None:
        for remark in now.remarks:
            if remark not in before.remarks:
                self._log(f"WARNING: {remark}")
        if now.problem is not None:
            if now.problem != before.problem:
                self._log(f"WARNING: {now.problem}; runs that need a GPU wait, others continue")
            return
        if before.problem is not None:
            self._log("the GPUs can be used again")
        for refused in now.refused:
            if refused not in before.refused:
                self._log(f"WARNING: {refused}; the others can")
        names = {refused.name for refused in now.refused}
        for refused in before.refused if before.problem is None else ():
            if refused.name not in names:
                self._log(f"{refused.name} can be used again")
